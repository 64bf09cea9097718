"What HIER adds to a training step of ResNet-50: one process of the paper's protocol on CUB. `python benchmarks/step.py`"
import time
import torch
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.loss.regularized import Regularized
from hiernb.model import build

BATCH,PER_CLASS,PIXELS,DIM,CLASSES,PROXIES,REPEAT = 90,2,224,512,100,512,4

def main()->None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, PIXELS, PIXELS, generator=generator)
    labels = torch.arange(BATCH//PER_CLASS).repeat_interleave(PER_CLASS)
    model = build("resnet50", dim=DIM, head="poincare", pool="avg+max", freeze=("batch_norm",)).train()
    plain = ProxyAnchor(CLASSES, DIM, generator=generator)
    losses = dict(hier=Regularized(plain, HIER(PROXIES, DIM, topk=20, generator=generator)), plain=plain)
    optimizers = {name:torch.optim.AdamW([*model.parameters(),*loss.parameters()], lr=1e-6, fused=True) for name,loss in losses.items()}

    def step(name:str)->float:
        start = time.perf_counter()
        value = losses[name](model(images), labels)
        optimizers[name].zero_grad(); value.backward(); optimizers[name].step()
        return time.perf_counter()-start

    for name in losses: step(name)                                    # warm up
    took = {name:min(times) for name,times in zip(losses, zip(*[(step("hier"),step("plain")) for _ in range(REPEAT)]))}   # in turn, the best of each
    print(f"| training step, ResNet-50, batch {BATCH}, {PIXELS} px, Proxy-Anchor with HIER | {took['hier']:.3g} s | {took['plain']:.3g} s | "
          f"{100*(took['hier']/took['plain']-1):+.1f} % time | the same step without HIER |")

if __name__=="__main__": main()
