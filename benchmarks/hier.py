"""HIER's loss, forward and backward, beside the same loss with a Möbius distance and a loop over triplets.
`python benchmarks/hier.py`"""
import torch
import torch.nn.functional as F
from functools import partial
from torch import Tensor
from hiernb.geometry.poincare import ToPoincare
from hiernb.loss.hier import HIER
from common import peak_bytes,row,seconds

BATCH,PER_CLASS,PROXIES,DIM,TOPK,TRIPLETS,C,TAU,MARGIN = 180,2,512,128,20,50,.1,.1,.1

def mobius_dist(x:Tensor, y:Tensor, c:float)->Tensor:
    "Distances (B,C) through Möbius addition of all pairs, a (B,C,D) tensor."
    x,y = -x[:,None],y[None]
    xy,x2,y2 = (x*y).sum(-1,keepdim=True),x.square().sum(-1,keepdim=True),y.square().sum(-1,keepdim=True)
    moved = ((1+2*c*xy+c*y2)*x+(1-c*x2)*y)/(1+2*c*xy+c*c*x2*y2)
    return 2/c**.5*torch.atanh((c**.5*moved.norm(dim=-1)).clamp(max=1-1e-5))

def looped_triplets(similarity:Tensor)->Tensor:
    "Triplets of all eligible anchors, anchor by anchor."
    among = torch.zeros_like(similarity).scatter_(1, similarity.topk(TOPK)[1], 1.)
    related,triplets = (among*among.T).fill_diagonal_(0),[]
    for i in range(len(related)):
        neighbors,others = (related[i]>0).nonzero()[:,0],(related[i]==0).nonzero()[:,0]
        if len(neighbors)<2: continue
        drawn = (pool[torch.randint(len(pool),(TRIPLETS,))].tolist() for pool in (neighbors,others))
        for j,k in zip(*drawn): triplets.append([i, j, k])
    return torch.tensor(triplets)

def peer_set(points:Tensor, proxies:Tensor, labels:Tensor|None)->Tensor:
    "Steps 1 to 4 for one set of points, by autograd."
    with torch.no_grad(): similarity = torch.exp(-mobius_dist(points,points,C))
    if labels is not None: similarity = similarity+(labels[:,None]==labels)
    i,j,k = mobius_dist(points,proxies,C)[looped_triplets(similarity)].unbind(1)
    m = F.gumbel_softmax(-torch.maximum(i,j)/TAU, hard=True)
    n = F.gumbel_softmax(-torch.maximum(torch.maximum(i,j),k)/TAU, hard=True)
    at = lambda d,node: (d*node).sum(1)
    hinges = F.relu(at(i,m)-at(i,n)+MARGIN)+F.relu(at(j,m)-at(j,n)+MARGIN)+F.relu(at(k,n)-at(k,m)+MARGIN)
    return torch.where(m.argmax(1)==n.argmax(1), 0, hinges).mean()

def step(loss, u:Tensor, euclidean:Tensor, labels:Tensor)->Tensor:
    "One forward and backward pass from Euclidean embeddings; `loss` is ours, or None for the peer."
    u.grad = euclidean.grad = None
    head = ToPoincare(C)
    z = head(u)
    if loss is not None: value = loss(z, labels)
    else: value = peer_set(z, rho := head(euclidean), labels)+peer_set(rho, rho, None)
    value.backward()
    return value.detach()

def main()->None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(BATCH//PER_CLASS).repeat_interleave(PER_CLASS)
    u = (torch.randn(BATCH//PER_CLASS,DIM,generator=generator)[labels]+torch.randn(BATCH,DIM,
        generator=generator)).requires_grad_()
    loss = HIER(PROXIES, DIM, c=C, tau=TAU, margin=MARGIN, topk=TOPK, triplets_per_anchor=TRIPLETS,
        generator=generator)
    ours,peer = (partial(step, which, u, loss.euclidean_proxies, labels) for which in (loss,None))
    name = "Möbius distance, triplet loop, autograd"
    what = f"HIER, forward and backward, batch {BATCH}, {PROXIES} proxies, {DIM}-d, topk {TOPK}"
    torch.set_num_threads(1)  # a forked child cannot use the parent's threads
    print(row(f"{what}: peak memory", peak_bytes(ours)/1e6, peak_bytes(peer)/1e6, "MB", name))
    # the same loss, up to the draw
    mine,theirs = (sum(of() for _ in range(3)).item()/3 for of in (ours,peer))
    assert abs(mine/theirs-1)<.05, f"not the same loss: {mine} and {theirs}"
    for threads in (1,2):
        torch.set_num_threads(threads)
        turns = [(seconds(ours,3),seconds(peer,1)) for _ in range(2)]
        print(row(f"{what}, {threads} thread{'s'*(threads>1)}", *(min(t) for t in zip(*turns)), "s", name))

if __name__=="__main__": main()
