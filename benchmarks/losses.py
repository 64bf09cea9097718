"""One training step's loss, forward and backward, beside pytorch-metric-learning.
`python benchmarks/losses.py`"""
import torch
from functools import partial
from pytorch_metric_learning.losses import NormalizedSoftmaxLoss
from hiernb.loss.classification import NormFace,ProxyDR
from common import row,seconds

BATCH,CLASSES,DIM,STEPS = 128,1000,128,10

def steps(loss:torch.nn.Module, embeddings:torch.Tensor, labels:torch.Tensor)->None:
    "`STEPS` forward and backward passes; `loss` is in training mode."
    for _ in range(STEPS):
        loss.zero_grad(set_to_none=True)
        loss(embeddings.requires_grad_(), labels).backward()

def main()->None:
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (BATCH,), generator=generator)
    embeddings = torch.randn(BATCH, DIM, generator=generator)
    peer = NormalizedSoftmaxLoss(CLASSES, DIM)
    cases = [(Loss,"euclidean",proxies,scale) for Loss in (NormFace,ProxyDR) for proxies in ("learned",
        "ema") for scale in (10.,"dynamic")]
    for Loss,distance,proxies,scale in cases+[(Loss,"angular","learned",10.) for Loss in (NormFace,ProxyDR)]:
        ours = Loss(CLASSES, DIM, distance, scale, proxies, generator=generator)
        turns = [(seconds(partial(steps,ours,embeddings,labels)),
            seconds(partial(steps,peer,embeddings,labels))) for _ in range(2)]
        mine,theirs = (min(times)/STEPS*1e3 for times in zip(*turns))  # the quieter of two turns each
        what = (
            f"{Loss.__name__} {distance}, {proxies} proxies, {'dynamic' if scale=='dynamic' else 'fixed'} "
            f"scale")
        print(row(f"{what}: forward and backward, batch {BATCH}, {CLASSES} classes, {DIM}-d", mine, theirs,
            "ms",
                  "pytorch-metric-learning NormalizedSoftmaxLoss"))

if __name__=="__main__": main()
