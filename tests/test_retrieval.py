"Nearest neighbors and retrieval measures, where they meet other rooms and optional packages."
from functools import partial
import pytest, torch
from hiernb.geometry.poincare import expmap0, pairwise_dist
from hiernb.metric.hierarchical import nearest_samples, permutation_p
from hiernb.metric.retrieval import (
    first_hits, hierarchical_retrieval, knn, map_at_r, r_precision, recall_at_k, recall_chance)
from hiernb.tree.taxonomy import Taxonomy

def ball(n, dim, c, seed, reach):
    "Float32 points of the ball at all depths up to `reach`, 16 of them around each of n/16 centers."
    g = torch.Generator().manual_seed(seed)
    center = torch.randn(n//16, dim, generator=g).repeat_interleave(16,0)
    u = torch.nn.functional.normalize(center+.3*torch.randn(n, dim, generator=g))
    return expmap0(reach*u*torch.rand(n, 1, generator=g)**.2, c)

@pytest.mark.parametrize("reach", [2.3,6.,20.])
def test_ranks_in_the_ball_are_those_of_float64_distances(reach):
    x,y = ball(160,24,.1,0,reach),ball(3200,24,.1,1,reach)
    length,index = knn(x, y, 50, "poincare", .1)
    true = pairwise_dist(x.double(), y.double(), .1)
    assert torch.equal(index, true.argsort(dim=1,stable=True)[:,:50])
    torch.testing.assert_close(length.double(), true.gather(1,index), rtol=1e-4, atol=0)

@pytest.mark.parametrize("geometry,c", [("sphere",None),("euclidean",None),("poincare",.1)])
def test_faiss_proposes_and_the_house_decides(geometry, c):
    pytest.importorskip("faiss", reason="the optional package faiss-cpu is not installed")
    x,y = ball(160,24,.1,0,6.),torch.cat([ball(1600,24,.1,1,6.)]*2)  # every point twice: ties everywhere
    ours,theirs = (knn(x, y, 40, geometry, c, backend=backend) for backend in ("exact","faiss"))
    assert torch.equal(ours.indices, theirs.indices)
    torch.testing.assert_close(ours.lengths, theirs.lengths)

def test_nearest_is_knn_without_the_query():
    x = torch.randn(300,8,generator=torch.Generator().manual_seed(0))
    assert torch.equal(nearest_samples(x,20).long(), knn(x,None,20,exclude_self=True).indices)

def test_every_measure_has_a_chance_level_and_a_p_value():
    "One list of neighbors, bound once; `permutation_p` shuffles the labels."
    g = torch.Generator().manual_seed(0)
    y = torch.arange(8).repeat(12)
    x = torch.randn(8,6,generator=g)[y]+torch.randn(96,6,generator=g)
    tree = Taxonomy.from_paths([f"group {i//2}/class {i}" for i in range(8)])
    near = knn(x,None,95,exclude_self=True).indices
    measures = (lambda labels: recall_at_k(near,labels,1)[1], partial(r_precision,near),
        partial(map_at_r,near),
                lambda labels: hierarchical_retrieval(near,labels,tree).h_ap)
    for measure in measures:
        test = permutation_p(measure, y, 99)
        assert test.p_value==.01
        assert test.chance<test.value
    null = permutation_p(lambda labels: recall_at_k(near,labels,4)[4], y, 199)
    assert abs(null.chance-recall_chance(y,(4,))[4])<4*null.null.std()/199**.5
    # the share of the class among the others
    assert abs(permutation_p(partial(r_precision,near),y,199).chance-11/95)<.01

@pytest.mark.parametrize("reach", [2.3,20.])
def test_recall_is_that_of_the_list(reach):
    "Counting who is nearer than the first match gives what a list gives, with every point there twice."
    x = ball(480,24,.1,0,reach).repeat(2,1)
    y = torch.randint(60, (960,), generator=torch.Generator().manual_seed(1))
    ks = (1,3,10,100,959)
    near = knn(x, None, 959, "poincare", .1, exclude_self=True, ties="random").indices
    assert torch.equal(first_hits(x, y, geometry="poincare", c=.1), first_hits(near, y))
    assert recall_at_k(x, y, ks, geometry="poincare", c=.1)==recall_at_k(near, y, ks)


def many(x): return torch.cat([x, x.flip(0)+1])
def no_rows(x): return torch.cat([x[:3], torch.randn(40, 6, generator=torch.Generator().manual_seed(1))])


def moved(x): return x+1e-6
def scaled(x): return 2*x


@pytest.mark.parametrize("other",
    [torch.Tensor.half, torch.Tensor.bfloat16, torch.flipud, many, moved, scaled])
def test_queries_that_find_themselves_are_told(other):
    x,y = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)),torch.arange(40)%4
    gallery = other(x)
    with pytest.warns(UserWarning, match="of 40 queries looked at also occur in the gallery"):
        recall_at_k(x, y, 1, gallery=gallery, gallery_labels=torch.arange(len(gallery))%4)


@pytest.mark.parametrize("measure", [recall_at_k, r_precision, map_at_r], ids=lambda f: f.__name__)
def test_only_on_the_sphere_a_scaled_query_is_itself(measure, recwarn):
    x,y = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)),torch.arange(40)%4
    k = (1,) if measure is recall_at_k else ()
    measure(x, y, *k, gallery=30*x, gallery_labels=y, geometry="euclidean")
    assert not [w for w in recwarn if "also occur in the gallery" in str(w.message)]
    with pytest.warns(UserWarning, match="also occur in the gallery"):
        measure(x, y, *k, gallery=30*x, gallery_labels=y)


def others(x): return torch.randn(50, x.shape[1], generator=torch.Generator().manual_seed(1))
def line(x): return torch.rand(5000, 1, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind,dim,gallery",
    [("randn", 6, others), ("randn", 6, no_rows), ("ones", 6, torch.Tensor.half), ("rand", 1, line)])
def test_a_gallery_of_others_is_not_warned_of(kind, dim, gallery, recwarn):
    x = dict(randn=torch.randn, ones=torch.ones, rand=torch.rand)[kind](40, dim)
    gallery = gallery(x)
    recall_at_k(x, torch.arange(40)%4, 1, gallery=gallery, gallery_labels=torch.arange(len(gallery))%4)
    assert not [w for w in recwarn if "also occur in the gallery" in str(w.message)]
