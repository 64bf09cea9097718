"""Search and ranks on a device give the answers of the CPU, also for points that tempt a product to err: copies,
clumps far from the mean, the rim, numbers whose squares leave float32."""
import pretend
import pytest
import torch
from hiernb.geometry.poincare import expmap0
from hiernb.metric import neighbors
from hiernb.metric.neighbors import knn
from hiernb.metric.hierarchical import hs_at_k
from hiernb.metric.retrieval import first_hits,hierarchical_retrieval,map_at_r
from hiernb.tree.taxonomy import Taxonomy
from torch.testing import assert_close


def ball(n, reach, seed, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    v = torch.randn(n, 8, generator=g, dtype=torch.float64)
    radius = reach*torch.rand(n, 1, generator=g, dtype=torch.float64)**.1
    return expmap0(radius*v/v.norm(dim=1, keepdim=True), 1.).to(dtype)


g = torch.Generator().manual_seed(2)
some,noise = torch.randn(40, 8, generator=g),torch.randn(500, 8, generator=g)
scale = torch.rand(400, 1, generator=g)
awkward = {
    "plain":(noise, "euclidean"),
    "directions":(noise, "sphere"),
    "half precision":(noise.bfloat16(), "sphere"),
    "copies":(some.repeat(10, 1), "euclidean"),
    "multiples":(some.double().repeat(10, 1)*scale, "sphere"),
    "one point":(torch.ones(200, 3), "sphere"),
    "far off":(1e4+some.repeat(5, 1)+1e-2*noise[:200], "euclidean"),
    "huge":(1e25*some, "euclidean"),
    "outlier":(torch.cat([some.repeat(9, 1)+.1*noise[:360], 1e6*some[:1]]), "euclidean"),
    "ball":(ball(300, 2.3, 1), "poincare"),
    "float64":(ball(300, 2.3, 1, torch.float64), "poincare"),
    "rim":(ball(600, 7., 3), "poincare"),
    "copies at the rim":(ball(60, 8., 4).repeat(6, 1), "poincare"),
    "tight":(.5*some[:1]/some[0].norm()+1e-6*noise[:300], "poincare"),
}
budgets = [2**30, 2**18]


@pytest.fixture(params=awkward)
def case(request):
    points,geometry = awkward[request.param]
    return points,dict(geometry=geometry, c=1. if geometry=="poincare" else None)


def require_same_order(ours, theirs, points, space):
    """The same indices, but for points whose distances differ by rounding: directions that are float64 multiples
    of each other. How many digits count there depends on the number of candidates, on the CPU too."""
    rows,place = (ours!=theirs).nonzero().unbind(1)
    pair = neighbors.pair_up(points, None, **space)
    one,two = (neighbors.measure_pairs(pair, rows, found[rows, place]) for found in (ours, theirs))
    if points is not awkward["multiples"][0]: assert not len(rows)
    assert_close(one, two, rtol=1e-12, atol=1e-29)


def back(x): return x.held


@pytest.mark.parametrize("k,memory", [(1, 2**30), (7, 2**30), (7, 2**18), (199, 2**30)])
def test_knn(case, k, memory):
    "The same neighbors in the same order, ties included, in blocks of any size."
    points,space = case
    k = min(k, len(points)-1)
    for ties in ("index", "random"):
        ours = knn(pretend.send(points), None, k, exclude_self=True, ties=ties, memory=memory, **space)
        theirs = knn(points, None, k, exclude_self=True, ties=ties, **space)
        require_same_order(back(ours.indices), theirs.indices, points, space)
        assert_close(back(ours.lengths), theirs.lengths, rtol=1e-4, atol=1e-4*float(theirs.lengths.abs().max()))


def test_knn_in_a_gallery(case):
    points,space = case
    ours = knn(pretend.send(points[:30]), pretend.send(points[30:]), 5, **space)
    theirs = knn(points[:30], points[30:], 5, **space)
    assert torch.equal(back(ours.indices), theirs.indices)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("memory", budgets)
def test_ranks(case, memory, monkeypatch):
    "The same rank of every first match, which is exact on both sides."
    monkeypatch.setenv("HIERNB_DEVICE_MEMORY", str(memory))
    points,space = case
    labels = torch.arange(len(points))%7
    ours = first_hits(pretend.send(points), pretend.send(labels), **space)
    assert torch.equal(back(ours), first_hits(points, labels, **space))
    few = pretend.send(points[:30]),pretend.send(labels[:30])
    ours = first_hits(*few, pretend.send(points[30:]), pretend.send(labels[30:]%6), **space)
    assert torch.equal(back(ours), first_hits(points[:30], labels[:30], points[30:], labels[30:]%6, **space))


@pytest.mark.filterwarnings("ignore")
def test_other_products(case):
    """A device that sums products in another order errs elsewhere than the CPU, within the bound 4+√D: that changes
    no neighbor and no rank. Here it errs at random by 0.9 of the bound, in float32 and in float64."""
    points,space = case
    labels,k = torch.arange(len(points))%7,9
    with pretend.rounding(.9*(4+points.shape[1]**.5)-2):
        ours = knn(pretend.send(points), None, k, exclude_self=True, **space).indices
        ranks = first_hits(pretend.send(points), pretend.send(labels), **space)
    theirs = knn(points, None, k, exclude_self=True, **space).indices
    require_same_order(back(ours), theirs, points, space)
    assert torch.equal(back(ranks), first_hits(points, labels, **space))


def test_another_device():
    "Queries and gallery lie on one device; the message names both."
    with pytest.raises(ValueError, match="queries are on pretend:0, the gallery on cpu"):
        knn(pretend.send(noise), noise[:9], 3)


def test_without_float64():
    "Without float64 the points are measured on the CPU, which is said."
    neighbors_of = pretend.send(noise)
    with pretend.without_float64(),pytest.warns(UserWarning, match="pretend has no float64: measured on the CPU"):
        found = knn(neighbors_of, None, 3)
    assert torch.equal(found.indices, knn(noise, None, 3).indices)


def test_full_device(monkeypatch):
    "The message of a full device names the budget to lower."
    def full(*_): raise torch.OutOfMemoryError("out of memory")
    monkeypatch.setattr(neighbors, "propose_on_device", full)
    with pytest.raises(torch.OutOfMemoryError, match="HIERNB_DEVICE_MEMORY=262144"):
        knn(pretend.send(noise), None, 3, memory=2**20)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("points", [noise.repeat(4, 1)+torch.randn(2000, 8, generator=g), torch.ones(2000, 8)],
    ids=["plain", "one point"])
@pytest.mark.parametrize("name", ["knn", "first_hits", "map_at_r", "hierarchical_retrieval", "hs_at_k"])
def test_memory(points, name, monkeypatch):
    """Blocks stay within the budget (a tenth more, for queries, gallery and answers), also where all points are one,
    so that all are in doubt."""
    budget = 2**24
    monkeypatch.setenv("HIERNB_DEVICE_MEMORY", str(budget))
    points,labels = pretend.send(points),pretend.send(torch.arange(2000)%40)
    groups = Taxonomy.from_paths([(str(i//20), str(i//10), f"{i:02}") for i in range(40)])
    measure = dict(
        knn=lambda: knn(points, None, 10, exclude_self=True), first_hits=lambda: first_hits(points, labels),
        map_at_r=lambda: map_at_r(points, labels), hs_at_k=lambda: hs_at_k(points, labels, groups.similarity(), 99),
        hierarchical_retrieval=lambda: hierarchical_retrieval(points, labels, groups))[name]
    pretend.memory["peak"] = before = pretend.memory["now"]
    measure()
    assert .1*budget<pretend.memory["peak"]-before<1.1*budget
