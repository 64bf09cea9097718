"""Losses and heads begin on the CPU in float32 and compute where embeddings lie, whatever torch's default device
and type are. Measures and trees stand in test_modes.py."""
from contextlib import contextmanager

import pytest
import torch
from torch.testing import assert_close

from hiernb.loss import (
    CORR, HIER, MultiSimilarity, NormFace, OriginalProxyNCA, ProxyAnchor, ProxyDR, ProxyNCA, Regularized, SoftTriple,
    Softmax, SupCon)
from hiernb.geometry.poincare import expmap0
from hiernb.model.head import Head
from hiernb.tree.taxonomy import Taxonomy

C,D = 6,5
taxonomy = Taxonomy.from_paths([f"{k//2}/{k}" for k in range(C)])
points = expmap0(torch.randn(24, D, generator=torch.Generator().manual_seed(0)), .1)
labels = torch.arange(24)%C


def seeded(): return torch.Generator().manual_seed(3)


def hier(kind): return HIER(8, D, proxies=kind, generator=seeded())


losses = {
    "Softmax":lambda: Softmax(C, D, class_prior=torch.arange(1, C+1, device="cpu")),
    "Softmax, published":lambda: Softmax(C, D, start="published"),
    "NormFace":lambda: NormFace(C, D),
    "NormFace, dynamic":lambda: NormFace(C, D, scale="dynamic"),
    "ProxyDR, moving averages":lambda: ProxyDR(C, D, proxies="ema"),
    "ProxyDR, placed":lambda: ProxyDR(C, D, proxies="mds", taxonomy=taxonomy),
    "CORR":lambda: CORR(C, D, taxonomy),
    "ProxyAnchor":lambda: ProxyAnchor(C, D),
    "ProxyNCA":lambda: ProxyNCA(C, D),
    "OriginalProxyNCA":lambda: OriginalProxyNCA(C, D),
    "SoftTriple":lambda: SoftTriple(C, D, start="published"),
    "MultiSimilarity":MultiSimilarity,
    "SupCon":SupCon,
    "HIER":lambda: hier("learned"),
    "HIER, frozen":lambda: hier("frozen"),
    "HIER, manifold":lambda: hier("manifold"),
    "Regularized":lambda: Regularized(SupCon(), hier("learned")),
}


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try: yield
    finally: torch.set_default_dtype(before)


defaults = {"device":lambda: torch.device("meta"), "float64":lambda: default_dtype(torch.float64)}


def computed(make):
    "A new loss, its value twice (a second call may meet moved proxies), and the gradient of the embeddings."
    loss = make()
    x = points.clone().requires_grad_()
    drawn = dict(generator=seeded()) if isinstance(loss, (HIER,Regularized)) else {}
    value = loss(x, labels, **drawn)+loss(x, labels, **drawn)
    value.backward()
    return loss,value.detach(),x.grad


@pytest.mark.parametrize("default", defaults.values(), ids=defaults)
@pytest.mark.parametrize("make", losses.values(), ids=losses)
def test_defaults_decide_nothing_of_a_loss(make, default):
    loss,value,gradient = computed(make)
    with default(): again,other_value,other_gradient = computed(make)
    assert_close(other_value, value, rtol=0, atol=0)
    assert_close(other_gradient, gradient, rtol=0, atol=0)
    for name,held in loss.state_dict().items(): assert_close(again.state_dict()[name], held, rtol=0, atol=0)


def test_defaults_decide_nothing_of_a_head():
    before = Head(7, D, generator=seeded())
    with torch.device("meta"): after = Head(7, D, generator=seeded())
    features = torch.randn(4, 7, generator=seeded())
    assert_close(after(features), before(features), rtol=0, atol=0)
