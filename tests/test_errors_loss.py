"What the losses refuse, and what their messages name."
import numpy as np
import pytest
import torch
from refusals import refusals,refuses
from torch import nn

from hiernb.loss.classification import NormFace,ProxyDR,Softmax,check_options,linear_start,log_prior
from hiernb.loss.corr import CORR
from hiernb.loss.dynamic_scale import DynamicScale,initial_scale
from hiernb.loss.proxies import (
    check_taxonomy, ema_update, mds_proxies, register_proxies, starting_proxies, target_distance)
from hiernb.loss.sphere import check_batch,check_embeddings,check_number,check_sizes,directions
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
    "one class": (lambda: check_sizes(1, 8), "n_classes must be at least 2, got 1"),
    "no dimension": (lambda: check_sizes(3, 0), "dim must be at least 1, got 0"),
    "a number that is nan": (lambda: check_number("margin", nan), "margin must be finite, got nan"),
    "an infinite number": (lambda: check_number("margin", inf), "margin must be finite, got inf"),
    "minus infinity": (lambda: check_number("margin", -inf), "margin must be finite, got -inf"),
    "text": (lambda: check_number("margin", "1"), "margin must be finite, got '1'"),
    "None": (lambda: check_number("margin", None), "margin must be finite, got None"),
    "a complex number": (lambda: check_number("margin", 1j), "margin must be finite, got 1j"),
    "not above": (lambda: check_number("alpha", 0, above=0), "alpha must be above 0 and finite, got 0"),
    "infinitely above": (lambda: check_number("alpha", inf, above=0), "alpha must be above 0 and finite, got inf"),
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
    "start": (lambda: starting_proxies(3, 4, "cube", 1.), "start must be 'sphere' or 'published', got 'cube'"),
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
