"Taxonomies and inferred trees against the published tables and the numbers of the published code."
import io
from pathlib import Path

import numpy as np
import pytest
from skbio import TreeNode

from hiernb.tree.infer import cophenetic, neighbor_joining, pairwise_distance, upgma
from hiernb.tree.taxonomy import Taxonomy

here = Path(__file__).parent
# nodes per level as the Inspecting paper prints them (arXiv:2301.11065, table of datasets)
published_sizes = dict(cifar100=[3,7,20,100], nabirds=[1,22,228,495,555], MicroS=[8,11,45,78,108,109],
                       MicroL=[3,10,23,53,73,99,102,102], MesoZ=[2,13,28,42,47,52])
sets = dict(cifar100="cifar100", MicroS="microS")

def table(name): return Taxonomy.from_csv(here/"taxonomies"/f"{name}.tsv")
def golden(name): return np.load(here/"golden"/f"inspect_{sets[name]}.npz", allow_pickle=False)
def read(text): return TreeNode.read(io.StringIO(str(text)), format="newick")
def golden_names(taxonomy): return [f"c{i}" for i in range(taxonomy.n_classes)]

@pytest.mark.parametrize("name", published_sizes)
def test_nodes_per_level(name):
    taxonomy = table(name)
    assert taxonomy.level_sizes == published_sizes[name]
    for level,size in enumerate(published_sizes[name]):
        labels,names = taxonomy.level_labels(level),taxonomy.level_names(level)
        assert len(names)==len(set(names))==size
        assert set(labels)==set(range(size))
    assert (taxonomy.level_labels(taxonomy.depth-1)==np.arange(taxonomy.n_classes)).all()

@pytest.mark.parametrize("name", published_sizes)
def test_levels_refine_each_other(name):
    taxonomy = table(name)
    for level in range(1,taxonomy.depth):
        coarse,fine = taxonomy.level_labels(level-1),taxonomy.level_labels(level)
        assert all(len(set(coarse[fine==node]))==1 for node in set(fine))

@pytest.mark.parametrize("name", published_sizes)
def test_newick_round_trip(name):
    taxonomy = table(name)
    assert Taxonomy.from_newick(taxonomy.to_newick()) == taxonomy

@pytest.mark.parametrize("name", published_sizes)
def test_tree_has_the_path_distances(name):
    taxonomy = table(name)
    tree,names = taxonomy.to_tree(),taxonomy.names
    assert sorted(tip.name for tip in tree.tips())==sorted(names)
    np.testing.assert_array_equal(cophenetic(tree,names), taxonomy.path_distance())
    np.testing.assert_array_equal(tree.cophenet().filter(names).data, taxonomy.path_distance())
    np.testing.assert_array_equal(cophenetic(read(taxonomy.to_newick()),names), taxonomy.path_distance())

def test_a_class_that_is_a_group_too():
    taxonomy = table("MicroL")
    a,b = map(taxonomy.names.index,("Tripos furca","Tripos furca duplets"))
    assert taxonomy.paths[b][:-1]==taxonomy.paths[a]
    assert taxonomy.path_distance()[a,b]==1
    assert taxonomy.level_labels(5)[a]==taxonomy.level_labels(5)[b]
    assert taxonomy.level_labels(6)[a]!=taxonomy.level_labels(6)[b]

@pytest.mark.parametrize("name", sets)
def test_published_distances(name):
    taxonomy,numbers = table(name),golden(name)
    np.testing.assert_array_equal(taxonomy.path_distance(), numbers["tree_distance"])
    from_paths = Taxonomy.from_paths(numbers["paths"], numbers["class_names"])
    np.testing.assert_array_equal(from_paths.path_distance(), numbers["tree_distance"])
    taxonomy.check_names(numbers["class_names"])

def test_builtin_tables():
    assert Taxonomy.builtin("cifar100") == table("cifar100")
    from torchvision.datasets import FashionMNIST
    Taxonomy.builtin("fashion_mnist").check_names(FashionMNIST.classes)

@pytest.mark.parametrize("name", sets)
def test_neighbor_joining_of_proxies(name):
    taxonomy,numbers = table(name),golden(name)
    names = golden_names(taxonomy)
    mine,theirs = (
        neighbor_joining(pairwise_distance(numbers["proxies"]),names),read(numbers["newick_nj_proxies"]))
    assert mine.compare_rfd(theirs)==0
    np.testing.assert_allclose(cophenetic(mine,names), cophenetic(theirs,names), rtol=1e-6)

@pytest.mark.parametrize("name", sets)
def test_upgma_of_proxies(name):
    taxonomy,numbers = table(name),golden(name)
    names,d = golden_names(taxonomy),pairwise_distance(numbers["proxies"])
    mine,theirs = upgma(d,names,as_published=True),read(numbers["newick_upgma_proxies"])
    assert mine.compare_rfd(theirs)==0
    np.testing.assert_allclose(cophenetic(mine,names), cophenetic(theirs,names), rtol=1e-6)
    assert upgma(d,names).compare_rfd(theirs)>0  # the published builder is WPGMA, which is another tree

def wpgma_last_tie(d):
    """Cophenetic distances of WPGMA where, among equal minima, the last pair of the lower triangle joins:
    Biopython's order."""
    d = d.astype(float).copy()
    members,out = [[i] for i in range(len(d))],np.zeros(d.shape)
    while len(d)>1:
        rows,columns = np.tril_indices(len(d),-1)
        values = d[rows,columns]
        last = np.flatnonzero(values==values.min())[-1]
        i,j = rows[last],columns[last]
        out[np.ix_(members[i],members[j])] = values[last]
        out[np.ix_(members[j],members[i])] = values[last]
        d[j] = d[:,j] = (d[i]+d[j])/2
        d[j,j] = 0
        members[j] += members.pop(i)
        d = np.delete(np.delete(d,i,0),i,1)
    return out

@pytest.mark.parametrize("name", sets)
def test_published_tree_of_the_taxonomy_hangs_on_ties(name):
    taxonomy,numbers = table(name),golden(name)
    names,d = golden_names(taxonomy),taxonomy.path_distance()
    theirs,mine = read(numbers["newick_upgma_true"]),upgma(d,names,as_published=True)
    # its tie order, written twice
    np.testing.assert_allclose(cophenetic(mine,names), wpgma_last_tie(d), rtol=1e-12)
    np.testing.assert_allclose(cophenetic(mine,names), cophenetic(theirs,names), atol=1e-7)
    assert mine.compare_rfd(theirs, rooted=True)==0  # that is the published tree
    assert upgma(d,names).compare_rfd(theirs)>50  # with another order, another tree
    # equal depths: same distances
    if len(set(map(len,taxonomy.paths)))==1: np.testing.assert_allclose(cophenetic(mine,names), d)

@pytest.mark.parametrize("name", sets)
def test_tie_order_does_not_matter_without_ties(name):
    numbers = golden(name)
    d = pairwise_distance(numbers["proxies"])
    names = [str(i) for i in range(len(d))]
    np.testing.assert_allclose(cophenetic(upgma(d,names,as_published=True),names), wpgma_last_tie(d),
        rtol=1e-12)
