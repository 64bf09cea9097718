"The whole training loop beside a plain PyTorch loop of the same model, loss, optimiser and loader. `python benchmarks/loop.py`"
import tempfile,time,warnings
from collections.abc import Callable
from pathlib import Path

import torch
from hiernb.batches import batches,epoch_seed
from hiernb.data.base import Data,ImageSet
from hiernb.guards import Terminable
from hiernb.loss.classification import ProxyDR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.loss.regularized import Regularized
from hiernb.model import build
from hiernb.options import Options
from hiernb.train import Trainer
from hiernb.tree.taxonomy import Taxonomy
from tqdm import tqdm

EPOCHS = 5

def images(n:int, classes:int, channels:int, size:int)->ImageSet:
    generator = torch.Generator().manual_seed(0)
    return ImageSet(torch.randint(256, (n,channels,size,size), generator=generator, dtype=torch.uint8), torch.arange(n)%classes, .5, .3)

def ours(data:Data, make:Callable, batch_size:int, folder:str)->Callable[[],None]:
    "An epoch of ours: steps, guards, sums; no validation and no checkpoint."
    trainer = Trainer(*make(), data, Path(folder), Options(batch_size=batch_size, lr=1e-3), "cpu")
    def epoch(): trainer.epoch(tqdm(disable=True), Terminable()); trainer.history.append({}); trainer.done,trainer.sums,trainer.spent = 0,{},0.
    return epoch

def plain(data:Data, make:Callable, batch_size:int)->Callable[[],None]:
    "The loop of a tutorial, in the same order of images, with the mean loss in the end."
    model,loss = make(); number = [0]
    optimizer = torch.optim.Adam([*model.parameters(),*loss.parameters()], lr=1e-3, fused=True)
    def epoch():
        model.train(); loss.train(); total = 0.
        order = torch.randperm(len(data.splits["train"]), generator=torch.Generator().manual_seed(epoch_seed(0, number[0]))); number[0] += 1
        for x,y in batches(data.splits["train"], batch_size, order):
            optimizer.zero_grad(); value = loss(model(x), y); value.backward(); optimizer.step(); total += value.item()*len(y)
    return epoch

def compare(what:str, data:Data, make:Callable, batch_size:int)->None:
    "Epochs in turn, so that whatever else the machine does meets both; medians of wall and processor time."
    n = len(data.splits["train"])
    with tempfile.TemporaryDirectory() as folder:
        epochs = [ours(data, make, batch_size, folder),plain(data, make, batch_size)]; times:list[list] = [[],[]]
        for f in epochs: f()
        for turn in range(EPOCHS):
            for i in (0,1) if turn%2 else (1,0):
                wall,work = time.perf_counter(),time.process_time(); epochs[i]()
                times[i].append((time.perf_counter()-wall,time.process_time()-work))
    wall,work = ([sorted(t[k] for t in ts)[EPOCHS//2] for ts in times] for k in (0,1))
    for name,(a,b) in (("wall time",wall),("processor time",work)):
        print(f"| {what}, {name} | {n/a:.0f} images/s | {n/b:.0f} images/s | {b/a:.3f}× | a plain loop |")

def main()->None:
    "One thread: a step of a small network is nothing to share."
    torch.set_num_threads(1); warnings.simplefilter("ignore")
    names = lambda k: Taxonomy.from_paths([(str(i),) for i in range(k)])
    def toy(n, k, channels, size): t = names(k); return Data("noise", dict(train=images(n, k, channels, size),val=images(2*k, k, channels, size)), t, t.names)
    draw = lambda: torch.Generator().manual_seed(0)
    print("| what | ours | peer | ratio | peer is |\n|---|---|---|---|---|")
    compare("small CNN, ProxyDR, batch 32, 28 px", toy(9600, 10, 1, 28), lambda: (build("small_cnn",128,1),ProxyDR(10,128,generator=draw())), 32)
    def pa_hier(): return build("small_cnn",128,1,head="poincare"),Regularized(ProxyAnchor(20,128,generator=draw()), HIER(64,128,topk=10,generator=draw()))
    compare("small CNN, Proxy-Anchor and HIER, batch 90, 28 px", toy(5400, 20, 1, 28), pa_hier, 90)
    compare("ResNet-18, ProxyDR, batch 32, 64 px", toy(320, 10, 3, 64), lambda: (build("resnet18",128),ProxyDR(10,128,generator=draw())), 32)

if __name__=="__main__": main()
