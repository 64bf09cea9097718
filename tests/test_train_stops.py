"""A run that is stopped from outside: SIGTERM, Ctrl-C, kill -9, a full disk.
The room 65_train/14_loop tests the same from inside."""
import contextlib,json,multiprocessing,os,random,resource,shutil,signal,socket,subprocess,sys,time
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hiernb.train import checkpoint
from hiernb.train.checkpoint import best_checkpoint,checkpoints,read_checkpoint
from hiernb.data.base import Data,ImageSet
from hiernb.model.backbones import build
from hiernb.train.loop import train
from hiernb.tree.taxonomy import Taxonomy

class Plain(nn.Module):
    n_classes,dim = 2,4
    def __init__(self):
        super().__init__()
        self.proxies = nn.Parameter(torch.eye(2,4))
    def logits(self, embeddings): return embeddings@self.proxies.T
    def forward(self, embeddings, labels): return F.cross_entropy(self.logits(embeddings), labels)

def images(n, seed):
    g = torch.Generator().manual_seed(seed)
    return ImageSet(torch.randint(256,(n,1,28,28),generator=g,dtype=torch.uint8), torch.arange(n)%2, .5, .3)

def go(folder, epochs, n=1280, model=None, **options):
    two = Taxonomy.from_paths([("a","x"),("a","y")])
    threads = torch.get_num_threads()
    data = Data("noise", dict(train=images(n,0),val=images(64,1)), two, two.names)
    torch.set_num_threads(1)                    # two processes are to end in the same bits
    try:
        return train(model or build("small_cnn",4,1), Plain(), data, folder, epochs=epochs, progress=False,
            accelerator="cpu", **options)
    finally: torch.set_num_threads(threads)

def last(folder): return read_checkpoint(checkpoints(folder)[-1])

def same(a, b):
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    if isinstance(a, dict):
        return (
            a.keys()==b.keys()
            and all(same(a[k], b[k]) for k in a if k not in ("seconds","images_per_second","spent")))
    if isinstance(a, (list,tuple)): return len(a)==len(b) and all(map(same, a, b))
    return a==b

def heed(folder):                               # whoever runs the tests in the background has SIGINT ignored
    # not from the tests' fork server: its group is another one
    multiprocessing.set_start_method("fork", force=True)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stderr = open(folder/"said.log", "w", buffering=1)

def for_ever(folder):
    heed(folder)
    go(folder, 100_000, workers=1)

class Dropped(nn.Sequential):
    "A few weights, one random layer."
    dim = 4
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784,4), nn.Dropout(.3))
        for p in self.parameters(): nn.init.normal_(p, std=.05, generator=torch.Generator().manual_seed(0))

def short(folder):
    "Sixty epochs of four steps, a checkpoint after each step."
    go(folder, 60, n=64, model=Dropped(), batch_size=16, lr=1e-2, ema_decay=.9, optimizer="adamw",
        checkpoint_minutes=0, tensorboard=False)

def dies_in_save(folder, n, half):
    "Is killed in its n-th save, the new file written in half or in whole, but not yet in its place."
    write,left = checkpoint.save_file,[n]
    def killed(tensors, path, about):
        write(tensors, path, about)
        left[0] -= 1
        if left[0]==0:
            if half: os.truncate(path, path.stat().st_size//2)
            os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.save_file = killed
    short(folder)

def one_of_two(folder, rank, port, epochs):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port))
    sys.stderr = open(folder/f"said{rank}.log", "w", buffering=1)
    write = checkpoint.save_file
    def slowly(*about):
        write(*about)
        time.sleep(.2)
    if rank==0: checkpoint.save_file = slowly
    go(folder, epochs, n=96, model=Dropped(), batch_size=16, ema_decay=.9, tensorboard=False)

def works(folder, begun):
    "Says when it saves for the first time."
    write = checkpoint.save_file
    def tells(*about):
        begun.set()
        write(*about)
    checkpoint.save_file = tells
    short(folder)

@pytest.fixture(scope="module")
def fork():
    "Starts children of one process that has imported everything."
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hiernb.model.backbones","hiernb.train.loop","pandas","pytest",
        "torch._dynamo"])
    def start(target, *args):
        process = context.Process(target=target, args=args)
        process.start()
        return process
    start.event = context.Event
    return start

@pytest.mark.parametrize("number", [signal.SIGTERM,signal.SIGINT])
def test_a_signal_leaves_a_whole_checkpoint_and_another_process_goes_on_as_if_nothing_had_happened(tmp_path,
    fork, number):
    folder = tmp_path/"stopped"
    folder.mkdir()
    process = fork(for_ever, folder)
    deadline = time.monotonic()+300
    try:
        while not checkpoints(folder) and process.is_alive() and time.monotonic()<deadline: time.sleep(.02)
        assert checkpoints(folder), "no epoch was finished in 300 s"
        time.sleep(.1)
        os.killpg(process.pid, number)
        process.join(300)  # a terminal and a cluster tell the whole group, the loader too
        assert process.exitcode==(143 if number==signal.SIGTERM else 1)
    finally: process.kill()                     # it would train for ever
    said = (folder/"said.log").read_text()
    state = last(folder)
    done = state["epoch"]
    if number==signal.SIGTERM:
        assert said.count("\n")==1
        assert said.startswith("SIGTERM: stopped. The last whole checkpoint is")
        assert str(checkpoints(folder)[-1]) in said
    else: assert "KeyboardInterrupt" in said and state["step"]==0
    assert not [p.name for p in (folder/"checkpoints").iterdir() if p.name.startswith(".")]
    for name in ("stopped","whole"): go(tmp_path/name, done+1)
    a,b = (last(tmp_path/name) for name in ("stopped","whole"))
    assert a["epoch"]==done+1
    assert same(a, b)

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1",0))
        return s.getsockname()[1]

def test_sigterm_to_one_of_two_processes_stops_both_after_the_same_step(tmp_path, fork):
    def two(folder, epochs):
        folder.mkdir(exist_ok=True)
        port = free_port()
        return [fork(one_of_two, folder, rank, port, epochs) for rank in (0,1)]
    def end(processes):
        for p in processes: p.join(300)
        return [p.exitcode for p in processes]
    processes = two(tmp_path/"stopped", 100_000)
    deadline = time.monotonic()+300
    try:
        while not checkpoints(tmp_path/"stopped") and all(p.is_alive()
            for p in processes) and time.monotonic()<deadline:
            time.sleep(.02)
        time.sleep(.1)
        os.kill(processes[1].pid, signal.SIGTERM)
        processes[1].join(300)
        # as torchrun does once one has ended
        with contextlib.suppress(ProcessLookupError): os.kill(processes[0].pid, signal.SIGTERM)
        codes = end(processes)
        assert codes[1]==143
        assert codes[0] in (143,-signal.SIGTERM)  # the latter after it has written
    finally:
        for p in processes: p.kill()
    said = [(tmp_path/"stopped"/f"said{rank}.log").read_text() for rank in (0,1)]
    assert "SIGTERM: stopped" in said[0]
    assert "SIGTERM" not in said[1]
    done = last(tmp_path/"stopped")["epoch"]
    assert str(checkpoints(tmp_path/"stopped")[-1]) in said[0]
    for name in ("stopped","whole"): assert end(two(tmp_path/name, done+1))==[0,0]
    a,b = (last(tmp_path/name) for name in ("stopped","whole"))
    assert a["epoch"]==done+1
    assert same(a, b)

def test_kill_9_at_ten_moments_two_of_them_in_a_save_and_the_run_ends_in_the_same_bits(tmp_path, fork):
    whole,killed = tmp_path/"whole",tmp_path/"killed"
    alone = fork(short, whole)
    alone.join(300)
    assert alone.exitcode==0
    moments,progress = random.Random(5),[]      # noqa: S311 - not for secrets
    for i in range(10):
        if i in (3,6):
            process = fork(dies_in_save, killed, 5, i==3)
            process.join(300)
            assert len(list((killed/"checkpoints").glob(".*.safetensors.*")))==1  # what it was writing
        else:
            begun = fork.event()
            process = fork(works, killed, begun)
            assert begun.wait(300)
            time.sleep(moments.uniform(0,.08))
            process.kill()
            process.join(300)
        assert process.exitcode==-signal.SIGKILL
        progress.append(checkpoints(killed)[-1].stem if checkpoints(killed) else "")
    assert len(set(progress))>=5 and progress==sorted(progress) and progress[-1]<"00060", progress
    final = fork(short, killed)
    final.join(300)
    assert final.exitcode==0
    assert same(last(whole), last(killed))
    assert same(read_checkpoint(best_checkpoint(whole)), read_checkpoint(best_checkpoint(killed)))
    logs = [pd.read_csv(folder/"log.csv").drop(columns=["seconds","images_per_second"]) for folder in (whole,
        killed)]
    pd.testing.assert_frame_equal(*logs, check_exact=True)
    assert len(logs[0])==60
    assert sorted(p.name for p in (killed/"checkpoints").iterdir())==sorted(p.name
        for p in (whole/"checkpoints").iterdir())

def test_damaged_checkpoints_are_passed_over_and_the_run_ends_in_the_same_bits(tmp_path):
    go(tmp_path, 3, n=64)
    before = last(tmp_path)
    newest = checkpoints(tmp_path)[-1]
    data = bytearray(newest.read_bytes())
    data[len(data)//2] ^= 1
    newest.write_bytes(data)
    with pytest.warns(UserWarning, match="SHA-256.*Going on from .*00002-0000000"): go(tmp_path, 3, n=64)
    assert same(last(tmp_path), before)
    for path in checkpoints(tmp_path): path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(ValueError, match="is a pickle, which could run code.*resume=False"):
        go(tmp_path, 4, n=64)

def test_a_limit_on_file_size_leaves_the_checkpoint_from_before(tmp_path):
    go(tmp_path, 1)
    there = checkpoints(tmp_path)[-1]
    before = there.read_bytes()
    soft,hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # the best epoch's would fit, the whole state with Adam's moments does not
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before)//2,hard))
    try:
        with pytest.raises(OSError, match=f"could not write "
            f"{tmp_path/'checkpoints'/'00002-0000000.safetensors'}.*nothing was left behind"):
            go(tmp_path, 2)
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, (soft,hard))
    assert there.read_bytes()==before
    assert checkpoints(tmp_path)==[there]
    assert [p.name for p in tmp_path.rglob(".*")]==[".lock"]

def test_a_full_disk_leaves_the_checkpoint_from_before(tmp_path):
    wrapper = ["unshare","--map-root-user","--mount","sh","-c",
        'mount -t tmpfs -o size=1500k none "$0" && exec "$@"',str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*wrapper,"true"], capture_output=True,
        check=False).returncode:
        pytest.skip("this kernel lets no ordinary user mount a small disk; the limit on file size stands in "
            "for it")
    code = "\n".join(["import json,pathlib,shutil", "from test_train_stops import checkpoints,go",
        f"folder = pathlib.Path({str(tmp_path)!r})",
        "go(folder, 1)", "last = checkpoints(folder)[-1]", "before = last.read_bytes()",
        "(folder/'ballast').write_bytes(bytes(shutil.disk_usage(folder).free-len(before)//2))",
        "try: go(folder, 2)", "except OSError as e:",
        " print(json.dumps([e.errno,str(e),last.read_bytes()==before,sorted(p.name for p in "
        "(folder/'checkpoints').iterdir())]))"])
    process = subprocess.run([*wrapper,sys.executable,"-c",code], capture_output=True, text=True,
        cwd=Path(__file__).parent, timeout=300, check=False,
                             env={**os.environ,"OMP_NUM_THREADS":"1"})
    assert process.returncode==0 and process.stdout, process.stderr
    number,message,whole,names = json.loads(process.stdout.splitlines()[-1])
    assert number==28
    assert "No space left on device" in message
    assert "nothing was left behind" in message  # 28: ENOSPC
    assert whole
    assert names==["00001-0000000.safetensors","best.safetensors"]


def test_a_step_that_does_not_fit_into_memory_loses_nothing(tmp_path, monkeypatch):
    "What to lower is named in one line, the steps before are saved, and the run resumes to the same bits."
    calls,forward = [],Plain.forward
    def full(self, embeddings, labels):
        calls.append(1)
        if len(calls)==7: raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore")
        return forward(self, embeddings, labels)
    go(tmp_path/"whole", 1)
    monkeypatch.setattr(Plain, "forward", full)
    with pytest.raises(torch.OutOfMemoryError) as e: go(tmp_path/"part", 1)
    said = str(e.value)
    assert said.startswith("epoch 1, batch 7: CUDA out of memory. Tried to allocate 2.00 GiB. The step embeds 32 images")
    assert "lower micro_batch or batch_size" in said
    assert "and 6 batches of the next" in said
    assert "\n" not in said
    go(tmp_path/"part", 1)
    assert same(*(last(tmp_path/name) for name in ("whole","part")))
