"""What HIER adds to a training step of ResNet-50: one process of the paper's protocol on CUB.
`python benchmarks/step.py`"""
import time
import torch
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.model.backbones import build
from common import seconds

BATCH,PER_CLASS,PIXELS,DIM,CLASSES,PROXIES = 90,2,224,512,100,512

def main()->None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, PIXELS, PIXELS, generator=generator)
    labels = torch.arange(BATCH//PER_CLASS).repeat_interleave(PER_CLASS)
    model = build("resnet50", dim=DIM, head="poincare", pool="avg+max", freeze=("batch_norm",)).train()
    loss,hier = (
        ProxyAnchor(CLASSES, DIM, generator=generator),HIER(PROXIES, DIM, topk=20, generator=generator))
    optimizer = torch.optim.AdamW([*model.parameters(),*loss.parameters()], lr=1e-6, fused=True)

    def step(n:int)->float:  # a step without HIER, a minute on two cores: taken once
        start = time.perf_counter()
        optimizer.zero_grad()
        loss(model(images[:n]), labels[:n]).backward()
        optimizer.step()
        return time.perf_counter()-start

    with torch.no_grad(): embeddings = model(images[:8])
    embeddings = embeddings.repeat(-(-BATCH//8),
        1)[:BATCH].mul(1+.01*torch.randn(BATCH, DIM, generator=generator)).clamp(-.1,.1).requires_grad_()
    step(8)
    whole,extra = step(BATCH),seconds(lambda: hier(embeddings, labels).backward())
    print(f"| training step, ResNet-50, batch {BATCH}, {PIXELS} px: HIER forward and backward | {extra:.3g} "
        f"s | {whole:.3g} s | "
          f"{100*extra/whole:+.1f} % time | the step without HIER |")

if __name__=="__main__": main()
