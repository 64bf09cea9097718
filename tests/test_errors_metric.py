"What the measures refuse, and what their messages name."
import importlib.util
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from refusals import refusals,refuses

from hiernb.metric.audit import audit,check_audit
from hiernb.metric.audit_sample import sample_triplets
from hiernb.metric.calibration import check_probs,confidence_bins,ece_interval,reliability
from hiernb.metric.hierarchical import (
    ahd_at_k, check_square, correct_sets, hp_at_k, hs_at_k, hs_chance, level_accuracy, nearest_samples,
    permutation_p, ranked, topk_accuracy)
from hiernb.metric.inspect import (
    inspect, inspect_distances, inspect_logits, inspect_representatives, neighbor_measures, rank_weights)
from hiernb.metric.lca import radii
from hiernb.metric.neighbors import check_floating,check_labels,check_matrix,directions,knn,pair_up,search
from hiernb.metric.retrieval import (
    chance_at_r, check_asked, check_copy, class_interval, class_matches, first_hits, hierarchical_retrieval,
    map_at_r, over_queries, r_precision, recall_at_k, recall_chance, relevance, task)
from hiernb.metric.retrieval_null import readable_lengths
from hiernb.metric.sharded import pieces,place_of,sharded_knn,sharded_ranks
from hiernb.metric.space import angle,class_means,intensity,prototypes,step_change,variances
from hiernb.tree.taxonomy import Taxonomy

def seeded(): return torch.Generator().manual_seed(0)

nan = torch.nan
points = torch.randn(30, 4, generator=seeded())
labels = torch.arange(30)%6
inside = points/points.norm(dim=1, keepdim=True)/2                # in the ball of curvature 1
outside = 10*inside
others = points[:20]+5.                                           # a gallery
alone = torch.arange(30)                                          # nobody has company
neighbors = knn(points, None, 9, exclude_self=True).indices
group = torch.arange(9)//3
edges = torch.where(group[:,None]==group, 2., 4.).fill_diagonal_(0)
similarity = 1-edges/4
nine = Taxonomy.from_paths([f"group {i//3}/class {i}" for i in range(9)])
six = Taxonomy.from_paths([f"group {i//3}/class {i}" for i in range(6)])
scores = torch.randn(30, 9, generator=seeded())

@refusals({
    "a vector": (lambda: check_matrix(points[0], "scores"), "scores must be a matrix"),
    "nothing": (lambda: check_matrix(points[:0], "scores"), "scores", "not empty"),
    "nan": (lambda: check_matrix([[0.],[nan]], "points"), "points", "1 of 2 rows do, first row 1"),
    "integers": (lambda: check_floating(neighbors, "x"), "x must be floating point numbers, got torch.int64"),
    "negative label": (lambda: check_labels([0,-1], 2, 3), "sample 1 has -1"),
    "label too large": (lambda: check_labels([0,3], 2, 3), "0..2"),
    "one label too few": (lambda: check_labels([0,1], 3, 3), "shape (3,)"),
    "fractions as labels": (lambda: check_labels([0.5,1.], 2, name="theirs"), "theirs must be integers"),
    "a zero vector": (lambda: directions([[1.,0.],[0.,0.]]), "row 1 is zero"),
    "geometry": (lambda: pair_up(points, None, "hyperbolic"), "geometry must be", "'hyperbolic'"),
    "ball without c": (lambda: pair_up(points, None, "poincare"), "needs the curvature"),
    "c without ball": (lambda: pair_up(points, None, c=.1), "belongs to geometry='poincare'"),
    "negative c": (lambda: pair_up(points, None, "poincare", -1.), "positive"),
    "gallery outside": (lambda: pair_up(inside, outside, "poincare", 1.), "inside the ball"),
    "queries outside": (lambda: pair_up(outside, inside, "poincare", 1.), "inside the ball"),
    "dimensions": (lambda: pair_up(points, points[:,:2]), "4 dimensions, the gallery 2"),
    "a gallery of zeros": (lambda: pair_up(points, points*0), "gallery must have a direction"),
    "a gallery of nan": (lambda: pair_up(points, points*nan), "gallery must hold no nan"),
})
def test_points_and_labels(call, words): refuses(call, words)

def searched(k, own=None): search(pair_up(points, None), k, lambda *_: None, own)

@refusals({
    "no neighbors": (lambda: searched(0), "k must be 1..30"),
    "more than there are": (lambda: searched(31), "k must be 1..30"),
    "itself among them": (lambda: searched(30, torch.arange(30)), "k must be 1..29"),
    "itself in another set": (lambda: knn(points, others, 3, exclude_self=True), "in another set"),
    "a long list": (lambda: knn(points, others, 21), "1..20"),
    "half a neighbor": (lambda: knn(points, others, 2.5), "k must be a whole number, got 2.5"),
    "k as text": (lambda: knn(points, others, "3"), "got '3'"),
    "backend": (lambda: knn(points, others, 3, backend="annoy"), "exact or faiss", "'annoy'"),
    "ties": (lambda: knn(points, others, 3, ties="first"), "index or random", "'first'"),
})
def test_neighbors(call, words): refuses(call, words)

@pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="faiss is not installed")
def test_neighbors_by_faiss():
    refuses(lambda: knn(points, others, 21, backend="faiss"), ["1..20"])

def matches(k, queries=points): return class_matches(task(queries, labels), k)

@refusals({
    "a copy with other labels": (lambda: check_copy(torch.tensor([0,1]), [0,2]), "the first at sample 1"),
    "labels too few": (lambda: task(points, labels[1:]), "shape (30,)"),
    "labels of the gallery": (lambda: task(points, labels, others, labels), "gallery_labels", "shape (20,)"),
    "no labels of the gallery": (lambda: task(points, labels, others), "or neither"),
    "contradicting copy": (lambda: task(points, labels, points+0, labels.flip(0)), "differ from labels"),
    "a ranking from 1": (lambda: task(alone[:,None]+1, labels), "0..29 of the gallery, got 1..30"),
    "a ranking and a gallery": (lambda: task(neighbors, labels, others), "ranking already"),
    "queries of nan": (lambda: task(points*nan, labels), "nan"),
    "itself in its ranking": (lambda: task(alone[:,None], labels), "query 0 is in its own ranking"),
    "float labels": (lambda: task(points, labels+.5), "integers"),
    "a mask": (lambda: task(points>0, labels), "ranking of integers"),
    "labels beyond the classes": (lambda: task(points, labels, n_classes=5), "0..4"),
    "a short ranking": (lambda: matches(10, neighbors), "knn(..., k=10)"),
    "more than there are": (lambda: matches(30), "1..29"),
})
def test_tasks(call, words): refuses(call, words)

def in_taxonomy(**given):
    usual = dict(queries=points, labels=labels, taxonomy=six)
    return hierarchical_retrieval(**usual|given)

@refusals({
    "nobody was asked": (lambda: check_asked(torch.zeros(2).bool(), ""), "anything to find"),
    "nobody has company": (lambda: first_hits(points, alone), "anything to find"),
    "a mean over nobody": (lambda: over_queries(torch.ones(2), torch.zeros(2).bool()), "anything to find"),
    "R of nobody": (lambda: r_precision(points, alone), "anything to find"),
    "chance of nobody": (lambda: chance_at_r(alone), "anything to find"),
    "no list": (lambda: recall_at_k(points, labels, ()), "list lengths"),
    "a list of none": (lambda: recall_at_k(points, labels, (0,1)), "list lengths"),
    "half a list": (lambda: recall_at_k(points, labels, (1,1.5)), "list length must be a whole number"),
    "a long list": (lambda: recall_at_k(points, labels, 30), "1..29"),
    "Recall@k without c": (lambda: recall_at_k(points, labels, geometry="poincare"), "curvature"),
    "a ranking shorter than R": (lambda: map_at_r(neighbors[:,:3], labels), "the length of the ranking"),
    "chance of a long list": (lambda: recall_chance(labels, (30,)), "1..29"),
    "values too many": (lambda: class_interval(torch.ones(30), labels[1:]), "shape (30,)"),
    "one class": (lambda: class_interval(torch.ones(30), 0*labels), "at least 2"),
    "level": (lambda: class_interval(torch.ones(30), labels, level=2.), "level"),
    "alpha": (lambda: relevance(torch.ones(1, 2), 0.), "alpha must be positive"),
    "part of a ranking": (lambda: in_taxonomy(queries=neighbors), "knn(..., k=29)"),
    "labels beyond the taxonomy": (lambda: in_taxonomy(labels=labels+1), "0..5"),
    "no list length": (lambda: readable_lengths((10,0), 9, "a"), "at least one of them 1…9, got [10, 0]"),
})
def test_retrieval(call, words): refuses(call, words)

some = torch.tensor([True,False])
one_alone = torch.where(alone==7, 99, labels)

@refusals({
    "misses": (lambda: check_asked(some, "count as misses"), "1 of 2 queries", "and count as misses"),
    "a lone query": (lambda: first_hits(points, one_alone), "1 of 30 queries"),
    "a mean": (lambda: over_queries(torch.ones(2), some), "left out"),
    "no mean": (lambda: over_queries(torch.ones(2), some, True), "are nan"),
    "lists too long": (lambda: readable_lengths((1,10,100), 9, "shop"), "shop: only 9", "@10, @100 is left out"),
})
def test_warnings(call, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert len(caught)==1
    assert all(w in str(caught[0].message) for w in words)

broken = points.clone()
broken[7] = nan

def ranks(shards, **given):
    usual = dict(queries=points[:3], labels=labels[:3], shards=shards)
    return sharded_ranks(**usual|given)

@refusals({
    "labels of a shard": (lambda: list(pieces([(points,labels[:3])])), "labels of a shard", "shape (30,)"),
    "two processes of one rank": (lambda: place_of([(points,labels)], lambda x: torch.stack([x,x])),
        "must give as rank 0..1, each its own; they gave [0, 0]"),
    "no points": (lambda: place_of([]), "the gallery is empty"),
    "labels": (lambda: ranks([(points,labels)], queries=points), "labels must have shape (30,)"),
    "dimensions": (lambda: ranks([(points[:,:2],labels)]), "4 dimensions, the gallery 2"),
    "own": (lambda: ranks([(points,labels)], own=torch.arange(3)+28), "own must lie in 0..29"),
    "nan in a shard": (lambda: ranks([(points,labels),(broken,labels)], rows=4), "no nan or inf; point 7",
        "shard 1"),
    "k": (lambda: sharded_knn(points, [(points,labels)], 31), "k must be 1..30"),
})
def test_shards(call, words): refuses(call, words)

own = torch.arange(30)%9
embeddings = torch.randn(30, 4, generator=seeded())
lone = torch.zeros(30).long().index_fill_(0, torch.tensor([29]), 1)

def path_cost(scores, labels): return ahd_at_k(scores, labels, edges)

@refusals({
    "not square": (lambda: check_square(np.eye(2)[:1], "similarity"), "similarity must be square"),
    "negative": (lambda: check_square(-np.eye(2), "similarity"), "negative"),
    "no class": (lambda: ranked(scores, 0), "k must lie in 1..9"),
    "too many classes": (lambda: ranked(scores, 10), "k must lie in 1..9"),
    "scores of nan": (lambda: ranked(scores*nan, 1), "nan"),
    "labels": (lambda: topk_accuracy(scores, own+1), "0..8"),
    "another taxonomy": (lambda: path_cost(scores[:,:8], own), "8 classes"),
    "a ranking of other classes": (lambda: path_cost(torch.full((30,3), 9), own), "0..8"),
    "part of a table": (lambda: ahd_at_k(scores, own, edges[:8]), "square"),
    "no samples": (lambda: path_cost(scores[:0], own[:0]), "not empty"),
    "a set of too many": (lambda: correct_sets(edges, 10), "1..9"),
    "a set of none": (lambda: correct_sets(edges, 0), "set_size"),
    "the published set": (lambda: correct_sets(edges, 8, as_published=True), "1..7"),
    "HP@k with a set of none": (lambda: hp_at_k(scores, own, edges, 3, set_size=0), "set_size 0"),
    "predictions too few": (lambda: level_accuracy(own[1:], own, nine), "(30,)"),
    "predictions of other classes": (lambda: level_accuracy(own+1, own, nine), "0..8"),
    "p-value without permutations": (lambda: permutation_p(partial(path_cost, scores), own, 0), "at least 1"),
    "p-value of bad labels": (lambda: permutation_p(partial(path_cost, scores), own+5), "0..8"),
})
def test_classification(call, words): refuses(call, words)

def hs(labels=own, table=similarity, k=5): return hs_at_k(embeddings, labels, table, k)

@refusals({
    "nan": (lambda: nearest_samples(embeddings*nan, 3), "nan"),
    "zeros": (lambda: nearest_samples(embeddings*0, 3), "direction"),
    "a vector": (lambda: nearest_samples(embeddings[0], 3), "matrix"),
    "no neighbor": (lambda: nearest_samples(embeddings, 0), "1..29"),
    "more than there are": (lambda: nearest_samples(embeddings, 30), "1..29"),
    "a ranking from 1": (lambda: nearest_samples(torch.tensor([[1],[2]]), 1), "0..1, got 1..2"),
    "a short ranking": (lambda: nearest_samples(neighbors, 10), "1..9"),
    "part of a table": (lambda: hs(table=similarity[:8]), "square"),
    "labels": (lambda: hs(own+1), "0..8"),
    "HS@k of more": (lambda: hs(k=30), "1..29"),
    "a class that can earn nothing": (lambda: hs(lone, torch.eye(2)), "class 1: no other sample is similar"),
    "chance of more": (lambda: hs_chance(own, similarity, 30), "1..29"),
})
def test_lists_of_samples(call, words): refuses(call, words)

corners = torch.eye(3)
def moved(**given): return step_change(**dict(before=edges+1, after=edges+1, labels=torch.arange(9))|given)

@refusals({
    "empty classes": (lambda: class_means(points[:2], torch.tensor([0,2]), 4),
        "2 of 4 classes have no embedding", "first class 1"),
    "a mean of 0": (lambda: prototypes([[1.,0],[-1,0]], [0,0], 1), "class means"),
    "a class too many": (lambda: prototypes(points, labels, 7), "first class 6"),
    "no embeddings": (lambda: prototypes(points[:0], labels[:0], 6), "not empty"),
    "angles of other rows": (lambda: angle(points, points[1:]), "pairs rows"),
    "one class": (lambda: variances(points, 0*labels), "two classes"),
    "equal representatives": (lambda: intensity(points[:,:3], corners[[0,0,1]]), "3 with 2 different"),
    "one representative": (lambda: intensity(points[:,:3], corners[:1]), "two or more"),
    "dimensions": (lambda: intensity(points, corners), "4 dimensions"),
    "distances of 0": (lambda: moved(after=0*edges), "positive"),
    "other classes": (lambda: moved(after=edges[:,:5]+1), "one shape"),
})
def test_space(call, words): refuses(call, words)

two = torch.tensor([[.9,.1],[.2,.8]])

@refusals({
    "logits": (lambda: check_probs(scores), "Logits need a softmax"),
    "no distribution": (lambda: check_probs([[.5,.5],[.5,.3]]), "row 1 sums to 0.8"),
    "nan": (lambda: check_probs([[nan,1.]]), "nan"),
    "nothing": (lambda: check_probs(two[:0]), "not empty"),
    "no bins": (lambda: confidence_bins(two, 0), "bins must be at least 1"),
    "labels": (lambda: reliability(two, [0,2]), "0..1"),
    "labels too many": (lambda: reliability(two, [0,1,1]), "(2,)"),
    "no resamples": (lambda: ece_interval(two, [0,1], n_resamples=0), "n_resamples"),
})
def test_calibration(call, words): refuses(call, words)

ball = torch.eye(4)/2
three = Taxonomy.from_paths(["a/1","a/2","b/3"])
def checked(**given):
    return check_audit(**dict(embeddings=ball, proxies=ball, labels=[0,0,1,2], c=.1, taxonomy=three)|given)

@refusals({
    "radii outside": (lambda: radii(4*torch.eye(2), .1, 4.), "inside the ball"),
    "no pairs": (lambda: sample_triplets(torch.arange(5), 5, 9, seeded()), "no class has two points"),
    "one class": (lambda: sample_triplets(torch.ones(5).long(), 5, 9, seeded()), "one class only"),
    "embeddings outside": (lambda: checked(embeddings=9*ball), "inside the ball"),
    "proxies outside": (lambda: checked(proxies=9*ball), "inside the ball"),
    "c": (lambda: checked(c=0.), "c must be positive"),
    "labels too few": (lambda: checked(labels=[0,1]), "shape (4,)"),
    "labels beyond the taxonomy": (lambda: checked(labels=[1,2,3,0]), "0..2"),
    "float labels": (lambda: checked(labels=[0.5,1,2,0]), "integers"),
    "no labels": (lambda: checked(labels=None), "without labels"),
    "dimensions of proxies": (lambda: checked(proxies=ball[:,1:]), "proxies must be (P, 4)"),
    "one proxy": (lambda: checked(proxies=ball[:1]), "P ≥ 2"),
    "two embeddings": (lambda: checked(embeddings=ball[:2]), "at least 3"),
    "nan": (lambda: checked(embeddings=ball*nan), "nan"),
    "a list as taxonomy": (lambda: checked(taxonomy=["a","b"]), "Taxonomy"),
})
def test_audit_input(call, words): refuses(call, words)

def audited(**given):
    usual = dict(embeddings=inside, proxies=inside[:6], labels=labels, c=1., taxonomy=six, n_permutations=19,
        alpha=.15, n_triplets=30)
    return audit(**usual|given)

@refusals({
    "one class": (lambda: audited(labels=0*labels), "one class only"),
    "no pairs": (lambda: audited(labels=alone, taxonomy=None), "no class has two"),
    "beyond the clip radius": (lambda: audited(clip_r=.1), "beyond the clip radius"),
    "negative clip_r": (lambda: audited(clip_r=-1.), "clip_r must be"),
    "clip_r of nan": (lambda: audited(clip_r=nan), "clip_r must be"),
    "too few permutations": (lambda: audited(n_permutations=18), "n_permutations ≥ 19"),
    "alpha": (lambda: audited(alpha=5), "in (0,1)"),
    "too few points": (lambda: audited(n_points=2), "n_points"),
})
def test_audits(call, words): refuses(call, words)

prepared = torch.randn(9, 4, generator=seeded())
def inspected(**given):
    usual = dict(embeddings=embeddings, labels=own, taxonomy=nine, n_permutations=1)
    return inspect(**usual|given)

@refusals({
    "distances of fewer classes": (lambda: inspect_distances(edges[:6,:6], nine),
        "6 classes for a taxonomy of 9 classes"),
    "fewer proxies": (lambda: inspect_representatives(prepared[:6], nine, "proxies"),
        "6 proxies for a taxonomy of 9 classes"),
    "logits of fewer classes": (lambda: inspect_logits(scores[:,:5], own, nine),
        "logits have 5 classes, the taxonomy 9"),
    "labels of logits": (lambda: inspect_logits(scores, own+1, nine), "labels"),
    "a ranking of other classes": (lambda: inspect_logits(torch.full((30,5), 9), own, nine),
        "a ranking must hold classes 0..8, got 9..9"),
    "a class that can earn nothing": (lambda: rank_weights(torch.eye(2), torch.tensor([1,2]), 1),
        "class 0: no other sample"),
    "short lists": (lambda: neighbor_measures(embeddings, own, nine, neighbors), "k must be 1..9"),
    "one class": (lambda: neighbor_measures(embeddings, 0*own, nine), "two classes"),
    "proxies of fewer classes": (lambda: inspected(proxies=prepared[:6]),
        "proxies must be (9, 4), a row per class of the taxonomy; got (6, 4)"),
    "dimensions of proxies": (lambda: inspected(proxies=prepared[:,:3]), "got (9, 3)"),
    "logits of fewer samples": (lambda: inspected(logits=scores[:10]), "got (10, 9)"),
    "nan": (lambda: inspected(embeddings=embeddings*nan), "30 of 30 rows"),
    "labels beyond the taxonomy": (lambda: inspected(labels=own+9), "0..8"),
    "classes without a sample": (lambda: inspected(embeddings=embeddings[:6], labels=own[:6]), "`train`"),
})
def test_inspections(call, words): refuses(call, words)
