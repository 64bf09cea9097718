"Time and memory of one call beside a named peer, on the same input in the same run."
import gc,multiprocessing,statistics,time
from collections.abc import Callable

def seconds(f:Callable, repeat:int=5)->float:
    "Median wall time of `repeat` calls of `f`, after one call that warms up."
    f()
    times = []
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        f()
        times.append(time.perf_counter()-start)
    return statistics.median(times)

def _rss(field:str)->int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1])*1024 for line in file if line.startswith(field+":"))

def _child(f, pipe):
    gc.collect()
    before = _rss("VmRSS")
    with open("/proc/self/clear_refs","w") as file: file.write("5")       # resets the peak to now
    f()
    pipe.send(_rss("VmHWM")-before)

def peak_bytes(f:Callable)->int:
    """Peak resident memory of one call of `f` above its start, in a forked child (Linux).
    Call before torch has started threads."""
    here,there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_child, args=(f,there))
    process.start()
    there.close()
    try: peak = here.recv()
    except EOFError:
        raise RuntimeError("the measured call ended without an answer; it may have run out of memory") from None
    process.join()
    return peak

def row(what:str, ours:float, peer:float, unit:str, peer_name:str)->str:
    "One line of benchmarks/RESULTS.md: what was measured, ours, the peer, and how many times less ours is."
    return f"| {what} | {ours:.3g} {unit} | {peer:.3g} {unit} | {peer/ours:.1f}× | {peer_name} |"
