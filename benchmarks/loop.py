"""The whole training loop beside a plain PyTorch loop of the same model, loss, optimizer and loader.
`python benchmarks/loop.py`"""
import tempfile,time,warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from hiernb.train.sampling import batches,epoch_seed
from hiernb.data.base import Data,ImageSet
from hiernb.train.health import Terminable
from hiernb.loss.classification import ProxyDR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.loss.regularized import Regularized
from hiernb.model.backbones import build
from hiernb.train.config import Options
from hiernb.train.loop import Trainer
from hiernb.tree.taxonomy import Taxonomy
from scipy.stats import bootstrap
from tqdm import tqdm

ROUNDS = 4

def images(n:int, classes:int, channels:int, size:int)->ImageSet:
    generator = torch.Generator().manual_seed(0)
    return ImageSet(torch.randint(256, (n,channels,size,size), generator=generator, dtype=torch.uint8),
        torch.arange(n)%classes, .5, .3)

def ours(data:Data, make:Callable, batch_size:int, folder:str)->Callable[[],None]:
    "An epoch of ours: steps, guards, sums; no validation and no checkpoint."
    trainer = Trainer(*make(), data, Path(folder), Options(batch_size=batch_size, lr=1e-3), "cpu")
    def epoch():
        trainer.epoch(tqdm(disable=True), Terminable())
        trainer.history.append({})
        trainer.done,trainer.sums,trainer.spent = 0,{},0.
    return epoch

def plain(data:Data, make:Callable, batch_size:int)->Callable[[],None]:
    "The loop of a tutorial, in the same order of images, with the mean loss in the end."
    model,loss = make()
    number = [0]
    optimizer = torch.optim.Adam([*model.parameters(),*loss.parameters()], lr=1e-3, fused=True)
    def epoch():
        model.train()
        loss.train()
        total = 0.
        order = torch.randperm(len(data.splits["train"]),
            generator=torch.Generator().manual_seed(epoch_seed(0, number[0])))
        number[0] += 1
        for x,y in batches(data.splits["train"], batch_size, order):
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            total += value.item()*len(y)
    return epoch

def compare(what:str, data:Data, make:Callable, batch_size:int, turns:int)->None:
    """Short epochs in turn, so that whatever else the machine does meets both; new models in each round, as
    where weights lie in memory matters too."""
    n = len(data.splits["train"])
    times:list[list] = [[],[]]
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            epochs = [ours(data, make, batch_size, folder),plain(data, make, batch_size)]
            for f in epochs: f()
            for turn in range(turns//ROUNDS):
                for i in (0,1) if turn%2 else (1,0):
                    wall,work = time.perf_counter(),time.process_time()
                    epochs[i]()
                    times[i].append((time.perf_counter()-wall,time.process_time()-work))
    mine,peer = np.array(times)  # each (turns, wall and processor time)
    for k,name in enumerate(("wall time","processor time")):
        a,b = np.median(mine[:,k]),np.median(peer[:,k])
        low,high = bootstrap((mine[:,k],peer[:,k]), lambda x,y: np.median(y)/np.median(x), paired=True,
            vectorized=False, n_resamples=2000, method="percentile", rng=0).confidence_interval
        print(f"| {what}, {name} | {n/a:.0f} images/s | {n/b:.0f} images/s | {b/a:.3f}× "
            f"({low:.3f}–{high:.3f}) | a plain loop |")

def main()->None:
    "One thread: a step of a small network is nothing to share."
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    names = lambda k: Taxonomy.from_paths([(str(i),) for i in range(k)])
    def toy(n, k, channels, size):
        t = names(k)
        return Data("noise", dict(train=images(n, k, channels, size),val=images(2*k, k, channels, size)), t,
            t.names)
    draw = lambda: torch.Generator().manual_seed(0)
    print("| what | ours | peer | ratio | peer is |\n|---|---|---|---|---|")
    compare("small CNN, ProxyDR, batch 32, 28 px", toy(1600, 10, 1, 28),
        lambda: (build("small_cnn",128,1),ProxyDR(10,128,generator=draw())), 32, 60)
    def pa_hier():
        return (
            build("small_cnn",128,1,head="poincare"),
            Regularized(ProxyAnchor(20,128,generator=draw()), HIER(64,128,topk=10,generator=draw())))
    compare("small CNN, Proxy-Anchor and HIER, batch 90, 28 px", toy(1350, 20, 1, 28), pa_hier, 90, 40)
    compare("ResNet-18, ProxyDR, batch 32, 64 px", toy(96, 10, 3, 64),
        lambda: (build("resnet18",128),ProxyDR(10,128,generator=draw())), 32, 24)

if __name__=="__main__": main()
