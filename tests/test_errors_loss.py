"What the losses refuse, and what their messages name."
import numpy as np
import pytest
import torch
from refusals import refusals,refuses
from torch import nn

from hiernb.geometry.poincare import ToPoincare
from hiernb.loss.ancestors import ancestor_loss,check_triplets
from hiernb.loss.classification import NormFace,ProxyDR,Softmax,check_options,linear_start,log_prior
from hiernb.loss.corr import CORR
from hiernb.loss.dynamic_scale import DynamicScale,initial_scale
from hiernb.loss.gumbel import check_generator,closeness
from hiernb.loss.hier import HIER,reciprocal_neighbors,draw_triplets
from hiernb.loss.metric import (
    MultiSimilarity, OriginalProxyNCA, ProxyAnchor, ProxyNCA, SoftTriple, SupCon, as_views, ball_curvature,
    check_pairs, similarity)
from hiernb.loss.proxies import (
    check_taxonomy, ema_update, mds_proxies, register_proxies, starting_proxies, target_distance)
from hiernb.loss.regularized import Regularized
from hiernb.loss.sphere import check_batch,check_embeddings,check_number,check_classes_and_dim,directions
from hiernb.tree.taxonomy import Taxonomy

def seeded(): return torch.Generator().manual_seed(0)

nan,inf = torch.nan,torch.inf
points = torch.randn(5, 3, generator=seeded())
labels = torch.tensor([0,2,1,1,0])
three = Taxonomy.from_paths([("a","x"),("a","y"),("b","z")])
paths = np.array([[0,2,4],[2,0,4],[4,4,0]])

def replaced(row, value, x=points):
    "`x` with one row of a value."
    changed = x.clone()
    changed[row] = value
    return changed

@refusals({
    "length 0": (lambda: directions(replaced(3, 0.)), "embeddings: row 3 has length 0"),
    "nan": (lambda: directions(replaced(3, nan), "proxies"), "proxies: row 3 has length nan"),
    "inf": (lambda: directions(replaced(3, inf)), "embeddings: row 3 has length inf"),
    "one class": (lambda: check_classes_and_dim(1, 8), "n_classes must be at least 2, got 1"),
    "no dimension": (lambda: check_classes_and_dim(3, 0), "dim must be at least 1, got 0"),
    "a number that is nan": (lambda: check_number("margin", nan), "margin must be finite, got nan"),
    "an infinite number": (lambda: check_number("margin", inf), "margin must be finite, got inf"),
    "minus infinity": (lambda: check_number("margin", -inf), "margin must be finite, got -inf"),
    "text": (lambda: check_number("margin", "1"), "margin must be finite, got '1'"),
    "None": (lambda: check_number("margin", None), "margin must be finite, got None"),
    "a complex number": (lambda: check_number("margin", 1j), "margin must be finite, got 1j"),
    "not above": (lambda: check_number("alpha", 0, above=0), "alpha must be above 0 and finite, got 0"),
    "infinitely above": (lambda: check_number("alpha", inf, above=0),
        "alpha must be above 0 and finite, got inf"),
    "a fraction": (lambda: check_number("topk", 2.5, least=2, whole=True),
        "topk must be at least 2 and a whole number, got 2.5"),
    "too small": (lambda: check_number("topk", 1, least=2, whole=True),
        "topk must be at least 2 and a whole number, got 1"),
})
def test_directions_and_numbers(call, words): refuses(call, words)

@refusals({
    "dimensions": (lambda: check_embeddings(points[:,:2], 3), "of shape (B,3), got"),
    "a vector": (lambda: check_embeddings(points[0], 3), "of shape (B,3), got"),
    "three axes": (lambda: check_embeddings(points[None], 3), "of shape (B,3), got"),
    "integers": (lambda: check_embeddings(points.long(), 3), "floating, of shape (B,3), got torch.int64"),
    "an array": (lambda: check_embeddings(points.numpy(), 3), "must be a torch tensor, got ndarray"),
    "nothing": (lambda: check_embeddings(points[:0], 3), "empty"),
    "no embeddings": (lambda: check_batch(points[:0], labels[:0], 3, 3), "empty"),
    "labels too large": (lambda: check_batch(points, labels, 2, 3), "0..1 (n_classes=2)", "from 0 to 2"),
    "labels below 0": (lambda: check_batch(points, labels-1, 3, 3), "from -1 to 1"),
    "a label too few": (lambda: check_batch(points, labels[:4], 3, 3), "one per embedding"),
    "fractions as labels": (lambda: check_batch(points, labels.float(), 3, 3), "integers"),
    "labels in a list": (lambda: check_batch(points, labels.tolist(), 3, 3), "got list"),
    "dimensions of a batch": (lambda: check_batch(points, labels, 3, 4), "(B,4)"),
})
def test_batches(call, words): refuses(call, words)

def updated(embeddings, labels):
    unseen = torch.ones(3, dtype=torch.bool)
    ema_update(points[:3].clone(), unseen, embeddings, torch.tensor(labels), .01)

def registered(kind, n_classes=3, **options):
    register_proxies(nn.Module(), n_classes, 8, kind, "euclidean", **options)

@refusals({
    "opposite points": (lambda: updated(torch.stack([points[0],-points[0]]), [1,1]),
        "sums of each class's directions"),
    "start": (lambda: starting_proxies(3, 4, "cube", 1.),
        "start must be 'sphere' or 'published', got 'cube'"),
    "a diagonal": (lambda: target_distance(paths+1), "diagonal"),
    "negative distances": (lambda: target_distance(paths-3), "path_distance[0,0]"),
    "half a matrix": (lambda: target_distance(np.triu(paths)), "symmetric"),
    "not square": (lambda: target_distance(paths[:2]), "square"),
    "distances of nan": (lambda: target_distance(paths*nan), "nan"),
    "beta": (lambda: target_distance(paths, beta=0), "beta"),
    "placed by a part": (lambda: mds_proxies(paths[:2], 8), "square"),
    "another taxonomy": (lambda: check_taxonomy(three, 4), "3 classes, the loss n_classes=4"),
    "a name for a taxonomy": (lambda: check_taxonomy("fashion_mnist", 10),
        "must be a hiernb.tree.taxonomy.Taxonomy, got str"),
    "no taxonomy": (lambda: registered("mds"), "taxonomy: pass one"),
    "beta of learned proxies": (lambda: registered("learned", beta=2.), "beta=2.0 belongs to proxies='mds'"),
    "learned": (lambda: registered("learned", 4, taxonomy=three), "3 classes, the loss n_classes=4"),
    "ema": (lambda: registered("ema", 4, taxonomy=three), "3 classes, the loss n_classes=4"),
    "mds": (lambda: registered("mds", 4, taxonomy=three), "3 classes, the loss n_classes=4"),
})
def test_proxies(call, words): refuses(call, words)

def moved(dtype):
    angles = torch.rand(6, 6, generator=seeded())+.1
    scale = DynamicScale("proxydr", "angular", 6).to(dtype)
    scale.move(-scale()*angles.log(), torch.arange(6), angles.diagonal())

@refusals({
    "two classes": (lambda: initial_scale("normface", "euclidean", 2), "no dynamic scale for n_classes=2"),
    "one class": (lambda: initial_scale("proxydr", "euclidean", 1), "n_classes ≥ 2"),
    "bfloat16": (lambda: moved(torch.bfloat16), "dynamic scale in torch.bfloat16"),
    "float16": (lambda: moved(torch.float16), "dynamic scale in torch.float16"),
})
def test_dynamic_scale(call, words): refuses(call, words)

def options(**given):
    usual = dict(n_classes=3, dim=2, distance="angular", scale="dynamic", proxies="ema", ema_alpha=1.)
    check_options(**usual|given)

@refusals({
    "n_classes": (lambda: options(n_classes=1), "n_classes"),
    "dim": (lambda: options(dim=0), "dim"),
    "distance": (lambda: options(distance="cosine"), "distance", "'cosine'"),
    "scale": (lambda: options(scale="static"), "scale", "'static'"),
    "proxies": (lambda: options(proxies="fixed"), "proxies", "'fixed'"),
    "ema_alpha": (lambda: options(ema_alpha=0.), "ema_alpha"),
    "scale of 0": (lambda: options(scale=0.), "positive and finite"),
    "negative scale": (lambda: options(scale=-1.), "positive and finite"),
    "scale of nan": (lambda: options(scale=nan), "positive and finite"),
    "infinite scale": (lambda: options(scale=inf), "positive and finite"),
    "a prior too few": (lambda: log_prior([1,2], 3), "(3,), got (2,)"),
    "a prior of 0": (lambda: log_prior([1.,0.,2.], 3), "class_prior[1]=0.0"),
    "a negative prior": (lambda: log_prior([1.,-1.,2.], 3), "class_prior[1]=-1.0"),
    "a prior of nan": (lambda: log_prior([1.,nan,2.], 3), "class_prior[1]=nan"),
    "an infinite prior": (lambda: log_prior([1.,inf,2.], 3), "class_prior[1]=inf"),
    "start": (lambda: linear_start(3, 4, "sphere", seeded()), "start must be 'torch' or 'published'"),
})
def test_options(call, words): refuses(call, words)

@refusals({
    "a dynamic scale": (lambda: Softmax(3, 4, scale="dynamic"), "Softmax has no scale='dynamic'"),
    "another scale": (lambda: Softmax(3, 4, scale=5.), "Softmax has no scale"),
    "a distance": (lambda: Softmax(3, 4, distance="angular"), "Softmax has no distance"),
    "averages": (lambda: Softmax(3, 4, proxies="ema"), "Softmax has no proxies"),
    "placed weights": (lambda: Softmax(3, 4, proxies="mds"), "Softmax has no proxies"),
    "another taxonomy": (lambda: Softmax(4, 8, taxonomy=three), "3 classes, the loss n_classes=4"),
    "a row of nan": (lambda: Softmax(3, 3)(replaced(2, nan), labels), "row 2 has nan or inf"),
    "NormFace, no taxonomy": (lambda: NormFace(4, 8, proxies="mds"), "taxonomy: pass one"),
    "NormFace, another": (lambda: NormFace(4, 8, proxies="mds", taxonomy=three), "the loss n_classes=4"),
    "NormFace, ema_alpha": (lambda: NormFace(4, 8, ema_alpha=1.5), "ema_alpha"),
    "NormFace, two classes": (lambda: NormFace(2, 8, scale="dynamic"), "no dynamic scale for n_classes=2"),
    "ProxyDR, no taxonomy": (lambda: ProxyDR(4, 8, proxies="mds"), "taxonomy: pass one"),
    "ProxyDR, another": (lambda: ProxyDR(4, 8, proxies="mds", taxonomy=three), "the loss n_classes=4"),
    "ProxyDR, ema_alpha": (lambda: ProxyDR(4, 8, ema_alpha=1.5), "ema_alpha"),
    "CORR, no taxonomy": (lambda: CORR(3, 4, None), "taxonomy"),
    "CORR, no dimension": (lambda: CORR(3, 0, three), "dim must be at least 1"),
    "CORR, one class": (lambda: CORR(1, 4, Taxonomy.from_paths(["a"])), "n_classes must be at least 2"),
    "CORR, another taxonomy": (lambda: CORR(4, 4, three), "3 classes, the loss n_classes=4"),
    "CORR, reduction": (lambda: CORR(3, 4, three, "none"), "reduction"),
})
def test_classification(call, words): refuses(call, words)

@pytest.fixture(params=["ProxyDR","Softmax","CORR"])
def classifier(request):
    if request.param=="CORR": return CORR(3, 3, three)
    return {"ProxyDR":ProxyDR,"Softmax":Softmax}[request.param](3, 3)

def test_classifiers_refuse_a_batch(classifier):
    refuses(lambda: classifier(points, labels+1), ["labels must lie in 0..2"])
    refuses(lambda: classifier(points[:0], labels[:0]), ["empty"])
    refuses(lambda: classifier(points[:,:2], labels), ["(B,3)"])
    refuses(lambda: classifier(replaced(1, nan), labels), ["embeddings: row 1"])

def test_classifiers_refuse_embeddings(classifier):
    refuses(lambda: classifier.logits(points[:0]), ["empty"])
    refuses(lambda: classifier.logits(points[:,:2]), ["(B,3)"])
    refuses(lambda: classifier.logits(points[0]), ["(B,3)"])
    refuses(lambda: classifier.logits(replaced(1, nan)), ["embeddings: row 1"])
    refuses(lambda: classifier.logits(replaced(1, inf)), ["embeddings: row 1"])

@pytest.mark.parametrize("Loss", [ProxyDR,NormFace])
def test_directions_are_needed(Loss):
    refuses(lambda: Loss(3, 3)(replaced(1, 0.), labels), ["embeddings: row 1 has length 0"])
    refuses(lambda: Loss(3, 3).logits(replaced(1, 0.)), ["embeddings: row 1 has length 0"])

batch = torch.randn(8, 5, generator=seeded())*.4
four = torch.tensor([0,1,3,2,1,0,2,3])

@refusals({
    "c of 0": (lambda: ball_curvature(None, 0), "positive and finite"),
    "negative c": (lambda: ball_curvature(None, -1.), "positive and finite"),
    "infinite c": (lambda: ball_curvature(None, inf), "positive and finite"),
    "c of nan": (lambda: ball_curvature(None, nan), "positive and finite"),
    "no c": (lambda: ball_curvature("poincare", None), "needs c"),
    "c on the sphere": (lambda: ball_curvature("sphere", .1), "leave out one"),
    "geometry": (lambda: ball_curvature("klein", .1), "got 'klein'"),
    "a loss of directions": (lambda: ball_curvature(None, .1, "ProxyAnchor"),
        "ProxyAnchor works on directions only"),
    "outside the ball": (lambda: similarity(50*batch, .3), "inside the ball"),
    "a lonely class": (lambda: check_pairs(batch, torch.tensor([7,7,2,2,7,7,7,3])), "class 3 has one image"),
    "labels below 0": (lambda: check_pairs(batch, four-1), "from -1 to 2"),
    "labels too few": (lambda: check_pairs(batch, four[:2]), "one per embedding"),
    "no pairs": (lambda: check_pairs(batch[:0], four[:0]), "empty"),
    "unequal classes": (lambda: as_views(torch.tensor([5,3,5,3,9,9,9])), "got 2 of class 3 and 3 of class 9"),
    "unequal views": (lambda: SupCon()(batch, torch.tensor([0,0,0,1,1,2,2,2])), "equally many"),
    "MultiSimilarity outside": (lambda: MultiSimilarity(c=.3)(50*batch, four), "inside the ball"),
    "SupCon outside": (lambda: SupCon(c=.3)(50*batch, four), "inside the ball"),
    "MultiSimilarity, c": (lambda: MultiSimilarity(c=0), "positive and finite"),
    "SupCon, c": (lambda: SupCon(c=0), "positive and finite"),
    "half a center": (lambda: SoftTriple(4, 5, n_centers=2.5),
        "n_centers must be at least 1 and a whole number, got 2.5"),
})
def test_metric(call, words): refuses(call, words)

@pytest.mark.parametrize("Loss", [ProxyAnchor,ProxyNCA,OriginalProxyNCA,SoftTriple])
def test_losses_with_proxies(Loss):
    loss = Loss(4, 5)
    refuses(lambda: loss(batch, four+1), ["labels must lie in 0..3"])
    refuses(lambda: loss(batch[:,:4], four), ["(B,5)"])
    refuses(lambda: loss(0*batch, four), ["embeddings: row 0 has length 0"])
    refuses(lambda: Loss(4, 5, c=.1), [f"{Loss.__name__} works on directions only"])
    refuses(lambda: Loss(1, 5), ["n_classes must be at least 2"])

@pytest.mark.parametrize("loss", [MultiSimilarity(),SupCon(),MultiSimilarity(c=.3),SupCon(c=.3)], ids=str)
def test_losses_within_the_batch(loss):
    refuses(lambda: loss(batch, torch.tensor([0,0,1,1,2,2,3,4])), ["class 3 has one image"])

numbers = {ProxyAnchor:"alpha margin", ProxyNCA:"alpha margin", SoftTriple:"scale gamma margin n_centers",
    MultiSimilarity:"alpha beta base", SupCon:"tau"}

numbered = [(Loss,option) for Loss,options in numbers.items() for option in options.split()]

@pytest.mark.parametrize("Loss,option", numbered)
def test_numbers_of_metric_losses(Loss, option):
    sizes = () if Loss in (MultiSimilarity,SupCon) else (4,5)
    def made(value): return lambda: Loss(*sizes, **{option:value})
    for value in (nan,inf,"1"): refuses(made(value), [f"{option} must be"])
    if option not in ("margin","base"): refuses(made(0), [f"{option} must be"])

dist = torch.rand(9, 7, generator=seeded(), dtype=torch.float64)
triplets = torch.tensor([[0,1,2],[3,8,4]])
none = torch.zeros(2, 7)

def of_ancestors(**options): return ancestor_loss(dist, triplets, **options)

@refusals({
    "generator": (lambda: check_generator(seeded(), torch.ones(1, device="meta")),
        "draws on cpu, the points are on meta"),
    "tau of 0": (lambda: closeness(dist, 0), "tau must be positive, finite and at least"),
    "tau of nan": (lambda: closeness(dist, nan), "tau must be positive, finite and at least"),
    "negative tau": (lambda: closeness(dist, -1.), "tau must be positive, finite and at least"),
    "a cold tau": (lambda: of_ancestors(tau=1e-5), "tau must be positive, finite and at least"),
    "infinite tau": (lambda: of_ancestors(tau=inf), "tau must be positive, finite"),
    "rows too large": (lambda: check_triplets(dist, triplets+1), "points 0..8, got 1 to 9"),
    "rows below 0": (lambda: check_triplets(dist, triplets-1), "got -1 to 7"),
    "pairs": (lambda: check_triplets(dist, triplets[:,:2]), "(T,3)"),
    "no triplets": (lambda: check_triplets(dist, triplets[:0]), "at least 1"),
    "distances of nan": (lambda: check_triplets(dist*nan, triplets), "outside the ball"),
    "one noise": (lambda: check_triplets(dist, triplets, (none,)), "(2, 7)"),
    "noise of nan": (lambda: check_triplets(dist, triplets, (none,none*nan)), "two finite Gumbel tensors"),
    "noise by name": (lambda: check_triplets(dist, triplets, "none"), "got none"),
    "radii": (lambda: of_ancestors(radii=dist[0,:3]), "radii (7,)"),
    "radial weight": (lambda: of_ancestors(radii=dist[0], radial=(-1.,0.)), "radial weight must be above 0"),
    "negative margin": (lambda: of_ancestors(margin=-1.), "margin must be at least 0 and finite, got -1.0"),
    "infinite margin": (lambda: of_ancestors(margin=inf), "got inf"),
})
def test_ancestors(call, words): refuses(call, words)

def test_ancestors_are_differentiable_once():
    leaf = dist.clone().requires_grad_()
    first, = torch.autograd.grad(ancestor_loss(leaf, triplets).square(), leaf, create_graph=True)
    refuses(lambda: first.sum().backward(), ["once_differentiable"], RuntimeError)

square = torch.eye(4)
inside = ToPoincare()(torch.randn(6, 3, generator=seeded()))
six = torch.arange(6)

def hier(points, labels=six): return HIER(5, 3)(points, labels)

@refusals({
    "no neighbors": (lambda: reciprocal_neighbors(square, 0), "topk must be at least 1 and a whole number"),
    "half a neighbor": (lambda: reciprocal_neighbors(square, 2.5),
        "topk must be at least 1 and a whole number"),
    "similarity of nan": (lambda: reciprocal_neighbors(square*nan, 2), "without nan"),
    "not square": (lambda: reciprocal_neighbors(square[:2], 2), "square"),
    "no triplets": (lambda: draw_triplets(square>0, 0), "per_anchor must be at least 1 and a whole number"),
    "half a triplet": (lambda: draw_triplets(square>0, 1.5),
        "per_anchor must be at least 1 and a whole number"),
    "beyond geoopt": (lambda: HIER(8, 2, c=1., clip_r=3.1, proxies="manifold"), "clip_r can be 3 at most"),
    "labels too few": (lambda: hier(inside, six[:5]), "one per embedding"),
    "outside the ball": (lambda: hier(inside+5), "inside the ball"),
    "nothing": (lambda: hier(inside[:0], six[:0]), "empty"),
    "points of nan": (lambda: hier(inside*nan), "inside the ball"),
    "dimensions": (lambda: hier(inside[:,:2]), "(B,3)"),
    "labels below 0": (lambda: hier(inside, six-1), "-1"),
    "weight": (lambda: Regularized(ProxyAnchor(6, 3), HIER(5, 3), -1.), "weight must be at least 0"),
    "two dimensions": (lambda: Regularized(ProxyAnchor(6, 7), HIER(5, 3)),
        "agree on their dimensions: dim=7 and dim=3"),
    "two curvatures": (lambda: Regularized(SupCon(c=1.), HIER(5, 3)),
        "agree on their curvature: c=1.0 and c=0.1"),
})
def test_hier(call, words): refuses(call, words)

@pytest.mark.parametrize("option,value", [
    ("c",0), ("clip_r",-1.), ("tau",0), ("tau",inf), ("margin",-.1), ("margin",inf), ("topk",1), ("topk",2.5),
    ("n_proxies",1), ("n_proxies",8.), ("triplets_per_anchor",0), ("spread",0.), ("spread",nan),
    ("radial_weight",-1.), ("radial_margin",nan), ("proxies","fixed")])
def test_options_of_hier(option, value):
    refuses(lambda: HIER(**dict(n_proxies=8, dim=2)|{option:value}), [option])

def test_a_learned_state_is_not_one_of_the_manifold():
    learned,manifold = HIER(8, 2),HIER(8, 2, proxies="manifold")
    refuses(lambda: manifold.load_state_dict(learned.state_dict()), ["ball_proxies"], RuntimeError)
