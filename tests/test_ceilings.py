"Each ceiling against the best that an exhaustive search finds, on trees small enough for one."
import itertools
import math
from collections import namedtuple
from functools import lru_cache,partial

import numpy as np
import pytest
import torch
from skbio import TreeNode

from hiernb.metric.hierarchical import ahd_at_k,ahs_at_k,hp_at_k
from hiernb.metric.inspect import answer_ceilings,inspect_distances,inspect_logits,neighbor_ceilings,rows_of
from hiernb.metric.space import variances
from hiernb.tree.significance import PermutationTest,measure,normalize,permutation_test
from hiernb.tree.compare import (
    class_retrieval, clade_recall, elementwise_correlation, mean_correlation, robinson_foulds,
    triplet_agreement)
from hiernb.tree.infer import pairwise_distance,upgma
from hiernb.tree.taxonomy import Taxonomy

small = dict(
    pairs=Taxonomy.from_paths(["a/1","a/2","b/3","b/4"]),
    deep=Taxonomy.from_paths(["a/x/1","a/x/2","a/3","b/4"]),
    lonely=Taxonomy.from_paths(["a/1","a/2","a/3","b/4"]))


@lru_cache
def all_orders(n_classes):
    """Points on the sphere for every order of the pairs of classes: inner products are a small multiple of
    the rank."""
    upper,found = np.triu_indices(n_classes, 1),[]
    for order in itertools.permutations(range(len(upper[0]))):
        gram = np.eye(n_classes)
        gram[upper] = -.01*(1+np.array(order))
        gram = np.triu(gram)+np.triu(gram, 1).T
        points = np.linalg.cholesky(gram)
        found.append((points, pairwise_distance(points)))
    return found


@pytest.mark.parametrize("name", small)
@pytest.mark.parametrize("statistic",
    [mean_correlation, partial(mean_correlation, as_published=True), elementwise_correlation,
    triplet_agreement])
def test_no_order_of_the_pairs_is_better_and_one_is_as_good(statistic, name):
    taxonomy,function = small[name],getattr(statistic, "func", statistic)
    best = max(statistic(d, taxonomy) for _,d in all_orders(4))
    assert best==pytest.approx(function.ceiling(all_orders(4)[0][1], taxonomy,
        **getattr(statistic, "keywords", {})), abs=1e-9)


@pytest.mark.parametrize("name", small)
def test_class_retrieval_reaches_one(name):
    taxonomy = small[name]
    for level in range(taxonomy.depth-1):
        found = np.array([class_retrieval(points, taxonomy, level) for points,_ in all_orders(4)[::3]])
        assert np.nanmax(found, axis=0)==pytest.approx(1)


def rooted_trees(tips):
    "Every rooted binary tree, as Newick text without its semicolon."
    if len(tips)==1: return [tips[0]]
    first,rest = tips[0],tips[1:]
    made = []
    for n in range(len(rest)):
        for others in itertools.combinations(rest, n):
            left = (first,*others)
            right = tuple(t for t in rest if t not in others)
            made += [f"({a},{b})" for a in rooted_trees(left) for b in rooted_trees(right)]
    return made


truths = ["(((a,b),c),(d,e));","((a,b),(c,d,e));","((a,b),c,d,e);","((a,b,c),d,e);"]


@pytest.mark.parametrize("truth", truths)
@pytest.mark.parametrize("rooted", [False, True])
def test_no_binary_tree_is_nearer(truth, rooted):
    truth,trees = TreeNode.read([truth]),[TreeNode.read([text+";"]) for text in rooted_trees(tuple("abcde"))]
    assert len(trees)==105
    for options in (dict(rooted=rooted),dict(rooted=rooted, normalized=False)):
        least = min(robinson_foulds(t, truth, **options) for t in trees)
        assert least==pytest.approx(robinson_foulds.ceiling(trees[0], truth, **options))
    assert max(clade_recall(t, truth, rooted=rooted) for t in trees)==clade_recall.ceiling(trees[0], truth)==1


def test_a_tree_with_larger_families_can_be_the_true_one():
    truth = TreeNode.read([truths[1]])
    assert robinson_foulds.ceiling(TreeNode.read(["((a,b),c,d,e);"]), truth)==0==robinson_foulds(truth, truth)


@pytest.mark.parametrize("name, expected", [("fashion_mnist",.882), ("cifar100",.853)])
def test_published_figures(name, expected):
    taxonomy = Taxonomy.builtin(name)
    d = taxonomy.path_distance()+0.
    ceiling = mean_correlation.ceiling(d, taxonomy)
    assert round(ceiling, 3)==expected
    rng = np.random.default_rng(0)
    noise = np.triu(rng.uniform(0, .1, d.shape), 1)
    assert mean_correlation(d+noise+noise.T, taxonomy)==pytest.approx(ceiling)  # breaks every tie at random
    assert mean_correlation(d, taxonomy)==1  # with the taxonomy's own ties


def test_ties_of_its_own_lift_a_side_above_the_ceiling_and_the_table_says_so():
    four_by_five = Taxonomy.from_paths([(f"g{k//5}",f"c{k}") for k in range(20)])
    with pytest.warns(UserWarning,
        match="mean correlation of points is 1.000, beyond its ceiling of 0.707.*ties"):
        table = inspect_distances(four_by_five.path_distance(), four_by_five, "points",
            19).set_index("measure")
    row = table.loc["mean correlation"]
    assert row.ceiling==pytest.approx(.5**.5)
    assert row.normalized==pytest.approx((1-row.chance)/(.5**.5-row.chance))
    assert row.normalized>1


@pytest.mark.parametrize("value, chance, ceiling, expected", [
    (.5,0,1,.5), (3,4,0,.25), (5,4,0,-.25), (.5,0,.5,1), (.5,.5,.5,math.nan), (.5,math.nan,1,math.nan),
    (.5,0,math.nan,math.nan)])
def test_normalized(value, chance, ceiling, expected):
    assert float(normalize(value, chance, ceiling))==pytest.approx(expected, nan_ok=True)
    test = PermutationTest(value, np.array([chance]), smaller_is_better=ceiling<=chance, ceiling=ceiling)
    assert rows_of("x", "m", test)[0]["normalized"]==pytest.approx(expected, nan_ok=True)


def test_every_field_is_shown_without_a_ceiling_too():
    scores = namedtuple("Scores", "nearest average")
    test = PermutationTest(scores(1., .5), np.array([[0.,.5],[0.,.25]]))
    assert [line.split(":")[0] for line in repr(test).splitlines()]==["nearest","average"]
    assert all(len(column)==2 for column in test.table().values())


def test_a_measure_that_is_not_defined_has_no_ceiling():
    flat = Taxonomy.from_paths(["a","b","c","d"])
    test = permutation_test(clade_recall, upgma(all_orders(4)[0][1], flat.names), flat, 9)
    assert math.isnan(test.value)
    assert math.isnan(test.ceiling)
    assert math.isnan(test.normalized)


def test_beyond_the_ceiling_is_neither_clamped_nor_silent():
    with pytest.warns(UserWarning, match="m of x is 1.000, beyond its ceiling of 0.500"):
        assert rows_of("x", "m", PermutationTest(1., np.zeros(3), ceiling=.5))[0]["normalized"]==2


def test_statistics_without_a_ceiling_say_nothing_of_one():
    gap = measure()(lambda d, d_true: lambda order: float(d[order][:,order].sum()))
    d = all_orders(4)[0][1]
    for statistic in (gap, lambda d, d_true: float(d.sum())):
        assert "ceiling" not in repr(permutation_test(statistic, d, d, 9))


@pytest.mark.parametrize("name", small)
def test_no_answers_are_better(name):
    taxonomy,labels = small[name],torch.tensor([0,0,1,3,3,3])
    edges,ceilings = torch.as_tensor(taxonomy.path_distance()),answer_ceilings(labels, taxonomy)
    orders = torch.tensor(list(itertools.permutations(range(4))))
    best = torch.stack([min(orders,
        key=lambda order: (ahd_at_k(order[None], [y], edges, 3),
        ahd_at_k(order[None], [y], edges, 1))) for y in labels])
    assert ceilings["AHD@3"]==pytest.approx(ahd_at_k(best, labels, edges, 3))
    assert ceilings["AHD@1"]==0==ahd_at_k(best, labels, edges, 1)
    assert ceilings["HP@3"]==pytest.approx(hp_at_k(best, labels, edges, 3))==1
    table = inspect_logits(-edges[labels]*20., labels, taxonomy, 9).set_index("measure")
    assert table.normalized.dropna().round(6).eq(1).all()
    assert set(ceilings)==set(table.index)


def test_no_neighbors_are_better():
    taxonomy,labels = small["deep"],torch.tensor([0,0,1,1,2,3])
    ceilings = neighbor_ceilings(labels, taxonomy)
    similarity = torch.as_tensor(taxonomy.similarity())
    best = [[j for j in range(6) if j!=i] for i in range(6)]
    def area(i, order): return ahs_at_k(torch.tensor([*best[:i],order,*best[i+1:]]), labels, similarity, 5)
    for i in range(6):
        best[i] = max((list(order) for order in itertools.permutations(best[i])), key=partial(area, i))
    assert ahs_at_k(torch.tensor(best), labels, similarity, 5)==pytest.approx(ceilings["AHS@5"])
    corners = torch.tensor([[0.,0,1],[8**.5/3,0,-1/3],[-2**.5/3,(2/3)**.5,-1/3],
        [-2**.5/3,-(2/3)**.5,-1/3]]).double()
    between,within,_ = variances(corners[labels], labels)
    assert (between,
        within)==pytest.approx((ceilings["variance between classes"],ceilings["variance within classes"]))
