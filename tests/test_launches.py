"""How many operators a device computes for a step, and how often the host waits for it, on a pretended device.

A budget is a little more than what was counted when it was set: a change that doubles one fails."""
import pretend
import pytest
import torch
from hiernb.geometry.poincare import ToPoincare,pairwise_dist
from hiernb.loss.classification import ProxyDR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import MultiSimilarity,ProxyAnchor,SoftTriple,SupCon
from hiernb.metric.neighbors import knn
from hiernb.metric.retrieval import r_precision,recall_at_k
from test_devices import place_module

batch,n_classes,dim = 180,90,128
labels = torch.arange(n_classes).repeat_interleave(2)


def embeddings(in_ball):
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(n_classes, dim, generator=generator)[labels]+torch.randn(batch, dim, generator=generator)
    return ToPoincare(.1)(u) if in_ball else u


def counts(loss, in_ball=False):
    "Launches and waits of a forward and a backward pass, after one that fills caches."
    points,there = pretend.send(embeddings(in_ball)).requires_grad_(),pretend.send(labels)
    for _ in range(2):
        points.grad = None
        for p in loss.parameters(): p.grad = None
        with pretend.recorded(): loss(points, there).backward()
    return sum(pretend.launches.values()),sum(pretend.waits.values())


@pytest.mark.parametrize("radial_weight", [0., 1.])
def test_hier_of_the_papers_size(radial_weight):
    "Batch 180, 512 proxies, 128 dimensions: at most 250 launches (8 more for a radial term) and 4 waits."
    loss = place_module(HIER(512, dim, topk=20, radial_weight=radial_weight))
    launched,waited = counts(loss, in_ball=True)
    assert launched<=250+10*radial_weight
    assert waited<=4
    assert all(n>0 for n in loss.anchors.values())


def test_a_set_without_anchors_waits_no_more():
    loss = place_module(HIER(2, dim, topk=2))
    launched,waited = counts(loss, in_ball=True)
    assert launched<=140
    assert waited<=2
    assert loss.anchors==dict(batch=0, proxies=0)


budgets = {  # loss -> launches and waits, a few percent above what was counted
    "Proxy-Anchor":(lambda: ProxyAnchor(n_classes, dim), 127, 3),
    "Multi-Similarity":(MultiSimilarity, 94, 4),
    "Multi-Similarity, ball":(lambda: MultiSimilarity(c=.1), 159, 7),
    "SupCon":(SupCon, 98, 10),
    "SupCon, ball":(lambda: SupCon(c=.1), 154, 11),
    "SoftTriple":(lambda: SoftTriple(n_classes, dim), 101, 3),
    "ProxyDR, dynamic scale":(lambda: ProxyDR(n_classes, dim, scale="dynamic"), 124, 8)}


@pytest.mark.parametrize("name", budgets)
def test_losses(name):
    make,launched,waited = budgets[name]
    loss = place_module(make())
    found = counts(loss, getattr(loss, "c", None) is not None)
    assert found[0]<=launched
    assert found[1]<=waited
    assert found[0]>.8*launched                                              # a lower budget is due


def test_distances_of_all_pairs():
    points = pretend.send(embeddings(True)).requires_grad_()
    with pretend.recorded(): pairwise_dist(points, points.detach().flip(0), .1).sum().backward()
    assert sum(pretend.launches.values())<=95
    assert sum(pretend.waits.values())<=1


searches = {  # measure of 20,000 points -> launches and waits, a few percent above what was counted
    "recall_at_k":(lambda x,labels: recall_at_k(x, labels, (1, 10)), 540, 25),
    "knn":(lambda x,labels: knn(x, None, 10, exclude_self=True), 350, 12),
    "r_precision":(r_precision, 420, 20)}


@pytest.mark.parametrize("name", searches)
def test_searches(name):
    "20,000 points in a gigabyte: two to five blocks, and no number per point leaves the device."
    measure,launched,waited = searches[name]
    classes = torch.arange(20_000)//20
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(1000, 16, generator=generator)[classes]+1.2*torch.randn(20_000, 16, generator=generator)
    points,classes = map(pretend.send, (points, classes))
    with pretend.recorded() as moves: measure(points, classes)
    assert .8*launched<sum(pretend.launches.values())<=launched
    assert sum(pretend.waits.values())<=waited
    assert all(n==1 for _,n in moves)
