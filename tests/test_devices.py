"""Every public function of geometry, loss and metric computes where its tensors are, with the CPU's results.

The device is pretended (pretend.py): it refuses what an accelerator refuses, and records each copy to the host. A
function fails that copies more numbers at once than its result has."""
import dataclasses
import importlib
import inspect
import pkgutil
import warnings
from functools import partial

import modes
import numpy as np
import pandas as pd
import pretend
import pytest
import torch
from hiernb.geometry import hyperbolicity,lorentz,poincare,sphere
from hiernb.loss import ancestors,classification,dynamic_scale,gumbel,metric,proxies
from hiernb.loss import sphere as directed
from hiernb.loss.configurations import inspecting_losses
from hiernb.loss.hier import (
    HIER, draw_members, draw_triplets, eligible_anchors, mutual_neighbors, reciprocal_neighbors, triplets_of, unrelated_points)
from hiernb.loss.regularized import Regularized
from hiernb.metric.audit import audit
from modes import a,gen

warnings.filterwarnings("ignore")
small = 16        # numbers that may cross at once: a check's least and largest, the bins of a table
C = modes.C
ball,other = modes.ball,modes.rho
x,labels,tree = modes.x,modes.labels,modes.tree_of_six
u,p = directed.directions(x),directed.directions(modes.points)
similarity = metric.similarity(x, None)
seen = torch.ones(6, dtype=torch.bool)
by_hand = {"HIER":lambda: HIER(8, 5, topk=8), "SoftTriple":lambda: metric.SoftTriple(6, 5),
    "MultiSimilarity":metric.MultiSimilarity, "SupCon":metric.SupCon,
    "MultiSimilarity, ball":lambda: metric.MultiSimilarity(c=C), "SupCon, ball":lambda: metric.SupCon(c=C),
    "Regularized":lambda: Regularized(metric.ProxyAnchor(6, 5), HIER(8, 5, topk=8))}
for Loss in (metric.ProxyAnchor, metric.ProxyNCA, metric.OriginalProxyNCA):
    by_hand[Loss.__name__] = lambda Loss=Loss: Loss(6, 5)
losses = by_hand|{f"inspecting {name}":make for name,make in inspecting_losses(6, 5, tree).items()}

triplets = torch.tensor([[0, 6, 1], [1, 7, 2], [2, 8, 9]])
heights = poincare.pairwise_dist(ball, other, C)
metres = torch.cdist(x.double(), x.double())

cases = {  # function -> arguments
    (poincare.check_ball,):lambda: a(C, ball),
    (poincare.require_inside,):lambda: a(torch.ones(3), torch.zeros(3)),
    (poincare.rim_gap,):lambda: a(ball, C, True),
    (poincare.dist,):lambda: a(ball, ball.flip(0), C),
    (poincare.dist0, poincare.logmap0, poincare.to_klein, poincare.einstein_midpoint):lambda: a(ball, C),
    (poincare.pairwise_dist,):lambda: a(ball, other, C),
    (poincare.expmap0,):lambda: a(x, C),
    (poincare.ToPoincare(C, 2.3),):lambda: a(x),
    (poincare.mobius_add,):lambda: a(ball, ball.flip(0), C),
    (poincare.geodesic,):lambda: a(ball, ball.flip(0), .3, C),
    (poincare.from_klein,):lambda: a(poincare.to_klein(ball, C), C),
    (poincare.clip_norm,):lambda: a(x, 2.),
    (lorentz.to_lorentz, lorentz.query_key):lambda: a(ball, C),
    (lorentz.from_lorentz,):lambda: a(lorentz.to_lorentz(ball, C), C),
    (sphere.unit, directed.directions):lambda: a(x),
    (directed.check_embeddings,):lambda: a(x, 5),
    (directed.check_kind_of_labels,):lambda: a(labels, x),
    (directed.check_batch,):lambda: a(x, labels, 6, 5),
    (directed.chord, directed.angle):lambda: a(u, u.flip(0)),
    (directed.inner,):lambda: a(u, p),
    (directed.pairwise,):lambda: a(u, u, "angular"),
    (classification.normface_logits, classification.proxydr_logits):lambda: a(u, p, 10., "angular"),
    (dynamic_scale.wrong_terms,):lambda: a(modes.scores, labels),
    (proxies.ema_update,):lambda: a(p.clone(), seen.clone(), x, labels, .1),
    (proxies.stress,):lambda: a(p, proxies.target_distance(tree.path_distance())),
    (proxies.refine,):lambda: a(p, proxies.target_distance(tree.path_distance()).float(), "euclidean", 3),
    (metric.similarity,):lambda: a(ball, C),
    (metric.check_pairs,):lambda: a(x, labels),
    (metric.soft_maximum,):lambda: a(similarity, similarity>0, 1),
    (gumbel.closeness,):lambda: a(heights, .1),
    (gumbel.heaviest,):lambda: a(torch.stack([heights, heights.flip(0)])),
    (gumbel.draw_index,):lambda: a(heights, torch.full((24,), .4, dtype=torch.float64)),
    (gumbel.draw_ancestors,):lambda: a(heights, torch.full((2, 24), .4, dtype=torch.float64)),
    (ancestors.all_finite,):lambda: a(x),
    (ancestors.check_triplets, ancestors.ancestor_loss):lambda: a(heights, triplets),
    (ancestors.in_large_blocks,):lambda: a(heights, triplets.T.contiguous(), .1, torch.full((3,), 1/3), .1),
    (ancestors.with_center,):lambda: a(triplets.T, 23, .1, torch.full((3,), 1/3), (1., .2)),
    (mutual_neighbors,):lambda: a(similarity, 5),
    (unrelated_points,):lambda: a(similarity>0, False),
    (eligible_anchors,):lambda: a(similarity>0, similarity<0),
    (triplets_of,):lambda: a(torch.arange(3), similarity>-9, similarity>-9, 2),
    (draw_members,):lambda: a(similarity>0, 2),
    (draw_triplets,):lambda: a(reciprocal_neighbors(similarity, 8), 2),
    (hyperbolicity.clean_distances, hyperbolicity.based_delta, hyperbolicity.gromov_delta):lambda: a(metres),
    (hyperbolicity.clean_where_measured, hyperbolicity.gromov_delta_on_device):lambda: a(metres),
    (hyperbolicity.based_delta_on_device,):lambda: a(metres, 3, 900),
    (hyperbolicity.sampled_delta,):lambda: a(metres, 9, 5, gen()),
    (reciprocal_neighbors,):lambda: a(similarity, 5),
    (metric.as_views,):lambda: a(labels),
}
named = {}
for functions,make in cases.items():
    for f in functions:
        room = getattr(f, "__module__", type(f).__module__).removeprefix("hiernb.")
        named[f"{room}.{getattr(f, '__name__', type(f).__name__)}"] = f,make
unequal = {  # a device may return something else
    "loss.hier.draw_members":"a device draws numbers of its own",
    "loss.hier.draw_triplets":"a device draws numbers of its own",
    "loss.hier.triplets_of":"a device draws numbers of its own",
    "metric.first_match.precisions_on_device":"the bound of the error is wider on a device",
    "metric.neighbors.factors":"the bound of the error is wider on a device"}
of_the_host = {  # steps of what is walked that a device does not take
    "metric.first_match.count_in_tile":"tiles are for a core's cache; a device has count_on_device",
    "metric.neighbors.search_faiss":"its index lies in the host's memory"}
of_metric = {name for name in modes.cases if name.startswith("metric.")}-set(of_the_host)
# take no tensor, are a step of what is walked (ancestor_loss, HIER, the losses), or begin on the CPU as modules do
steps = """geometry.errors.SettingError geometry.errors.warn
    geometry.poincare.near_portions geometry.poincare.Measured
    geometry.poincare.measure_all geometry.poincare.pull_back geometry.poincare.PairwiseDist
    geometry.poincare.BallMap geometry.poincare.RiemannianGradient geometry.hyperbolicity.relative_delta
    geometry.hyperbolicity.suggested_curvature geometry.threads.one_openmp_thread geometry.threads.side_by_side
    loss.ancestors.hinges loss.ancestors.add_soft_gradient loss.ancestors.blocks loss.ancestors.add_noise_
    loss.ancestors.choose_ancestors loss.ancestors.sum_of_triplets loss.ancestors.split_noise
    loss.ancestors.loss_and_gradient loss.ancestors.of_block loss.ancestors.AncestorLoss loss.hier.Placed
    loss.hier.related_in_both loss.hier.place loss.hier.Attached loss.hier.compiled_place loss.hier.shapes_of_place loss.classification.check_options
    loss.classification.log_prior loss.classification.linear_start loss.configurations.variant_name
    loss.configurations.inspecting_losses loss.dynamic_scale.scaled_residual loss.dynamic_scale.inflection
    loss.dynamic_scale.initial_scale loss.gumbel.check_generator loss.gumbel.nearest_ loss.gumbel.log_uniform_
    loss.gumbel.weights_below_ loss.metric.ball_curvature loss.proxies.own_generator loss.proxies.random_normal
    loss.proxies.random_directions loss.proxies.starting_proxies loss.proxies.target_distance
    loss.proxies.classical_scaling loss.proxies.mds_proxies loss.proxies.check_taxonomy
    loss.proxies.register_proxies loss.sphere.check_classes_and_dim loss.sphere.check_number
    loss.sphere.from_cosines""".split()

# what still leaves its device, and why; the list shrinks
reasons = {
    "costs stay; ancestors, an integer per point or triplet, are counted in NumPy, with fewer waits than there":"""
        metric.audit.proxy_tests metric.audit_controls.class_nulls metric.audit_controls.label_nulls
        metric.audit_controls.proxy_nulls metric.audit_sample.proxy_measures""",
}
not_yet = {name:reason for reason,names in reasons.items() for name in names.split()}


def placed(value):
    "The same with every tensor on the pretended device, also inside of tuples, lists and dataclasses."
    if isinstance(value, torch.Tensor): return pretend.send(value)
    if isinstance(value, partial): return partial(value.func, *placed(value.args), **placed(value.keywords))
    if isinstance(value, dict): return {key:placed(part) for key,part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"): return type(value)(*map(placed, value))
    if isinstance(value, (list, tuple)): return type(value)(map(placed, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and value is not tree:
        fields = {f.name:placed(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        return dataclasses.replace(value, **fields)
    return value


def place_module(module):
    "Put parameters and buffers of a loss on the pretended device."
    for part in module.modules():
        for name,value in part._parameters.items(): part._parameters[name] = torch.nn.Parameter(pretend.send(value.detach()))
        for name,value in part._buffers.items(): part._buffers[name] = pretend.send(value)
    return module


def plain(value):
    "A result as nested lists of NumPy arrays and plain values, wherever it lies."
    if isinstance(value, torch.Tensor): return getattr(value, "held", value).detach().cpu().numpy()
    if isinstance(value, pd.DataFrame): return [list(value.columns), *(plain(value[name].to_numpy()) for name in value)]
    if isinstance(value, dict): return [list(map(str, value)), *map(plain, value.values())]
    if dataclasses.is_dataclass(value) and not isinstance(value, type): return plain(vars(value))
    if isinstance(value, (list, tuple)): return [plain(part) for part in value]
    return float(value) if isinstance(value, np.floating) else value


def size(value)->int:
    "How many numbers a result has."
    if isinstance(value, list): return sum(map(size, value))
    return value.size if isinstance(value, np.ndarray) else 1


def require_equal(found, expected):
    "Equal up to rounding; integers, texts and shapes exactly."
    assert type(found) is type(expected), (type(found), type(expected))
    if isinstance(expected, list):
        assert len(found)==len(expected)
        for one,two in zip(found, expected): require_equal(one, two)
    elif isinstance(expected, np.ndarray) and expected.dtype.kind=="f":
        assert found.dtype==expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    elif isinstance(expected, np.ndarray):
        assert found.dtype==expected.dtype
        assert found.tolist()==expected.tolist()
    elif isinstance(expected, float): np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    elif not callable(expected): assert found==expected or repr(found)==repr(expected)


def run_case(name, change):
    "The result of a case whose arguments went through `change`, and the expected device of what it returns."
    if name in of_metric:
        args,keywords = modes.cases[name]()
        return modes.call(name, given=(change(args), change(keywords)))
    function,make = named[name]
    args,keywords = make()
    return function(*change(args), **change(keywords))


def moved_too_much(moves, result)->str:
    most = max(size(plain(result)), small)
    return ", ".join(f"{operator} moves {n} numbers for a result of {most}" for operator,n in moves if n>most)


def fault_of(run, expected, equal=True)->str:
    "What is wrong with a run on the device; empty where nothing is."
    try:
        with pretend.recorded() as moves: result = run()
        fault = moved_too_much(moves, result)
        if equal: require_equal(plain(result), plain(expected))
    except Exception as e: return f"{type(e).__name__}: {e}"[:300]
    return fault


def loss_and_gradients(make, change):
    "The loss of a batch, which is the result, and the gradients that go to the batch and the parameters."
    loss = make()
    if change is placed: place_module(loss)
    in_ball = getattr(getattr(loss, "regularizer", loss), "c", None)
    points = change(ball if in_ball else x).requires_grad_()
    value = loss(points, change(labels))
    value.backward()
    return value.detach()


def test_every_function_has_a_case():
    "A new function of geometry or loss needs a case here, one of metric a case in modes.py."
    found = set()
    for package in ("geometry", "loss"):
        path = importlib.import_module(f"hiernb.{package}").__path__
        for info in pkgutil.iter_modules(path):
            module = importlib.import_module(f"hiernb.{package}.{info.name}")
            for name in getattr(module, "__all__", ()):
                thing = getattr(module, name)
                is_loss = inspect.isclass(thing) and issubclass(thing, torch.nn.Module)
                if callable(thing) and not is_loss: found.add(f"{package}.{info.name}.{name}")
    assert found-set(named)-set(steps)==set()
    assert set(steps)<=found


@pytest.mark.parametrize("name", sorted(named.keys()|of_metric))
def test_function(name):
    expected = run_case(name, lambda value: value)
    fault = fault_of(lambda: run_case(name, placed), expected, name not in unequal)
    if name in not_yet and fault: pytest.xfail(f"{not_yet[name]} ({fault})")
    assert not fault
    assert name not in not_yet, "works now: take it from the list"


@pytest.mark.parametrize("name", sorted(losses))
def test_loss(name):
    expected = loss_and_gradients(losses[name], lambda value: value.clone())
    fault = fault_of(lambda: loss_and_gradients(losses[name], placed), expected, name not in ("HIER", "Regularized"))
    if name in not_yet and fault: pytest.xfail(f"{not_yet[name]} ({fault})")
    assert not fault
    assert name not in not_yet, "works now: take it from the list"


def test_an_audit_keeps_costs():
    "Costs of points and proxies, the large part of an audit, stay on the device; ancestors leave it."
    g = gen()
    many,few = (poincare.expmap0(torch.randn(n, 5, generator=g), C) for n in (400, 200))
    arguments = few,many,torch.arange(200)%6,C,tree
    def run(change): return audit(*map(change, arguments), gen(), n_permutations=59, n_points=200, n_triplets=50)
    with pretend.recorded() as moves: found = run(placed)
    assert max(n for _,n in moves)<200*400/4
    require_equal(plain(found.table), plain(run(lambda value: value).table))


@pytest.mark.parametrize("name", ["Proxy-Anchor", "HIER", "pairwise_dist", "labels"])
def test_tensors_on_two_devices_are_refused(name):
    "In one line that says what to move."
    there = pretend.send(ball)
    calls = {"Proxy-Anchor":lambda: metric.ProxyAnchor(6, 5)(there, pretend.send(labels)),
        "HIER":lambda: HIER(8, 5, topk=8)(there, pretend.send(labels)),
        "pairwise_dist":lambda: poincare.pairwise_dist(there, ball, C),
        "labels":lambda: metric.SupCon()(there, labels)}
    with pytest.raises(ValueError, match="pretend:0") as e: calls[name]()
    assert "move" in str(e.value)
    assert "\n" not in str(e.value)


def test_out_of_memory_names_what_to_lower(monkeypatch):
    def full(*_): raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    monkeypatch.setattr(ancestors, "of_block", full)
    with pytest.raises(torch.OutOfMemoryError, match="268 MB.*lower hiernb.loss.ancestors.block_bytes"):
        ancestors.in_large_blocks(heights, triplets.T.contiguous(), .1, torch.full((3,), 1/3), .1)


measures = """audit.audit audit.check_audit calibration.ece calibration.ece_interval calibration.mce calibration.reliability
    hierarchical.ahd_at_k hierarchical.ahs_at_k hierarchical.hp_at_k hierarchical.hs_at_k hierarchical.hs_chance
    hierarchical.level_accuracy hierarchical.topk_accuracy inspect.inspect inspect.inspect_embeddings
    inspect.inspect_logits inspect.inspect_nearest lca.ranking_agreement retrieval.class_interval
    retrieval.first_hits retrieval.hierarchical_retrieval retrieval.map_at_r retrieval.r_precision
    retrieval.recall_at_k retrieval_null.shuffled_measures sharded.sharded_knn sharded.sharded_ranks
    space.intensity space.prototypes space.step_change space.variances""".split()


@pytest.mark.parametrize("points_there", [True, False], ids=["points", "labels"])
@pytest.mark.parametrize("name", measures)
def test_labels_elsewhere(name, points_there):
    "Labels follow the points to their device, whichever of the two was on the CPU."
    def change(value):
        alone = isinstance(value, torch.Tensor) and value.is_floating_point()==points_there
        return pretend.send(value) if alone else value
    name = f"metric.{name}"
    args,keywords = modes.cases[name]()
    given = tuple(map(change, args)),{key:change(value) for key,value in keywords.items()}
    require_equal(plain(modes.call(name, given=given)), plain(modes.call(name)))
