"The losses against numbers of the Inspecting paper's published code (tests/golden, see its README)."
import math
from pathlib import Path
import numpy as np
import pytest
import torch
from torch.testing import assert_close
from hiernb.loss.classification import NormFace,ProxyDR
from hiernb.loss.corr import CORR
from hiernb.loss.proxies import ema_update
from hiernb.loss.dynamic_scale import initial_scale
from hiernb.tree.taxonomy import Taxonomy

LOSSES = dict(normface=NormFace,proxydr=ProxyDR)

@pytest.fixture(params=["cifar100","microS"])
def golden(request): return np.load(Path(__file__).parent/"golden"/f"inspect_{request.param}.npz")

def taxonomy_of(golden): return Taxonomy.from_paths([path.split("/") for path in golden["paths"].tolist()])

def with_proxies(loss, golden):
    loss = loss.double()
    with torch.no_grad(): loss.proxies.copy_(torch.tensor(golden["proxies"]))
    return loss

@pytest.mark.parametrize("distance",["euclidean","angular"])
@pytest.mark.parametrize("model",list(LOSSES))
def test_loss(golden, model, distance):
    loss = with_proxies(LOSSES[model](*golden["proxies"].shape,distance=distance), golden)
    value = loss(torch.tensor(golden["features"]), torch.tensor(golden["labels"])).item()
    rtol = 1e-6
    # the golden angle is arccos(0.999999·cos); ours is θ: the first is checked exactly, ours to what the two
    # differ by
    if distance=="angular":
        unit = lambda x: x/np.linalg.norm(x,axis=1,keepdims=True)
        angle = np.arccos(.999999*unit(golden["features"])@unit(golden["proxies"]).T)
        logits = torch.tensor(-10*(angle**2 if model=="normface" else np.log(angle)))
        assert math.isclose(torch.nn.functional.cross_entropy(logits,torch.tensor(golden["labels"])).item(),
            golden[f"loss_{model}_angular"], rel_tol=1e-9)
        rtol = 1e-5
    assert math.isclose(value, golden[f"loss_{model}_{distance}"], rel_tol=rtol)

@pytest.mark.parametrize("model",list(LOSSES))
def test_scores(golden, model):
    loss = with_proxies(LOSSES[model](*golden["proxies"].shape), golden)
    assert_close(loss.logits(torch.tensor(golden["features"][:8])),
        torch.tensor(golden[f"scores_{model}_euclidean_first8"]), rtol=1e-6, atol=1e-9)

def test_corr(golden):
    loss = with_proxies(CORR(*golden["proxies"].shape,taxonomy_of(golden),reduction="sum"), golden)
    value = loss(torch.tensor(golden["features"]), torch.tensor(golden["labels"])).item()
    assert math.isclose(value, golden["corr_loss_sum_over_batch"], rel_tol=1e-6)

@pytest.mark.parametrize("model,distance",
    [("proxydr","euclidean"),("proxydr","angular"),("normface","euclidean")])
def test_initial_scale(golden, model, distance):
    n_classes,dim = golden["proxies"].shape
    expected = golden[f"dynamic_initial_scale_{model}_{distance}"].item()
    assert math.isclose(initial_scale(model,distance,n_classes), expected, rel_tol=1e-9)
    assert math.isclose(LOSSES[model](n_classes,dim,distance,scale="dynamic").scale.item(), expected,
        rel_tol=1e-6)

@pytest.mark.parametrize("through_loss",[False,True])
def test_ema(golden, through_loss):
    size = int(golden["ema_batch"])
    f,labels = torch.tensor(golden["features"][:size]),torch.tensor(golden["labels"][:size])
    loss = ProxyDR(*golden["proxies"].shape,proxies="ema",ema_alpha=golden["ema_alpha"].item())
    loss.proxies.copy_(torch.tensor(golden["proxies"]))
    loss.unseen.copy_(torch.tensor(golden["ema_marker_first_time"]))
    if through_loss: loss(f.float(),labels)
    else: ema_update(loss.proxies,loss.unseen,f,labels,loss.ema_alpha)
    assert_close(loss.proxies, torch.tensor(golden["ema_proxies_after"]), rtol=1e-5, atol=1e-6)
    assert (loss.unseen.numpy()==(golden["ema_marker_first_time"] & ~np.isin(np.arange(len(loss.unseen)),
        labels))).all()
