"HIER and its metric losses against numbers of the published code (tests/golden, see its README)."
import math
from pathlib import Path
import numpy as np
import pytest
import torch
from torch.testing import assert_close
from hiernb.geometry.poincare import dist0,einstein_midpoint,pairwise_dist,to_klein
from hiernb.loss.hier import HIER,reciprocal_neighbors
from hiernb.loss.metric import MultiSimilarity,ProxyAnchor,ProxyNCA,SupCon

golden = {k:torch.tensor(v) for k,v in np.load(Path(__file__).parent/"golden"/"hier.npz").items()}
c,topk = golden["meta_c"].item(),int(golden["meta_topk"])
x,y,labels = golden["points_x"],golden["points_y"],golden["labels"]

def off(found, expected): return ((found-expected).norm()/expected.norm()).item()

def make()->HIER:
    hier = HIER(*golden["hier_proxies_euclidean"].shape, c=c, clip_r=golden["meta_clip_r"].item(),
        tau=golden["meta_tau"].item(),
                margin=golden["meta_margin"].item(), topk=topk).double()
    with torch.no_grad(): hier.euclidean_proxies.copy_(golden["hier_proxies_euclidean"])
    return hier

def test_head():
    u = golden["to_poincare_in"].clone().requires_grad_()
    z = make().to_poincare(u)
    assert_close(z.detach(), golden["to_poincare_out"], rtol=0, atol=2e-3)
    grad, = torch.autograd.grad(z, u, golden["to_poincare_grad_out"])
    assert off(grad, golden["to_poincare_grad_in"])<2e-3

@pytest.mark.parametrize("name,found",
    [("dist_matrix",lambda: pairwise_dist(x,y,c)), ("dist0",lambda: dist0(x,c)),
                                        ("to_klein",lambda: to_klein(x,c)),
                                        ("poincare_mean",lambda: einstein_midpoint(x,c))])
def test_ball(name, found): assert_close(found(), golden[name], rtol=0, atol=2e-3)

@pytest.mark.parametrize("name,make_loss,tolerance", [
    ("proxy_anchor", lambda: ProxyAnchor(24,16,geometry="sphere"), 1e-6),
    ("proxy_nca", lambda: ProxyNCA(24,16,geometry="sphere"), 1e-6),
    ("multi_similarity_cosine", lambda: MultiSimilarity(geometry="sphere"), 1e-6),
    ("multi_similarity_hyperbolic", lambda: MultiSimilarity(c=c), 2e-3),
    ("supcon_cosine", lambda: SupCon(geometry="sphere",as_published=True), 1e-6),
    ("supcon_hyperbolic", lambda: SupCon(c=c,as_published=True), 2e-3)])
def test_metric_loss(name, make_loss, tolerance):
    loss,z = make_loss().double(),x.clone().requires_grad_()
    if hasattr(loss,"proxies"): loss.proxies.data.copy_(golden["proxy_anchor_proxies"])
    value = loss(z, labels)
    assert math.isclose(value.item(), golden[name+"_value"].item(), rel_tol=tolerance)
    assert off(torch.autograd.grad(value,z)[0], golden[name+"_grad"])<tolerance

def test_reciprocal_neighbors():
    assert torch.equal(reciprocal_neighbors(golden["hier_sample_similarity"],topk),
        golden["hier_sample_reciprocal"])
    ours = torch.exp(-pairwise_dist(x,x,c))+(labels[:,None]==labels)
    assert_close(ours, golden["hier_sample_similarity"], rtol=0, atol=2e-3)
    assert torch.equal(reciprocal_neighbors(ours,topk), golden["hier_sample_reciprocal"])
    assert torch.equal(reciprocal_neighbors(torch.exp(-pairwise_dist(y,y,c)),topk),
        golden["hier_proxy_reciprocal"])

def test_proxies(): assert_close(make().proxies.detach(), y, rtol=0, atol=2e-3)

@pytest.mark.parametrize("dtype",[torch.float64,torch.float32])
@pytest.mark.parametrize("noisy",[True,False])
def test_triplet_loss(noisy, dtype):
    hier,z = make().to(dtype),x.to(dtype).requires_grad_()
    rho,name,total = hier.proxies,"noisy" if noisy else "noiseless",0.
    for points,which in ((z,"sample"),(rho,"proxy"))[:2 if noisy else 1]:
        noise = tuple(golden[f"hier_noise_{which}_{of}"].to(dtype) for of in ("ij","ijk")) if noisy else None
        loss = hier.triplet_loss(pairwise_dist(points,rho,c), golden[f"hier_{which}_triplets"], noise)
        assert math.isclose(loss.item(), golden[f"hier_{name}_{which}_loss"].item(), rel_tol=5e-3)
        total = total+loss
    grad_z,grad_rho = torch.autograd.grad(total, (z,hier.euclidean_proxies))
    assert off(grad_z, golden[f"hier_{name}_grad_z"])<3e-2
    assert off(grad_rho, golden[f"hier_{name}_grad_proxies_euclidean"])<3e-2
