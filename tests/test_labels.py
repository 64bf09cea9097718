"""Classes are told apart by their numbers and never counted up to them: large, negative and scattered labels
are labels."""
import pytest
import torch

from hiernb.train.sampling import ClassBalancedSampler
from hiernb.geometry.poincare import expmap0
from hiernb.metric.retrieval_null import shuffled_measures
from hiernb.loss.metric import MultiSimilarity, SupCon
from hiernb.metric.audit import audit
from hiernb.metric.hierarchical import permutation_p
from hiernb.metric.neighbors import knn
from hiernb.metric.retrieval import (
    chance_at_r, class_interval, map_at_r, r_precision, recall_at_k, recall_chance)
from hiernb.metric.sharded import sharded_ranks
from hiernb.metric.space import prototypes, variances
from hiernb.tree.infer import proxy_tree

g = torch.Generator().manual_seed(0)
dense = torch.arange(60)%6
x = torch.randn(60, 4, generator=g)+torch.randn(6, 4, generator=g)[dense]
y = torch.randn(30, 4, generator=g)
ball,proxies = expmap0(x, .1),expmap0(torch.randn(9, 4, generator=g), .1)
near = knn(x, None, 59, exclude_self=True).indices


def draws()->torch.Generator: return torch.Generator().manual_seed(0)


measures = {
    "recall_at_k":lambda own: recall_at_k(x, own),
    "recall_at_k of a gallery":lambda own: recall_at_k(x, own, gallery=y, gallery_labels=own[:30]),
    "r_precision":lambda own: r_precision(x, own),
    "map_at_r":lambda own: map_at_r(near, own),
    "class_interval":lambda own: class_interval(x[:, 0], own, 99),
    "recall_chance":recall_chance,
    "chance_at_r":chance_at_r,
    "sharded_ranks":lambda own: sharded_ranks(x, own, [(y, own[:30])]).tolist(),
    "permutation_p":lambda own: permutation_p(lambda kinds: recall_at_k(near, kinds, 1)[1], own, 19).p_value,
    "shuffled_measures":lambda own: {name:v.tolist()
    for name,v in shuffled_measures(near, own, None, (1, 2), 3, draws()).items()},
    "variances":lambda own: variances(x, own),
    "audit":lambda own: audit(ball, proxies, own, n_permutations=59, n_points=60,
    n_triplets=30).table.to_csv(),
    "ClassBalancedSampler":lambda own: list(ClassBalancedSampler(own, 3, 2)),
    "MultiSimilarity":lambda own: float(MultiSimilarity()(x, own)),
    "SupCon":lambda own: float(SupCon()(x, own)),
}
spread = {"1e9":lambda own: own+10**9, "1e12":lambda own: own*10**12, "1e18":lambda own: own+10**18}
below = {"negative":lambda own: own-3}


@pytest.mark.parametrize("change", spread.values(), ids=spread)
@pytest.mark.parametrize("measure", measures.values(), ids=measures)
def test_large_labels(measure, change):
    assert measure(change(dense))==measure(dense)


@pytest.mark.parametrize("measure", [name for name in measures if name not in ("MultiSimilarity", "SupCon")])
def test_negative_labels_are_classes_of_a_measure(measure):
    assert measures[measure](dense-3)==measures[measure](dense)


def test_tips_are_the_classes_that_occur():
    names = sorted(tip.name for tip in proxy_tree(ball, proxies, .1, dense+10**12).tips())
    assert names==[str(10**12+k) for k in range(6)]


refused = [(lambda: prototypes(x, dense+10**12, 6), "60 do not: sample 0 has 1000000000000"),
           (lambda: prototypes(x, dense-1, 6), "10 do not: sample 0 has -1"),
           (lambda: proxy_tree(ball, proxies, .1, dense-1), "sample 0 has -1"),
           (lambda: SupCon()(x, dense-1), "labels from -1")]


@pytest.mark.parametrize("call, says", refused)
def test_labels_out_of_range_are_named(call, says):
    with pytest.raises(ValueError, match=says): call()
