"""What a CUDA device makes of HIER, of retrieval and of a training step: results beside the CPU's, launches, times and
memory beside named peers. Writes benchmarks/RESULTS-device.md in less than five minutes.
`python benchmarks/device.py`"""
import argparse,pathlib,platform,statistics,sys,time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity,profile

from common import row
from hier import BATCH,C,DIM,MARGIN,PER_CLASS,PROXIES,TAU,TOPK,TRIPLETS,step as hier_step
from hiernb.geometry.poincare import ToPoincare,pairwise_dist
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.loss.regularized import Regularized
from hiernb.metric.retrieval import recall_at_k
from hiernb.model.backbones import build
from hiernb.train.config import Options
from hiernb.train.learner import Learner

here = pathlib.Path(__file__).parent
sizes = dict(recall=((60_000,60_000),(10_000,1_000_000)), pixels=224, images=90, backbone="resnet50", steps=10)
small = dict(recall=((600,600),(100,2_000)), pixels=32, images=8, backbone="resnet18", steps=1)

def wait(device:torch.device)->None:
    if device.type=="cuda": torch.cuda.synchronize(device)

def seconds(f:Callable, device:torch.device, repeat:int)->float:
    "Median time of a call, to the end of what it started on the device; the first call warms up."
    f()
    times = []
    for _ in range(repeat):
        wait(device)
        start = time.perf_counter()
        f()
        wait(device)
        times.append(time.perf_counter()-start)
    return statistics.median(times)

def peak(f:Callable, device:torch.device)->float:
    "Peak of allocated memory of one call above its start, in MB."
    wait(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    f()
    wait(device)
    return (torch.cuda.max_memory_allocated(device)-before)/1e6

def launches(f:Callable, device:torch.device)->tuple[int,int]:
    "Kernels that a call launches, and times that the host waits for the device."
    f()
    with profile(activities=[ProfilerActivity.CPU,ProfilerActivity.CUDA]) as seen:
        f()
        wait(device)
    names = Counter(event.name for event in seen.events())
    waited = names["cudaStreamSynchronize"]+names["cudaEventSynchronize"]
    return sum(n for name,n in names.items() if "LaunchKernel" in name),waited

def problem(device:torch.device)->tuple[HIER,Tensor,Tensor]:
    "HIER of the paper's size, Euclidean embeddings and labels; the same numbers on every device."
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(BATCH//PER_CLASS).repeat_interleave(PER_CLASS)
    u = torch.randn(BATCH//PER_CLASS, DIM, generator=generator)[labels]
    u = u+torch.randn(BATCH, DIM, generator=generator)
    loss = HIER(PROXIES, DIM, c=C, tau=TAU, margin=MARGIN, topk=TOPK, triplets_per_anchor=TRIPLETS,
        generator=generator)
    return loss.to(device),u.to(device).requires_grad_(),labels.to(device)

def same_results(device:torch.device, draws:int=20)->list[str]:
    "Compare with the CPU. `AssertionError` where a result is another one."
    found = {}
    for place in (torch.device("cpu"),device):
        loss,u,labels = problem(place)
        z = ToPoincare(C)(u)
        d = pairwise_dist(z, z.detach(), C)
        grad, = torch.autograd.grad(d.sum(), u)
        values = torch.stack([loss(z.detach(), labels).detach() for _ in range(draws)]).cpu()
        recall = recall_at_k(z.detach(), labels, (1,2,4,8), geometry="poincare", c=C)
        found[place.type] = d.detach().cpu(),grad.cpu(),values,recall
    (d,grad,values,recall),(d2,grad2,values2,recall2) = found["cpu"],found[device.type]
    far,turned = (d2/d.clamp_min(1e-6)-1)[d>0].abs().max(),(grad2-grad).norm()/grad.norm()
    z_score = (values.mean()-values2.mean())/((values.var()+values2.var())/draws).sqrt()
    assert far<1e-5
    assert turned<1e-4
    assert abs(z_score)<4.5
    assert recall==recall2
    return [f"- distances of all pairs: relative difference at most {far:.1e}, of their gradient {turned:.1e}",
        f"- HIER, mean of {draws} draws: {values2.mean():.4f}, on the CPU {values.mean():.4f} (z = {z_score:.1f})",
        f"- Recall@1, 2, 4, 8: equal, {', '.join(f'{v:.4f}' for v in recall.values())}"]

def hier_rows(device:torch.device, repeat:int)->list[str]:
    "Time, memory, launches and waits of a HIER step, beside the published form."
    loss,u,labels = problem(device)
    ours,peer = (partial(hier_step, which, u, loss.euclidean_proxies, labels) for which in (loss,None))
    what = f"HIER, forward and backward, batch {BATCH}, {PROXIES} proxies, {DIM}-d"
    name = "the published form: Möbius distance, triplets in a loop, autograd"
    rows = [row(f"{what}: time", seconds(ours, device, repeat)*1e3, seconds(peer, device, repeat)*1e3, "ms", name)]
    if device.type!="cuda": return rows                                    # it tells the rest
    rows.append(row(f"{what}: memory", peak(ours, device), peak(peer, device), "MB", name))
    for kind,mine,theirs in zip(("launches","waits of the host"), launches(ours, device), launches(peer, device)):
        rows.append(row(f"{what}: {kind}", max(mine, 1), theirs, "", name))
    return rows

def plain_recall(queries:Tensor, labels:Tensor, gallery:Tensor, gallery_labels:Tensor, own:bool)->float:
    "Recall@1 by float32 products and top-k, block by block."
    gallery,hits = F.normalize(gallery),0
    rows = max(1, 2**28//len(gallery))
    for part in torch.arange(len(queries), device=queries.device).split(rows):
        found = (F.normalize(queries[part])@gallery.mT).topk(1+own).indices[:,-1]
        hits += (gallery_labels[found]==labels[part]).sum()
    return float(hits)/len(queries)

def recall_rows(device:torch.device, counts:tuple)->list[str]:
    "Time of Recall@1 of many points, beside plain top-k."
    rows = []
    for q,n in counts:
        generator = torch.Generator(device).manual_seed(0)
        labels = torch.randint(n//10, (n,), generator=generator, device=device)
        points = torch.randn(n//10, DIM, generator=generator, device=device)[labels]
        points = points+torch.randn(n, DIM, generator=generator, device=device)
        own = q==n
        queries = (points,labels) if own else (points[:q]+.1,labels[:q])
        ours = partial(recall_at_k, *queries, 1, *(() if own else (points,labels)))
        peer = partial(plain_recall, *queries, points, labels, own)
        found,plain = ours()[1],peer()
        assert abs(found-plain)<1e-3, (found,plain)
        rows.append(row(f"Recall@1, {q:,} queries among {n:,}×{DIM}", seconds(ours, device, 1), seconds(peer, device, 1),
            "s", "torch: float32 product and top-k"))
    return rows

def step_rows(device:torch.device, images:int, pixels:int, backbone:str, repeat:int)->list[str]:
    "Time of a whole training step with HIER, beside the step without."
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(images, 3, pixels, pixels, generator=generator).to(device)
    labels = torch.arange(images//2).repeat_interleave(2).to(device)
    def step_of(with_hier:bool)->float:
        model = build(backbone, dim=128, head="poincare")
        loss = ProxyAnchor(images, 128)
        if with_hier: loss = Regularized(loss, HIER(PROXIES, 128, topk=TOPK), .5)
        learner = Learner(model, loss, Options(batch_size=images), device.type)
        learner.model.train()
        return seconds(lambda: learner.step(0, images, list, batch, labels, score=False), device, repeat)
    return [row(f"training step, {backbone}, batch {images}, {pixels} px, with HIER", step_of(True)*1e3,
        step_of(False)*1e3, "ms", "the step without HIER")]

def main(name:str="cuda", of:dict=sizes, file:pathlib.Path=here/"RESULTS-device.md")->None:
    "Measure everything, and write it."
    device = torch.device(name)
    if device.type=="cuda" and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no CUDA device: nothing to measure")
    title = torch.cuda.get_device_name(device) if device.type=="cuda" else platform.processor() or device.type
    start = time.perf_counter()
    text = ["# Benchmarks on a device", "", "Made by `python benchmarks/device.py`. *Ours* and *peer* had the same input "
        "in the same run; the ratio is peer : ours.", "", f"{title}, Python {platform.python_version()}, torch "
        f"{torch.__version__}.", "", "## The same results as on the CPU", "", *same_results(device), "", "## Time and memory",
        "", "| what | ours | peer | ratio | peer is |", "|---|---|---|---|---|"]
    for part in (partial(hier_rows, device, of["steps"]),partial(recall_rows, device, of["recall"]),
            partial(step_rows, device, of["images"], of["pixels"], of["backbone"], of["steps"])):
        rows = part()
        print(*rows, sep="\n", flush=True)
        text += rows
    text += ["", f"All of it took {time.perf_counter()-start:.0f} s."]
    file.write_text("\n".join(text)+"\n")
    print(f"written: {file}")

if __name__=="__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--small", action="store_true", help="sizes that prove nothing but that the script runs")
    given = parser.parse_args()
    main(given.device, small if given.small else sizes, here/"RESULTS-device.md" if not given.small
        else pathlib.Path("RESULTS-device-small.md"))
