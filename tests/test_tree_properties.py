"Properties of taxonomies and trees over generated input."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiernb.tree.infer import cophenetic, neighbor_joining, upgma
from hiernb.tree.taxonomy import Taxonomy

names = st.text(min_size=1, max_size=6).filter(lambda s: s.strip())
few = st.sampled_from("ab_'(")                         # so that groups are shared and names come back
path = st.lists(st.one_of(names,few), min_size=1, max_size=5).map(tuple)
paths = st.lists(path, min_size=1, max_size=12, unique=True)

def taxonomy_or_none(paths):
    try: return Taxonomy.from_paths(paths)
    # "a/b" beside a class b under a, twice
    except ValueError as error: assert "same class name" in str(error)

@settings(max_examples=200, deadline=None)
@given(paths)
def test_newick_round_trip(paths):
    taxonomy = taxonomy_or_none(paths)
    if taxonomy is not None: assert Taxonomy.from_newick(taxonomy.to_newick())==taxonomy

@settings(max_examples=100, deadline=None)
@given(paths)
def test_distances_agree_with_the_tree(paths):
    taxonomy = taxonomy_or_none(paths)
    if taxonomy is None: return
    d,depth = taxonomy.path_distance(),taxonomy.lca_depth()
    np.testing.assert_array_equal(cophenetic(taxonomy.to_tree(),taxonomy.names), d)
    for level in range(taxonomy.depth):
        labels = taxonomy.level_labels(level)
        together = labels[:,None]==labels
        assert (together==((depth>level)|(np.eye(len(d),dtype=bool)))).all()

@settings(max_examples=50, deadline=None)
@given(st.integers(2,20), st.integers(0,2**32-1))
def test_builders_do_not_depend_on_class_order(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n,5))
    order = rng.permutation(n)
    d = np.linalg.norm(x[:,None]-x,axis=-1)
    labels = [f"class {i}" for i in range(n)]
    for build in (upgma,neighbor_joining):
        one = cophenetic(build(d,labels),labels)
        two = cophenetic(build(d[np.ix_(order,order)],[labels[i] for i in order]),labels)
        np.testing.assert_allclose(one, two, atol=1e-9)

def test_ten_thousand_classes():
    taxonomy = Taxonomy.from_paths([(f"{i//1000}",f"{i//100}",f"{i//10}",
        f"{i}") for i in np.random.default_rng(0).permutation(10_000)])
    d = taxonomy.path_distance()
    assert d.dtype==np.int16
    assert d.shape==(10_000,10_000)
    assert set(np.unique(d[0]))=={0,2,4,6,8}

def test_deep_chains_do_not_recurse():
    taxonomy = Taxonomy.from_paths([tuple(f"n{k}" for k in range(depth)) for depth in (1500,3000)])
    assert Taxonomy.from_newick(taxonomy.to_newick())==taxonomy
    assert taxonomy.path_distance()[0,1]==1500

@pytest.mark.parametrize("build", [upgma,neighbor_joining])
def test_single_precision_distances(build):
    "√(2−2cos) in float32 leaves a distance of some 1e-4 between a class and itself."
    x = np.random.default_rng(0).normal(size=(30,16)).astype(np.float32)
    x /= np.linalg.norm(x,axis=1,keepdims=True)
    single = np.sqrt(np.maximum(2-2*x@x.T,0))
    double = np.linalg.norm(x[:,None].astype(float)-x,axis=-1)
    labels = [f"c{i}" for i in range(30)]
    assert single.dtype==np.float32
    assert single.diagonal().any()
    np.testing.assert_allclose(cophenetic(build(single,labels),labels),
        cophenetic(build(double,labels),labels), atol=1e-3)

@pytest.mark.parametrize("build", [upgma,neighbor_joining])
def test_collapsed_representatives(build):
    "All classes at one point: a star of length 0, and no error."
    tree = build(np.zeros((6,6)),list("abcdef"))
    np.testing.assert_array_equal(cophenetic(tree,list("abcdef")), np.zeros((6,6)))
