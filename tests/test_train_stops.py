"A run that is stopped from outside: Ctrl-C, a full disk. The room 52_train tests the same from inside."
import json,os,resource,shutil,signal,subprocess,sys,time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hiernb.checkpoint import read_checkpoint
from hiernb.data.base import Data,ImageSet
from hiernb.model import build
from hiernb.train import train
from hiernb.tree.taxonomy import Taxonomy

class Plain(nn.Module):
    n_classes,dim = 2,4
    def __init__(self): super().__init__(); self.proxies = nn.Parameter(torch.eye(2,4))
    def logits(self, embeddings): return embeddings@self.proxies.T
    def forward(self, embeddings, labels): return F.cross_entropy(self.logits(embeddings), labels)

def images(n, seed):
    g = torch.Generator().manual_seed(seed)
    return ImageSet(torch.randint(256,(n,1,28,28),generator=g,dtype=torch.uint8), torch.arange(n)%2, .5, .3)

def go(folder, epochs):
    two = Taxonomy.from_paths([("a","x"),("a","y")]); threads = torch.get_num_threads()
    data = Data("noise", dict(train=images(1280,0),val=images(64,1)), two, two.names)
    torch.set_num_threads(1)                    # two processes are to end in the same bits
    try: return train(build("small_cnn",4,1), Plain(), data, folder, epochs=epochs, progress=False, accelerator="cpu")
    finally: torch.set_num_threads(threads)

def start(*lines, wrapper=()):
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"     # whoever runs the tests in the background has it ignored
    code = "\n".join(["import signal",heed,"from test_train_stops import go",*lines])
    return subprocess.Popen([*wrapper,sys.executable,"-c",code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=Path(__file__).parent, env={**os.environ,"OMP_NUM_THREADS":"1"})

def test_ctrl_c_leaves_the_last_epoch_whole_and_another_process_goes_on_as_if_nothing_had_happened(tmp_path):
    process = start(f"go({str(tmp_path/'stopped')!r}, 100_000)")
    last = tmp_path/"stopped"/"last.ckpt"; deadline = time.monotonic()+300
    try:
        while not last.exists() and process.poll() is None and time.monotonic()<deadline: time.sleep(.02)
        assert last.exists(), "no epoch was finished in 300 s"
        time.sleep(.1); process.send_signal(signal.SIGINT)
        _,error = process.communicate(timeout=300)
    finally: process.kill()                     # it would train for ever
    assert process.returncode!=0 and "KeyboardInterrupt" in error, error
    done = read_checkpoint(last)["epoch"]
    assert done>=1 and not [p.name for p in last.parent.iterdir() if p.name.startswith(".")]
    for name in ("stopped","whole"): go(tmp_path/name, done+1)
    a,b = (read_checkpoint(tmp_path/name/"last.ckpt") for name in ("stopped","whole"))
    assert a["epoch"]==b["epoch"]==done+1
    assert all(torch.equal(v, b[part][k]) for part in ("model","loss") for k,v in a[part].items())

def test_a_limit_on_file_size_leaves_the_checkpoint_from_before(tmp_path):
    go(tmp_path, 1); before = (tmp_path/"last.ckpt").read_bytes()
    soft,hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before)//2,hard))      # best.ckpt would fit, last.ckpt with Adam's moments does not
    try:
        with pytest.raises(OSError, match=f"could not write {tmp_path/'last.ckpt'}.*untouched"): go(tmp_path, 2)
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, (soft,hard))
    assert (tmp_path/"last.ckpt").read_bytes()==before
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]

def test_a_full_disk_leaves_the_checkpoint_from_before(tmp_path):
    wrapper = ["unshare","--map-root-user","--mount","sh","-c",'mount -t tmpfs -o size=1500k none "$0" && exec "$@"',str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*wrapper,"true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets no ordinary user mount a small disk; the limit on file size stands in for it")
    process = start("import json,pathlib,shutil", f"folder = pathlib.Path({str(tmp_path)!r})",
        "go(folder, 1)", "last = folder/'last.ckpt'", "before = last.read_bytes()",
        "(folder/'ballast').write_bytes(bytes(shutil.disk_usage(folder).free-len(before)//2))", "try: go(folder, 2)", "except OSError as e:",
        " print(json.dumps([e.errno,str(e),last.read_bytes()==before,sorted(p.name for p in folder.iterdir())]))", wrapper=wrapper)
    out,error = process.communicate(timeout=300); assert process.returncode==0 and out, error
    number,message,whole,names = json.loads(out.splitlines()[-1])
    assert number==28 and "No space left on device" in message and "untouched" in message    # 28: ENOSPC
    assert whole and names==["ballast","best.ckpt","last.ckpt","log.csv","settings.json"]
