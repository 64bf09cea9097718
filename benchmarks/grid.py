"""Runs of a grid two at a time on two cores beside the ideal: half of the time that they take one after the
other, on one core each.
`python benchmarks/grid.py` needs Fashion-MNIST in $HIERNB_DATA or ./data, and nothing else running."""
import os,pathlib,resource,sys,tempfile,time
from hiernb.data import load
from hiernb.run.grid import Runs,plan
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from common import row  # noqa: E402

RECIPES,SEEDS,SETTINGS = (
    ["fashion_mnist/proxydr","fashion_mnist/softmax"],[0,1],
    ["data.subset=10000","training.epochs=3","training.tensorboard=false"])

def run(folder:str, jobs:int)->tuple[float,float]:
    """Seconds for all runs, their start and their reports included, and the processors' seconds: these show
    whether others were at work."""
    runs = Runs(plan(RECIPES, SEEDS, folder, SETTINGS, "cpu"), jobs)
    start,spent = time.perf_counter(),children()
    runs.run()
    if runs.failed: raise SystemExit(f"{len(runs.failed)} runs failed: {runs.failed}")
    return time.perf_counter()-start,children()-spent

def children()->float:
    "Processor seconds of all processes that have ended."
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime+used.ru_stime

def main()->None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores)<2: raise SystemExit("this needs two cores")
    os.environ.setdefault("HIERNB_DATA", str(pathlib.Path("data").resolve()))
    load("fashion_mnist")
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, cores)
        (together,work) = run(f"{folder}/two", 2)
        os.sched_setaffinity(0, cores[:1])
        (alone,work_alone) = run(f"{folder}/one", 1)
    what = f"{len(RECIPES)*len(SEEDS)} runs of fashion_mnist/*, two at a time on two cores"
    peer = (
        f"half of the sum of single runs, one thread each; ours takes {2*together/alone:.3f} of it, and "
        f"{work/work_alone:.3f} of the processor time")
    print(row(what, together, alone/2, "s", peer))

if __name__=="__main__": main()
