"""Collapsed models are worth what chance is, copies of the queries find no copy, and lengths do not change
directions."""
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from hiernb.loss.classification import NormFace, ProxyDR
from hiernb.loss.sphere import directions as loss_directions
from hiernb.loss.metric import ProxyAnchor, SupCon
from hiernb.metric.audit import effect
from hiernb.metric.calibration import ece
from hiernb.data.draws import DrawFrom
from hiernb.loss.classification import linear_start
from hiernb.metric.hierarchical import ahd_at_k, ahs_at_k, hp_at_k, hs_at_k, hs_chance, tied_best, topk_accuracy
from hiernb.metric.inspect import (
    inspect, inspect_distances, inspect_embeddings, inspect_logits, inspect_representatives, sampling_rows)
from hiernb.metric.neighbors import knn
from hiernb.metric.retrieval import (
    chance_at_r, first_hits, hierarchical_retrieval, map_at_r, r_precision, recall_at_k, recall_chance,
    retrieval_ceiling)
from hiernb.metric.sharded import sharded_knn, sharded_ranks
from hiernb.metric.space import angle, intensity, prototypes, variances
from hiernb.run.examine import examine
from hiernb.tree.compare import class_retrieval, clade_recall, robinson_foulds, permutation_test, triplet_agreement
from hiernb.tree.infer import neighbor_joining, pairwise_distance, upgma
from hiernb.tree.labels import plain_labels
from hiernb.tree.significance import PermutationTest, judge, normalize
from hiernb.tree.taxonomy import Taxonomy

taxonomy = Taxonomy.from_paths([f"g{k//4}/c{k:02}" for k in range(20)])  # classes stand group by group,
labels = torch.arange(200)//10  # and samples class by class, as on a disk
collapsed = torch.ones(200, 8)
tables = dict(distances=lambda n: inspect_distances(1-np.eye(20), taxonomy, n_permutations=n),
              representatives=lambda n: inspect_representatives(torch.ones(20, 8), taxonomy,
              n_permutations=n),
              logits=lambda n: inspect_logits(torch.zeros(200, 20), labels, taxonomy, n),
              embeddings=lambda n: inspect_embeddings(collapsed, labels, taxonomy, None, n))


@pytest.mark.parametrize("kind", tables)
def test_collapsed_model_is_not_significant(kind):
    table = tables[kind](39)
    assert table.p_value.min()>.05, table[table.p_value<=.05]


@pytest.mark.parametrize("join", [upgma, neighbor_joining])
def test_tree_of_equal_distances(join):
    test = permutation_test(clade_recall, join(1-np.eye(20), taxonomy.names), taxonomy, 39)
    assert test.p_value>.05
    assert sorted(tip.name for tip in join(1-np.eye(20), taxonomy.names).tips())==taxonomy.names


@pytest.mark.parametrize("k", [1, 3, 20])
def test_equal_scores_are_worth_the_mean_over_classes(k):
    scores,d = torch.zeros(200, 20),torch.as_tensor(taxonomy.path_distance()).double()
    assert_close(topk_accuracy(scores, labels, k), k/20)
    assert_close(ahd_at_k(scores, labels, d, k), float(d.mean()))
    assert_close(hp_at_k(scores, labels, d, k, 4), 4/20)


def test_ties_are_averaged_over_orders():
    """Of four that tie for two places each has one in half of all orders; against an average over random
    orders."""
    g = torch.Generator().manual_seed(0)
    scores,truth = torch.randint(4, (300, 9), generator=g).float(),torch.randint(9, (300,), generator=g)
    noise = [1e-3*torch.rand(300, 9, generator=g) for _ in range(300)]
    for k in (1, 2, 5):
        assert abs(topk_accuracy(scores, truth,
            k)-np.mean([topk_accuracy(scores+e, truth, k) for e in noise]))<.005


def test_recall_of_a_collapsed_model():
    assert abs(recall_at_k(collapsed, labels, 1)[1]-recall_chance(labels, 1)[1])<.01
    assert abs(r_precision(collapsed, labels)-recall_chance(labels, 1)[1])<.02
    similarity = torch.as_tensor(taxonomy.similarity())
    assert abs(hs_at_k(collapsed, labels, similarity, 9)[0]-float(similarity.mean()))<.15
    assert ahs_at_k(collapsed, labels, similarity, 9)<.6  # by index: 1, all nine of the own class


g = torch.Generator().manual_seed(1)
points,own = torch.randn(60, 4, generator=g),torch.arange(60)%6
six = Taxonomy.from_paths(["a/0", "a/1", "b/2", "b/3", "c/4", "c/5"])
copies = dict(copy=points.clone(), float64=points.double(), contiguous=points.T.contiguous().T)


@pytest.mark.parametrize("copy", copies.values(), ids=copies)
@pytest.mark.parametrize("measure",
    [recall_at_k, r_precision, map_at_r, lambda x,y,**more: hierarchical_retrieval(x, y, six, **more)],
                         ids=["recall_at_k", "r_precision", "map_at_r", "hierarchical_retrieval"])
def test_gallery_that_holds_the_queries(measure, copy):
    assert measure(points, own, gallery=copy, gallery_labels=own)==measure(points, own)
    with pytest.raises(ValueError, match="holds the queries themselves, but 60 of 60 gallery_labels differ "
        "from labels, the first at sample 0"):
        measure(points, own, gallery=copy, gallery_labels=(own+1)%6)


def test_shards_that_hold_the_queries():
    shards = [(part, kinds) for part,kinds in zip(points.split(25), own.split(25))]
    assert torch.equal(sharded_ranks(points, own, shards),
        sharded_ranks(points, own, shards, own=torch.arange(60)))
    # a part of the gallery: own says so
    assert torch.equal(sharded_ranks(points[:50], own[:50], shards), torch.ones(50, dtype=torch.int64))


whole = torch.randint(-3, 4, (24, 5), generator=g).float()
whole[:, 0] += 4*(whole.abs().sum(1)==0)  # no row of zeros
whole[:6] += 4*torch.eye(6, 5)
kinds = torch.arange(24)%6
by_direction = {
    "knn":lambda x: tuple(knn(x, None, 5)),
    "recall_at_k":lambda x: recall_at_k(x, kinds),
    "hs_at_k":lambda x: hs_at_k(x, kinds, torch.as_tensor(six.similarity()), 5),
    "prototypes":lambda x: prototypes(x, kinds, 6),
    "variances":lambda x: tuple(variances(x, kinds)),
    "angle":lambda x: angle(x, x.flip(0)),
    "intensity":lambda x: intensity(x, x[:6]),
    "pairwise_distance":pairwise_distance,
    "class_retrieval":lambda x: tuple(class_retrieval(x[:6], six, 0)),
    "loss directions":loss_directions,
    "NormFace":lambda x: NormFace(6, 5).to(x.dtype)(x, kinds),
    "ProxyDR":lambda x: ProxyDR(6, 5).to(x.dtype)(x, kinds),
    "ProxyAnchor":lambda x: ProxyAnchor(6, 5).to(x.dtype)(x, kinds),
    "SupCon":lambda x: SupCon()(x, kinds),
}
exponents = [(torch.float32, -149), (torch.float32, -70), (torch.float32, 63), (torch.float32, 124),
             (torch.float64, -1074), (torch.float64, -540), (torch.float64, 520), (torch.float64, 1020)]


@pytest.mark.parametrize("dtype, exponent", exponents)
def test_length_does_not_matter(dtype, exponent):
    """Small whole numbers times a power of two, from the smallest number that there is to the largest: exact
    in every precision."""
    plain = whole.to(dtype)
    scaled = torch.from_numpy(np.ldexp(plain.numpy(), exponent))
    assert torch.equal(torch.from_numpy(np.ldexp(scaled.double().numpy(), -exponent)).to(dtype), plain)
    changed = []
    for name,f in by_direction.items():
        with warnings.catch_warnings(action="ignore"):
            try: assert_close(f(scaled), f(plain))
            except (AssertionError, ValueError) as e: changed.append(f"{name}: {e}")
    assert not changed


def test_triplets_beyond_the_budget_are_sampled():
    "Within four standard errors of all triplets; the table says that it is a sample."
    many = Taxonomy.from_paths([f"a{k//100}/b{k//10}/c{k}" for k in range(300)])
    near = np.random.default_rng(0).normal(size=(300, 6))+3*np.random.default_rng(1).normal(size=(30,
        6)).repeat(10, 0)
    d = pairwise_distance(near)
    sampled,every = triplet_agreement(d, many, budget=2**20),triplet_agreement(d, many)
    assert 0<abs(sampled-every)<4*(every*(1-every)/2**18)**.5
    size,error = sampling_rows("proxies", sampled, 1400)
    assert size["value"]==2**18
    assert error["measure"]=="triplet agreement, standard error"
    assert error["value"]==pytest.approx((sampled*(1-sampled)/2**18)**.5)
    assert sampling_rows("proxies", sampled, 1200)==[]


@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.complex64])
def test_only_floating_point_numbers_are_inspected(kind):
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).to(kind)
    with pytest.raises(ValueError, match=f"embeddings must be floating point numbers, got {kind}"):
        inspect(x, torch.arange(20)%6, six, order="taxonomy")


def test_one_sample_per_class_has_a_tree(tmp_path):
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match="no class has two samples: retrieval is left out"):
        found = examine(x, torch.arange(6), six, folder=tmp_path/"one", order="taxonomy", progress=False)
    assert found.tables["retrieval"].empty
    assert "mean correlation" in set(found.tables["measures"].measure)
    assert "No class has two samples" in (tmp_path/"one/report.html").read_text(encoding="utf-8")


def test_columns_are_normalized():
    levels = [pd.Series(level) for level in ([1., 2.], [0., 0.], [2., 0.])]
    assert_close(normalize(*levels), np.array([.5, np.nan]), equal_nan=True)


def test_levels_of_a_gallery_as_large_as_the_queries():
    labels,theirs = torch.tensor([0, 0, 1, 1]),torch.tensor([0, 0, 1, 1])
    assert_close(recall_chance(labels, [1, 2], theirs), {1:.5, 2:5/6})
    assert_close(chance_at_r(labels, theirs), (.5, 5/12))
    assert retrieval_ceiling("Recall@1", torch.arange(3), torch.arange(3))==1
    assert_close(recall_chance(labels, 1, theirs.flip(0)), {1:.5})


def test_integer_probabilities_are_no_ranking():
    probs = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert ece(probs, torch.tensor([1, 0, 2, 1]))==0


def test_radii_have_no_best_whatever_the_curvature():
    test = PermutationTest(3.66, np.array([1.9, 1.94]))
    assert np.isnan(effect("midpoint radius, level 0", test))


@pytest.mark.parametrize("labels, says", [
    (np.ma.array([0, 1, 2], mask=[0, 1, 0]), "label 1 is empty"),
    (np.array([0, 2**64-1], dtype=np.uint64), "labels must be below 2⁶³")])
def test_labels_that_would_change_without_a_word(labels, says):
    with pytest.raises(ValueError, match=says): plain_labels(labels)


@pytest.mark.parametrize("n", [5, 30])
def test_equal_differences_over_many_seeds_are_told(n):
    row = judge({"a":np.full(n, .1)}, alpha=.1).loc["a"]
    assert row.verdict=="higher"
    assert_close(row.p_adjusted, 2.**(1-n))
    assert judge({"a":np.zeros(n)}).loc["a"].verdict==f"inconclusive with {n} seeds"


def test_names_that_differ_in_composition_alone_get_their_groups():
    taxonomy = Taxonomy.from_paths([("a", "\u00e9"), ("b", "e\u0301")])
    assert taxonomy.names==["a/\u00e9", "b/\u00e9"]


def test_orders_that_are_the_same_are_not_two(tmp_path):
    (tmp_path/"t.nwk").write_text("((a,b)x,(c,d)y);")
    assert ProxyDR(4, 3, taxonomy=Taxonomy.from_newick(tmp_path/"t.nwk")).proxies.shape==(4, 3)


def test_two_classes_have_no_worse_tree_than_the_true_one():
    two = Taxonomy.from_paths(["a", "b"])
    assert robinson_foulds.ceiling(two, two)==0


def test_a_collapsed_encoder_has_a_gallery_of_its_own():
    "All points are one, and the gallery has as many as there are queries: their classes need not be the queries'."
    x,labels,theirs = torch.ones(6, 3),torch.arange(6)%2,torch.tensor([0, 0, 0, 0, 0, 1])
    assert recall_at_k(x, labels, 6, x.clone(), theirs)=={6:1.}
    assert 0<recall_at_k(x, labels, 1, x.clone(), theirs)[1]<1


@pytest.mark.parametrize("measure", [recall_at_k, r_precision, first_hits])
def test_a_copy_with_the_same_classes_is_the_queries(measure):
    x,labels = torch.ones(6, 3),torch.arange(6)%2
    more = (1,) if measure is recall_at_k else ()
    expected = torch.as_tensor(list(measure(x, labels, *more).values()) if more else measure(x, labels))
    found = measure(x, labels, *more, x.clone(), labels.clone())
    assert torch.equal(torch.as_tensor(list(found.values()) if more else found), expected)


def test_a_gallery_that_holds_the_queries_is_warned_of_once():
    x,labels = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)),torch.arange(20)%4
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        recall_at_k(x, labels, 1, torch.cat([x.flip(0), x+9]), labels.repeat(2))
    assert sum("finds itself" in str(w.message) for w in said)==1


@pytest.mark.parametrize("rows", [1, 5])
def test_only_tied_rows_are_widened(rows):
    "One row of equal scores among others; every class has its share, and the other rows keep their k places."
    scores = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    scores[:rows] = 0
    sample,classes,share = tied_best(scores, 2)
    assert len(sample)==rows*8+(5-rows)*2
    assert sample.bincount(share).tolist()==pytest.approx([2]*5)
    assert share[sample<rows].unique().tolist()==[.25]
    best = scores[rows:].topk(2).indices.sort(1).values
    assert classes[sample>=rows].view(-1, 2).tolist()==best.tolist()
    assert share[sample>=rows].eq(1).all()


def test_ties_for_the_last_places_share_them():
    "By hand: class 0 has the first place, and three classes tie for the second and third."
    sample,classes,share = tied_best(torch.tensor([[5., 1., 1., 0., 1.]]), 3)
    assert sample.tolist()==[0]*4
    assert classes.tolist()==[0, 1, 2, 4]
    assert share.tolist()==pytest.approx([1]+[2/3]*3)


lengths = dict(topk_accuracy=lambda k: topk_accuracy(torch.eye(4), torch.arange(4), k),
    ahd_at_k=lambda k: ahd_at_k(torch.eye(4), torch.arange(4), 1-torch.eye(4), k),
    hp_at_k=lambda k: hp_at_k(torch.eye(4), torch.arange(4), 1-torch.eye(4), k),
    hs_at_k=lambda k: hs_at_k(torch.eye(4), torch.arange(4), torch.ones(4, 4), k),
    ahs_at_k=lambda k: ahs_at_k(torch.eye(4), torch.arange(4)//2, torch.eye(2), k),
    hs_chance=lambda k: hs_chance(torch.arange(4)//2, torch.eye(2), k),
    recall_at_k=lambda k: recall_at_k(torch.eye(4), torch.arange(4)//2, k),
    recall_chance=lambda k: recall_chance(torch.arange(4)//2, k),
    sharded_knn=lambda k: sharded_knn(torch.eye(4), [(torch.eye(4), torch.arange(4))], k),
    knn=lambda k: knn(torch.eye(4), None, k, exclude_self=True))


@pytest.mark.parametrize("measure", lengths.values(), ids=lengths)
def test_a_list_length_is_a_whole_number(measure):
    measure(2)
    measure(True)
    for wrong in (2., "2", None):
        with pytest.raises(ValueError, match=f"must be .*whole number, got {wrong!r}"): measure(wrong)


drawn_into = {"randperm":lambda out: torch.randperm(9, out=out),
    "randint":lambda out: torch.randint(2, 9, (9,), out=out)}


@pytest.mark.parametrize("draw", drawn_into.values(), ids=drawn_into)
def test_numbers_are_drawn_into_a_given_tensor(draw):
    "The variants with a generator have names of their own there; the numbers are those of the generator."
    out = torch.empty(9, dtype=torch.int64)
    with DrawFrom(torch.Generator().manual_seed(3)): draw(out)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        assert torch.equal(draw(torch.empty_like(out)), out)


def test_class_points_start_in_float32_whatever_the_default_is():
    torch.set_default_dtype(torch.float64)
    try: found = [linear_start(3, 2, start, torch.Generator().manual_seed(0)) for start in ("torch","published")]
    finally: torch.set_default_dtype(torch.float32)
    assert {tensor.dtype for pair in found for tensor in pair}=={torch.float32}


def test_sharded_queries_have_one_class_each():
    x,labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),torch.arange(6)%2
    assert sharded_ranks(x, labels, [(x[:4], labels[:4]),(x[4:], labels[4:])]).shape==(6,)
    with pytest.raises(ValueError, match="holds the queries themselves, but 6 of 6 labels"):
        sharded_ranks(x, labels, [(x[:4], 1-labels[:4]),(x[4:], 1-labels[4:])])
    gallery,theirs = torch.cat([-x, x]),torch.cat([labels, labels.flip(0)])
    assert sharded_ranks(x, labels, [(gallery, theirs)]).max()<=12
    with pytest.raises(ValueError, match="but 6 of 6 labels"):
        sharded_ranks(x, labels, [(gallery, theirs)], own=torch.arange(6, 12))


def test_a_collapsed_encoder_has_shards_of_its_own():
    "Where all points are one, classes tell whether the shards hold the queries or others."
    x,labels,theirs = torch.ones(6, 3),torch.arange(6)%2,torch.tensor([0, 0, 0, 0, 0, 1])
    ranks = sharded_ranks(x, labels, [(x[:4], theirs[:4]),(x[4:], theirs[4:])])
    assert torch.equal(ranks, first_hits(x, labels, x.clone(), theirs))
    own = sharded_ranks(x, labels, [(x[:4], labels[:4]),(x[4:], labels[4:])])
    assert torch.equal(own, first_hits(x, labels))


def test_a_second_examination_leaves_nothing_of_the_first(tmp_path):
    x,labels = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)),torch.arange(20)%4
    taxonomy = Taxonomy.from_paths([("a","b"),("a","c"),("d","e"),("d","f")])
    examine(x, labels, taxonomy, folder=tmp_path, n_permutations=9, progress=False)
    (tmp_path/"mine.svg").touch()
    assert (tmp_path/"tanglegram.svg").is_file()
    examine(x, labels, folder=tmp_path, n_permutations=9, progress=False)
    assert not (tmp_path/"tanglegram.svg").exists()
    assert (tmp_path/"mine.svg").is_file()
