"tree.compare against the numbers of the published code (tests/golden) and against independent libraries."
import pathlib
from functools import partial
import numpy as np
import pytest
from scipy.spatial.distance import pdist,squareform
from scipy.stats import spearmanr
from skbio import TreeNode
from hiernb.tree.compare import (class_retrieval,clade_recall,elementwise_correlation,mean_correlation,
    permutation_test,
                                 robinson_foulds,triplet_agreement)
from hiernb.tree.infer import upgma
from hiernb.tree.taxonomy import Taxonomy

GOLDEN = pathlib.Path(__file__).parent/"golden"

def sphere_distance(points): return squareform(pdist(points/np.linalg.norm(points, axis=1, keepdims=True)))
def random_distance(n, seed): return sphere_distance(np.random.default_rng(seed).normal(size=(n,128)))

@pytest.fixture(params=["inspect_cifar100","inspect_microS"])
def golden(request): return np.load(GOLDEN/f"{request.param}.npz")

@pytest.fixture
def taxonomy(golden):
    return Taxonomy.from_paths([tuple(p.split("/")) for p in golden["paths"]],
        [str(n) for n in golden["class_names"]])

@pytest.fixture
def learned(golden): return sphere_distance(golden["proxies"])

def test_mean_correlation(golden, learned, taxonomy):
    assert np.isclose(mean_correlation(learned, golden["tree_distance"], as_published=True),
        golden["mean_correlation"], rtol=1e-6)
    assert np.isclose(mean_correlation(learned, taxonomy, as_published=True), golden["mean_correlation"],
        rtol=1e-6)
    assert mean_correlation(learned, taxonomy)<golden["mean_correlation"]  # the pair with itself flatters

def test_angular_and_euclidean_distances_rank_alike(golden, learned, taxonomy):
    angular = 2*np.arcsin(learned/2)
    assert np.isclose(mean_correlation(angular, taxonomy), mean_correlation(learned, taxonomy), rtol=1e-9)

def test_elementwise_correlation(golden, learned):
    assert np.isclose(elementwise_correlation(learned, golden["tree_distance"]),
        golden["elementwise_correlation"], rtol=1e-6)

def test_robinson_foulds(golden):
    found,true = (TreeNode.read([str(golden[f"newick_upgma_{side}"])]) for side in ("proxies","true"))
    assert robinson_foulds(found, true, normalized=False)==golden["upgma_rf"]
    assert np.isclose(robinson_foulds(found, true), golden["upgma_rf_norm"], rtol=1e-6)
    assert np.isclose(robinson_foulds(found, true, False)/robinson_foulds(found, true),
        golden["upgma_rf_max"], rtol=1e-6)

def test_robinson_foulds_as_published_from_representatives_and_taxonomy(golden, learned, taxonomy):
    "The published number from the points and the taxonomy alone: no tree is read."
    found = upgma(learned, taxonomy.names, as_published=True)
    assert robinson_foulds(found, taxonomy, normalized=False, as_published=True)==golden["upgma_rf"]
    assert np.isclose(robinson_foulds(found, taxonomy, as_published=True), golden["upgma_rf_norm"], rtol=1e-9)
    truth = upgma(taxonomy.path_distance(), taxonomy.names, as_published=True)
    assert robinson_foulds(truth, taxonomy, as_published=True)==0<robinson_foulds(truth, taxonomy)
    assert permutation_test(partial(robinson_foulds, as_published=True), found, taxonomy, 9).ceiling==0
    with pytest.raises(ValueError, match="t_true must be a Taxonomy"):
        robinson_foulds(found, truth, as_published=True)

def test_one_perfect_class_decides_the_published_mean():
    "Class 0 orders the others perfectly, the rest do not: artanh(1) is infinite, and its tanh 1."
    true = np.array([[0,1,2,3],[1,0,3,2],[2,3,0,1],[3,2,1,0.]])
    found = np.array([[0,1,2,3],[1,0,2,4],[2,2,0,3.5],[3,4,3.5,0]])
    published = [spearmanr(a, b)[0] for a,b in zip(found, true)]
    assert np.isclose(published[0], 1)
    assert max(published[1:])<.95
    assert mean_correlation(found, true, as_published=True)==1.
    rest = [spearmanr(np.delete(a, i), np.delete(b, i))[0] for i,(a,b) in enumerate(zip(found, true))]
    assert mean_correlation(found, true)<1
    assert max(rest[1:])<1
    assert mean_correlation.ceiling(found, true, as_published=True)==1.

def test_multifurcating_truth_does_not_punish_ties(golden, taxonomy):
    order = {f"c{i}": name for i,name in enumerate(taxonomy.names)}
    found,true = (TreeNode.read([str(golden[f"newick_upgma_{side}"])]) for side in ("proxies","true"))
    for tree in (found,true):
        for tip in tree.tips(): tip.name = order[tip.name]
    assert robinson_foulds(taxonomy.to_tree(), taxonomy)==0
    assert robinson_foulds(found, taxonomy)<1
    assert 0<clade_recall(found, taxonomy)<=1
    if len(set(map(len, taxonomy.paths)))==1:  # at equal depth UPGMA refines the taxonomy
        assert clade_recall(true, taxonomy)==1
        assert triplet_agreement(true, taxonomy)==1

def test_class_retrieval(golden, taxonomy):
    rows = golden["proxy_p1_rp_mapr_by_level"]
    assert len(rows)==taxonomy.depth
    for level,row in enumerate(rows):
        np.testing.assert_allclose(class_retrieval(golden["proxies"], taxonomy, level), row, rtol=1e-6)

def test_chance_of_mean_correlation_is_zero_once_the_self_pair_is_out():
    true = np.load(GOLDEN/"inspect_cifar100.npz")["tree_distance"]
    score = {slip: np.mean([mean_correlation(random_distance(100, seed), true,
        as_published=slip) for seed in range(40)]) for slip in (True,False)}
    assert abs(score[True]-.034)<.005  # papers.md: the published form on random representatives
    assert abs(score[False])<.005

def test_every_measure_has_a_p_value(golden, learned, taxonomy):
    for statistic in (mean_correlation,elementwise_correlation,triplet_agreement):
        found = permutation_test(statistic, learned, taxonomy, 49)
        assert found.p_value==1/50
        assert found.value>found.interval[1]
        noise = [permutation_test(statistic, random_distance(taxonomy.n_classes, seed), taxonomy,
            19).p_value for seed in range(12)]
        assert .2<np.mean(noise)<.8
    levels = [permutation_test(partial(class_retrieval, level=level), golden["proxies"], taxonomy,
        49) for level in (0,taxonomy.depth-1)]
    assert levels[0].p_value.r_precision==1/50
    assert np.isnan(levels[1].p_value).all()

def test_permuting_the_learned_side_or_the_true_side_gives_the_same_null(taxonomy):
    "Relabeling one side by π is relabeling the other by π⁻¹."
    d,true,order = (
        random_distance(taxonomy.n_classes, 3),taxonomy.path_distance(),
        np.random.default_rng(0).permutation(taxonomy.n_classes))
    back = np.argsort(order)
    assert np.isclose(mean_correlation(d[order][:,order], true), mean_correlation(d, true[back][:,back]),
        rtol=1e-9)
