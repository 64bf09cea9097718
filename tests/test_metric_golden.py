"""The measures of hiernb.metric against the published code of the Inspecting paper
(tests/golden/inspect_*.npz, see its README)."""
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pytest, torch
from torch.nn.functional import normalize
from hiernb.metric.calibration import ece, ece_interval, mce, reliability
from hiernb.metric.hierarchical import (
    ahd_at_k, ahs_at_k, hp_at_k, hs_at_k, level_accuracy, nearest_samples, ranked, topk_accuracy)
from hiernb.metric.space import angle, intensity, prototypes, variances
from hiernb.tree.taxonomy import Taxonomy

close = dict(rtol=1e-6, atol=0)

@pytest.fixture(scope="module", params=["cifar100","microS"])
def golden(request):
    "One golden file with ProxyDR's euclidean scores at scale 10, by formula: −10 · ln √(2 − 2 cos θ)."
    path = Path(__file__).parent/"golden"/f"inspect_{request.param}.npz"
    with np.load(path) as file: g = SimpleNamespace(**{k:file[k] for k in file.files})
    g.embeddings,g.centers,g.classes = (torch.from_numpy(x) for x in (g.features,g.proxies,g.labels))
    g.scores = -10*torch.log((2-2*normalize(g.embeddings,dim=1)@normalize(g.centers,dim=1).T).sqrt())
    g.taxonomy = Taxonomy.from_paths([p.split("/") for p in g.paths])
    return g

def test_scores_are_the_published_ones(golden):
    published = torch.from_numpy(golden.scores_proxydr_euclidean_first8)
    np.testing.assert_allclose(golden.scores[:8].log_softmax(1), published.log_softmax(1), rtol=1e-6)

@pytest.mark.parametrize("k,key", [(1,"accuracy"),(5,"top5_accuracy")])
def test_accuracy(golden, k, key):
    np.testing.assert_allclose(topk_accuracy(golden.scores,golden.classes,k), getattr(golden,key), **close)

@pytest.mark.parametrize("k,key", [(1,"ahd_at_1"),(5,"ahd_at_5")])
def test_ahd(golden, k, key):
    np.testing.assert_allclose(ahd_at_k(golden.scores,golden.classes,golden.tree_distance,k),
        getattr(golden,key), **close)

def test_hp_with_the_published_radius(golden):
    published = hp_at_k(golden.scores, golden.classes, golden.tree_distance, 5, as_published=True)
    np.testing.assert_allclose(published, golden.hp_at_5_reference, **close)
    # the smaller set is harder to hit
    assert hp_at_k(golden.scores, golden.classes, golden.tree_distance, 5)<published

def test_level_accuracy(golden):
    np.testing.assert_allclose(level_accuracy(golden.scores.argmax(1),golden.classes,golden.taxonomy),
        golden.level_accuracy, **close)

@pytest.mark.parametrize("as_published", [False,True])
def test_hs_and_ahs(golden, as_published):
    """The published similarity is the cosine of the MDS targets, 1 − (d/(1+d))² of the path distance d.
    Without duplicates both variants agree."""
    similarity,n,k = golden.taxonomy.similarity(),int(golden.hs_samples),int(golden.hs_k)
    inputs = golden.embeddings[:n],golden.classes[:n],similarity,k,as_published
    np.testing.assert_allclose(hs_at_k(*inputs), golden.hs_at, **close)
    np.testing.assert_allclose(ahs_at_k(*inputs), golden.ahs, **close)

def test_a_duplicate_ahead_of_the_query_is_where_published_hs_goes_wrong():
    embeddings,labels = torch.tensor([[1.,0],[1,0],[0,1]]),torch.tensor([0,1,1])
    assert hs_at_k(embeddings,labels,torch.eye(2)+.5,1,as_published=True)>hs_at_k(embeddings,labels,
        torch.eye(2)+.5,1)

def test_prototypes_and_their_angle_to_proxies(golden):
    found = prototypes(golden.embeddings, golden.classes, len(golden.proxies))
    np.testing.assert_allclose(found, golden.prototypes, rtol=1e-6, atol=1e-7)  # stored in single precision
    np.testing.assert_allclose(angle(found,golden.centers), golden.angle_prototype_proxy, **close)

def test_variances(golden):
    published = golden.variance_between,golden.variance_within,golden.discriminability
    np.testing.assert_allclose(variances(golden.embeddings,golden.classes), published, **close)

def test_intensity(golden):
    np.testing.assert_allclose(intensity(golden.embeddings[:200],golden.centers), golden.intensity_first200,
        **close)

def test_calibration(golden):
    probs = golden.scores.softmax(1)
    np.testing.assert_allclose(ece(probs,golden.classes,15), golden.ece_15_bins, **close)
    np.testing.assert_allclose(mce(probs,golden.classes,15), golden.mce_15_bins, **close)
    table = reliability(probs, golden.classes, 15)
    assert table["count"].sum()==len(golden.classes)
    low,high = ece_interval(probs, golden.classes, n_resamples=99)
    assert low<ece(probs,golden.classes)<high

def test_single_precision_gives_the_same_measures(golden):
    "What a network really delivers: float32 embeddings and scores."
    single,similarity = golden.embeddings.float(),golden.taxonomy.similarity()
    assert abs(ahs_at_k(single,golden.classes,similarity)-ahs_at_k(golden.embeddings,golden.classes,
        similarity))<1e-5
    assert (ranked(golden.scores.float(),5)==ranked(golden.scores,5)).double().mean()>.999
    assert (nearest_samples(single,20)==nearest_samples(golden.embeddings,20)).double().mean()>.999

def test_duplicates_keep_one_order_in_both_precisions():
    """Copies of 5 points: neighbors at one distance come by lot, in the same order whatever the precision of
    the coordinates."""
    points = normalize(torch.randn(5,3,generator=torch.Generator().manual_seed(0),dtype=torch.float64),
        dim=1).repeat(8,1)
    found = nearest_samples(points, 7)
    for i in range(40): assert sorted(found[i].tolist())==[j for j in range(i%5,40,5) if j!=i]
    assert torch.equal(nearest_samples(points.float(), 7), found)
