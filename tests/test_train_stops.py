"A run that is stopped from outside: Ctrl-C, a full disk. The room 52_train tests the same from inside."
import json,os,shutil,signal,subprocess,sys,textwrap,time

import pytest
import torch

from hiernb.checkpoint import read_checkpoint

SCRIPT = textwrap.dedent("""
    import json,sys
    import torch,torch.nn.functional as F
    from torch import nn
    from hiernb.data.base import Data,ImageSet
    from hiernb.model import build
    from hiernb.train import train
    from hiernb.tree.taxonomy import Taxonomy
    torch.set_num_threads(1)
    class Plain(nn.Module):
        n_classes,dim = 2,4
        def __init__(self): super().__init__(); self.proxies = nn.Parameter(torch.eye(2,4))
        def logits(self, embeddings): return embeddings@self.proxies.T
        def forward(self, embeddings, labels): return F.cross_entropy(self.logits(embeddings), labels)
    def images(n, seed):
        g = torch.Generator().manual_seed(seed)
        return ImageSet(torch.randint(256,(n,1,28,28),generator=g,dtype=torch.uint8), torch.arange(n)%2, .5, .3)
    two = Taxonomy.from_paths([("a","x"),("a","y")])
    data = Data("noise", dict(train=images(1280,0),val=images(64,1)), two, two.names)
    def go(folder, epochs): return train(build("small_cnn",4,1), Plain(), data, folder, epochs=epochs, progress=False, accelerator="cpu")
""")

def start(*lines, wrapper=()):
    code = SCRIPT+"\n".join(lines)
    return subprocess.Popen([*wrapper,sys.executable,"-c",code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ,"OMP_NUM_THREADS":"1"})

def same_weights(a, b):
    return all(torch.equal(v, b[part][k]) for part in ("model","loss") for k,v in a[part].items())

def test_ctrl_c_leaves_the_last_epoch_whole_and_the_run_goes_on_as_if_nothing_had_happened(tmp_path):
    process = start(f"go({str(tmp_path/'stopped')!r}, 100_000)")
    last = tmp_path/"stopped"/"last.ckpt"; deadline = time.monotonic()+300
    while not last.exists() and process.poll() is None and time.monotonic()<deadline: time.sleep(.02)
    time.sleep(.3); process.send_signal(signal.SIGINT)
    _,error = process.communicate(timeout=300)
    assert process.returncode!=0 and "KeyboardInterrupt" in error, error
    done = read_checkpoint(last)["epoch"]
    assert done>=1 and not [p.name for p in last.parent.iterdir() if p.name.startswith(".")]
    code = f"go({str(tmp_path/'stopped')!r}, {done+2}); go({str(tmp_path/'whole')!r}, {done+2})"
    process = start(code); _,error = process.communicate(timeout=400); assert process.returncode==0, error
    a,b = (read_checkpoint(tmp_path/name/"last.ckpt") for name in ("stopped","whole"))
    assert a["epoch"]==b["epoch"]==done+2 and same_weights(a,b)

def one_epoch(folder):
    process = start(f"go({str(folder)!r}, 1)"); _,error = process.communicate(timeout=300); assert process.returncode==0, error
    return (folder/"last.ckpt").read_bytes()

def test_a_limit_on_file_size_leaves_the_checkpoint_from_before(tmp_path):
    before = one_epoch(tmp_path)
    limit = len(before)//2                      # best.ckpt would fit, last.ckpt with Adam's moments does not
    process = start("import resource", f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit},{limit}))", f"go({str(tmp_path)!r}, 2)")
    _,error = process.communicate(timeout=300)
    assert process.returncode!=0 and f"could not write {tmp_path/'last.ckpt'}" in error and "untouched" in error, error
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
