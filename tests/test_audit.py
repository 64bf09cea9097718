"""The audit finds planted hierarchies of many shapes, and rarely what is not there.
More cases than nbs/40_metric/12_audit.ipynb has time for."""
import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix,expected_mutual_information
from torch.nn.functional import normalize
from hiernb.geometry.poincare import dist0,expmap0,pairwise_dist
from hiernb.metric.lca import expected_information
from hiernb.metric.audit import answers,audit
from hiernb.metric.audit_controls import radius_test
from hiernb.metric.audit_sample import draw_sample
from hiernb.tree.taxonomy import Taxonomy

trees = dict(  # none of them the tree of the notebook: branches, lengths, dimensions, noise
    two=((4,4), (1.,2.), 32, .1), wide=((6,6), (.8,2.2), 128, .1), noisy=((3,3,3), (.9,1.6,2.2), 16, .3),
    low=((3,3,3), (.9,1.6,2.2), 8, .1))


def planted(g, branch, lengths, dim, noise, images=5, c=.1):
    """Classes at the tips of a tree of directions, points around them on the clip sphere, a proxy at each
    node, deeper ones farther out."""
    normal = lambda *shape: normalize(torch.randn(*shape, generator=g).double(), dim=-1)
    at,paths,nodes = torch.zeros(1, dim).double(),[()],[1e-3*normal(1, dim)]
    for level,(b,length) in enumerate(zip(branch, lengths)):
        at = normalize(at.repeat_interleave(b, 0)+.6**level*normal(len(at)*b, dim), dim=1)
        paths = [(*p, str(k)) for p in paths for k in range(b)]
        nodes.append(length*at)
    labels = torch.arange(len(at)).repeat_interleave(images)
    x = normalize(at[labels]+noise/dim**.5*torch.randn(len(labels), dim, generator=g).double(), dim=1)
    return expmap0(2.3*x, c),expmap0(torch.cat(nodes), c),labels,Taxonomy.from_paths(paths)


def said(g, x, p, y, t, n=59, triplets=100):
    return {q:answer for q,
        (answer,
        _) in answers(audit(x, p, y, .1, t, g, clip_r=2.3, n_permutations=n, n_triplets=triplets).tests,
        .05).items()}


@pytest.mark.parametrize("name", trees)
def test_classes_and_taxonomy_are_found(name):
    g = torch.Generator().manual_seed(1000)
    found = said(g, *planted(g, *trees[name]), triplets=60)
    assert found["information"]!="no"
    assert found["truth"]!="no"


def depth_p(seed, name, images, n, shuffled=False):
    "The p-value of the test of depth: radii as planted, or in other hands."
    g = torch.Generator().manual_seed(seed)
    x,p,y,t = planted(g, *trees[name], images=images)
    s,radius = draw_sample(x, y, .1, t, 2000, 20, g),dist0(p, .1).numpy().round(6)
    if shuffled: radius = radius[torch.randperm(len(p), generator=g).numpy()]
    return radius_test(normalize(p, dim=1), radius, s, n, g).p_value


def test_power_of_depth():
    """Ten trees of each shape: with 20 images a class at least 8 of 10 are found at p ≤ 0.05; with 5 images
    fewer, which is a limit of the test."""
    found = {images:[sum(depth_p(2000+k, name, images,
        99)<=.05 for k in range(10)) for name in trees] for images in (5,20)}
    assert min(found[20])>=8
    assert sum(found[5])<sum(found[20])


def test_one_thing_missing():
    "Each alone, 3 trees: radii change hands, classes change places in the taxonomy. The other answers stay."
    false = 0
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        x,p,y,t = planted(g, *trees["two"])
        r = p.norm(dim=1, keepdim=True)
        shuffled = said(g, x, p/r*r[torch.randperm(len(p), generator=g)], y, t)
        other = said(g, x, p, y,
            Taxonomy([t.paths[k] for k in torch.randperm(t.n_classes, generator=g).tolist()], t.names))
        assert shuffled["information"]!="no"
        assert other["information"]!="no"
        false += (shuffled["depth"]!="no")+(other["truth"]!="no")
    assert false<=scipy.stats.binom.ppf(.999, 6, .05)


def test_depth_test_has_its_level():
    """Radii that mean nothing on a tree that is there: at most a share α of p ≤ α over 200 trees.
    Ties of radii push p up, never down."""
    p_values = [depth_p(seed, "two", 3, 39, shuffled=True) for seed in range(200)]
    for alpha in (.05,.1,.25,.5):
        assert (np.array(p_values)<=alpha).sum()<=scipy.stats.binom.ppf(.999, len(p_values), alpha)


def test_information_is_that_of_all_points_and_nothing_at_chance():
    g = torch.Generator().manual_seed(7)
    x,p,y,_ = planted(g, (7,7), (1.,2.), 16, .8, images=60)
    idle = expmap0(2.3*normalize(torch.randn(150, 16, generator=g).double(), dim=1), .1)
    nearest = pairwise_dist(x, torch.cat([p,idle]), .1).argmin(1)
    for n,points in ((None,2940),(400,400)):
        found = audit(x, torch.cat([p,idle]), y, .1, None, g, 2.3, 59, n_points=n, n_triplets=50)
        test = found.tests["AMI of proxies and classes","permuted labels"]
        assert abs(test.chance)<.01
        if n is None: assert test.value==pytest.approx(adjusted_mutual_info_score(y, nearest), abs=1e-9)
        assert set(found.table[found.table.control!=""].points)=={points}
        assert found.table.points[0]==2940
        assert f"controls on {'all' if n is None else '400 of'} 2,940 points" in found.verdict


@pytest.mark.parametrize("a, b",
    [([1],[1]), ([1,1],[2]), ([3,5,1],[4,4,1]), ([1]*6,[6]), ([30,200,7,7],[122]*2), ([2]*40,[16]*5),
    ([1,79],[1,79])])
def test_expected_information_is_that_of_scikit_learn(a, b):
    rows,columns = (np.repeat(np.arange(len(m)), m) for m in (a,b))
    oracle = expected_mutual_information(contingency_matrix(rows, columns, sparse=True), sum(a))
    assert expected_information(tuple(sorted(a)), tuple(sorted(b)))==pytest.approx(oracle, abs=1e-10)
