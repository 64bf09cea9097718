"The audit finds planted hierarchies of many shapes, and rarely what is not there. More cases than nbs/43_metric.audit.ipynb has time for."
import numpy as np
import pytest
import scipy.stats
import torch
from torch.nn.functional import normalize
from hiernb.geometry.poincare import dist0,expmap0
from hiernb.metric.audit import answers,audit
from hiernb.metric.controls import radius_test
from hiernb.metric.sample import draw_sample
from hiernb.tree.taxonomy import Taxonomy

trees = dict(  # none of them the tree of the notebook: branches, lengths, dimensions, noise
    two=((4,4), (1.,2.), 32, .1), wide=((6,6), (.8,2.2), 128, .1), noisy=((3,3,3), (.9,1.6,2.2), 16, .3), low=((3,3,3), (.9,1.6,2.2), 8, .1))


def planted(g, branch, lengths, dim, noise, images=5, c=.1):
    "Classes at the tips of a tree of directions, points around them on the clip sphere, a proxy at each node, deeper ones farther out."
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
    return {q:answer for q,(answer,_) in answers(audit(x, p, y, .1, t, g, clip_r=2.3, n_permutations=n, n_triplets=triplets).tests, .05).items()}


@pytest.mark.parametrize("name", trees)
def test_classes_and_taxonomy_are_found(name):
    g = torch.Generator().manual_seed(1000)
    found = said(g, *planted(g, *trees[name]), triplets=60)
    assert found["information"]!="no" and found["truth"]!="no"


def depth_p(seed, name, images, n, shuffled=False):
    "The p-value of the test of depth: radii as planted, or in other hands."
    g = torch.Generator().manual_seed(seed)
    x,p,y,t = planted(g, *trees[name], images=images)
    s,radius = draw_sample(x, y, .1, t, 2000, 20, g),dist0(p, .1).numpy().round(6)
    if shuffled: radius = radius[torch.randperm(len(p), generator=g).numpy()]
    return radius_test(normalize(p, dim=1), radius, s, n, g).p_value


def test_power_of_depth():
    "Ten trees of each shape: with 20 images a class at least 8 of 10 are found at p ≤ 0.05; with 5 images fewer, which is a limit of the test."
    found = {images:[sum(depth_p(2000+k, name, images, 99)<=.05 for k in range(10)) for name in trees] for images in (5,20)}
    assert min(found[20])>=8 and sum(found[5])<sum(found[20])


def test_one_thing_missing():
    "Each alone, 3 trees: radii change hands, classes change places in the taxonomy. The other answers stay."
    false = 0
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        x,p,y,t = planted(g, *trees["two"])
        r = p.norm(dim=1, keepdim=True)
        shuffled = said(g, x, p/r*r[torch.randperm(len(p), generator=g)], y, t)
        other = said(g, x, p, y, Taxonomy([t.paths[k] for k in torch.randperm(t.n_classes, generator=g).tolist()], t.names))
        assert shuffled["information"]!="no" and other["information"]!="no"
        false += (shuffled["depth"]!="no")+(other["truth"]!="no")
    assert false<=scipy.stats.binom.ppf(.999, 6, .05)


def test_depth_test_has_its_level():
    "Radii that mean nothing on a tree that is there: at most a share α of p ≤ α over 200 trees. Ties of radii push p up, never down."
    p_values = [depth_p(seed, "two", 3, 39, shuffled=True) for seed in range(200)]
    for alpha in (.05,.1,.25,.5): assert (np.array(p_values)<=alpha).sum()<=scipy.stats.binom.ppf(.999, len(p_values), alpha)
