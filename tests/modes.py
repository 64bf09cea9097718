"""One small valid call of every public function of metric and tree, and a comparison of what comes out, for
test_modes.py."""
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import torch
from skbio import TreeNode

import hiernb.metric
import hiernb.tree
from hiernb.geometry.lorentz import to_lorentz
from hiernb.geometry.poincare import expmap0
from hiernb.metric import audit,device,first_match,hierarchical,neighbors,retrieval
from hiernb.metric.points import Points
from hiernb.metric import lca as ancestry
from hiernb.metric import audit_sample as sample
from hiernb.metric import inspect as inspecting
from hiernb.tree import compare,infer,taxonomy
from hiernb.tree import significance as chance


def public()->dict[str, object]:
    "Functions of all rooms of metric and tree by name, and methods of the classes that the rooms define."
    found = {}
    for package in (hiernb.metric, hiernb.tree):
        for info in pkgutil.iter_modules(package.__path__, package.__name__+"."):
            module = importlib.import_module(info.name)
            for name in getattr(module, "__all__", ()):
                thing,here = getattr(module, name),f"{info.name.removeprefix('hiernb.')}.{name}"
                if getattr(thing, "__module__", None)!=info.name: continue
                if inspect.isfunction(thing): found[here] = thing
                if not inspect.isclass(thing): continue
                fields = getattr(thing, "_fields", ())
                methods = {n:getattr(thing,
                    n) for n in vars(thing) if not n.startswith("_") and n not in fields}
                found |= {f"{here}.{n}":m
                    for n,m in methods.items() if callable(m) or isinstance(m, property)}
    return found


def gen(seed:int=0)->torch.Generator: return torch.Generator().manual_seed(seed)


def a(*args, **keywords): return args,keywords


C = .1
N,D = 24,5
x,y = torch.randn(N, D, generator=gen(0)),torch.randn(30, D, generator=gen(1))
labels,theirs = torch.arange(N)%6,torch.arange(30)%6
names = list("abcdef")
tree_of_six = taxonomy.Taxonomy.from_paths([(g, n) for g,n in zip("ppqqrr", names)])
d = torch.as_tensor(tree_of_six.path_distance()).double()
similarity = torch.as_tensor(tree_of_six.similarity())
points = torch.randn(6, D, generator=gen(2))
dist = infer.pairwise_distance(points)
dist_other = infer.pairwise_distance(torch.randn(6, D, generator=gen(3)))
scores = torch.randn(N, 6, generator=gen(4))
probs = scores.softmax(1)
ball,rho = expmap0(x, C),expmap0(torch.randn(8, D, generator=gen(5)), C)
learned,truth = infer.upgma(dist, names),tree_of_six.to_tree()
drawn = sample.draw_sample(ball, labels, C, tree_of_six, N, 20, gen())
polar = torch.nn.functional.normalize(rho.double(), dim=1)
radius = torch.linspace(.5, 3, 8, dtype=torch.float64)
costs = ancestry.meeting_costs(drawn.points, to_lorentz(rho.double(), C), C)
nearest_proxy = costs.numpy().argmin(1)
members = tuple(drawn.triplets)
heights = np.random.default_rng(0).random((3, 7))
depths = np.random.default_rng(1).integers(0, 3, (3, 7))
pair = neighbors.pair_up(x, y)
own_pair = neighbors.pair_up(x, None)
products = np.random.default_rng(2).random((4, 40))
error = np.full(4, 1e-3)
task = retrieval.task(x, labels, y, theirs)
ranking = neighbors.knn(x, None, 5, exclude_self=True).indices
shared = retrieval.shared_levels(tree_of_six)[labels[:, None],
    theirs[torch.stack([torch.randperm(30, generator=gen(i)) for i in range(N)])]]
relevant = retrieval.relevance(retrieval.at_levels(shared, 2).sum(2))
shard_list = [(y[:11], theirs[:11]), (y[11:], theirs[11:])]
test = chance.permutation_test(compare.mean_correlation, dist, tree_of_six, 19)
tests = {("NMI of proxies and classes", "random directions"):test}
found = audit.audit(ball, rho, labels, C, tree_of_six, gen(), n_permutations=59, n_points=N, n_triplets=20)
six_rows = [f"{p[0]}/{p[1]}" for p in tree_of_six.paths]
clade_rows = compare.clades(truth, names)
answer = inspecting.answer_measures(scores, tree_of_six)
accuracy = partial(hierarchical.topk_accuracy, scores)


def copied(x): return x.clone() if isinstance(x, torch.Tensor) else x.copy()


def block(_rows, v, columns, out=None): out.append((copied(v), copied(columns)))


def searched(f, *args, **keywords):
    out = []
    f(*args, each=partial(block, out=out), **keywords)
    return out


cases = {  # function -> arguments, made afresh for each call
    "metric.lca.radii":lambda: a(ball, C, 4.),
    "metric.lca.equalize_radii":lambda: a(radius, radius[-1]),
    "metric.lca.rankings_compared":lambda: a(costs, 1-polar[:1]@polar.T+0*costs, 3),
    "metric.lca.ranking_agreement":lambda: a(ball, C, torch.arange(4), 3),
    "metric.lca.mean_ranks":lambda: a(x.round()),
    "metric.lca.rank_correlations":lambda: a(x.round(), x.flip(0).round()),
    "metric.lca.smallest":lambda: a(costs),
    "metric.lca.meeting_costs":lambda: a(drawn.points, to_lorentz(rho.double(), C), C),
    "metric.lca.meet":lambda: a(costs, *members),
    "metric.lca.joint_counts":lambda: a(nearest_proxy, labels.numpy()),
    "metric.lca.ordered_pairs":lambda: a(np.array([1, 2, 3])),
    "metric.lca.shared_rates":lambda: a(nearest_proxy, labels.numpy()),
    "metric.lca.entropy":lambda: a(np.array([1, 2, 3])),
    "metric.lca.adjusted_mutual_information":lambda: a(nearest_proxy, labels.numpy()),
    "metric.lca.use_measures":lambda: a(nearest_proxy, nearest_proxy, 8),
    "metric.lca.class_measures":lambda: a(nearest_proxy, labels.numpy(), {0:tree_of_six.level_labels(0)}),
    "metric.lca.share_inside":lambda: a(heights[0], heights[1]),
    "metric.lca.radial_measures":lambda: a(nearest_proxy, nearest_proxy[::-1], nearest_proxy, radius.numpy(),
    True),
    "metric.lca.decided":lambda: a(depths, 4),
    "metric.lca.rank_correlation":lambda: a(heights[0], heights[1]),
    "metric.lca.truth_measures":lambda: a(heights, heights[::-1], depths),
    "metric.lca.midpoint_radius":lambda: a(to_lorentz(ball[:6].double(), C), tree_of_six.level_labels(0), C),
    "metric.audit.effect":lambda: a("NMI of proxies and classes", test),
    "metric.audit.questions":lambda: a(tests),
    "metric.audit.answers":lambda: a(tests, .05),
    "metric.audit.verdict":lambda: a(tests, .05, .5, .9, "varied", []),
    "metric.audit.check_audit":lambda: a(ball, rho, labels, C, tree_of_six),
    "metric.audit.ceiling_of":lambda: a("NMI of proxies and classes"),
    "metric.audit.check_sizes":lambda: a(59, .05, 20, 20, 2.3),
    "metric.audit.radii_inside":lambda: a([ball, rho], C, None),
    "metric.audit.row":lambda: a("measure", .5, "control", test),
    "metric.audit.radius_rows":lambda: a("points", radius, 3.),
    "metric.audit.proxy_tests":lambda: a(rho, radius, drawn, 3, gen()),
    "metric.audit.depth_rows":lambda: a(costs, radius.numpy(), drawn),
    "metric.audit.rank_rows":lambda: a(ball, C, N, gen()),
    "metric.audit.audit":lambda: a(ball, rho, labels, C, tree_of_six, gen(), n_permutations=59, n_points=N,
    n_triplets=20),
    "metric.calibration.check_probs":lambda: a(probs),
    "metric.calibration.confidence_bins":lambda: a(probs, 5),
    "metric.calibration.expected_hits":lambda: a(probs, labels),
    "metric.calibration.reliability":lambda: a(probs, labels, 5),
    "metric.calibration.ece":lambda: a(probs, labels, 5),
    "metric.calibration.mce":lambda: a(probs, labels, 5),
    "metric.calibration.ece_interval":lambda: a(probs, labels, 5, 9, gen()),
    "metric.audit_controls.place_on_hyperboloid":lambda: a(polar, radius, C),
    "metric.audit_controls.random_rotation":lambda: a(4, gen()),
    "metric.audit_controls.proxy_control":lambda: a("random rotation", polar, gen()),
    "metric.audit_controls.proxy_nulls":lambda: a("random directions", polar, radius, drawn, 2, gen()),
    "metric.audit_controls.label_nulls":lambda: a(costs, radius.numpy(), drawn, 2, gen()),
    "metric.audit_controls.specificity":lambda: a(polar, drawn),
    "metric.audit_controls.radius_test":lambda: a(polar, radius.numpy(), drawn, 3, gen()),
    "metric.audit_controls.class_nulls":lambda: a(costs, radius.numpy(), drawn, 2, gen()),
    "metric.audit_controls.midpoint_tests":lambda: a(drawn, 2, gen()),
    "metric.hierarchical.check_square":lambda: a(d, "d"),
    "metric.hierarchical.ranked":lambda: a(scores, 3),
    "metric.hierarchical.tied_best":lambda: a(scores.round(), 3),
    "metric.hierarchical.topk_accuracy":lambda: a(scores, labels, 2),
    "metric.hierarchical.table_mean":lambda: a(d, scores, labels, 2),
    "metric.hierarchical.ahd_at_k":lambda: a(scores, labels, d, 2),
    "metric.hierarchical.correct_sets":lambda: a(d, 2),
    "metric.hierarchical.hp_at_k":lambda: a(scores, labels, d, 2, 3),
    "metric.hierarchical.level_accuracy":lambda: a(labels.flip(0), labels, tree_of_six),
    "metric.hierarchical.nearest_samples":lambda: a(x, 4),
    "metric.hierarchical.best_sums":lambda: a(similarity, labels.bincount(), 4),
    "metric.hierarchical.hs_at_k":lambda: a(x, labels, similarity, 4),
    "metric.hierarchical.ahs_at_k":lambda: a(x, labels, similarity, 4),
    "metric.hierarchical.chance":lambda: a(accuracy, labels),
    "metric.hierarchical.hs_chance":lambda: a(labels, similarity, 4),
    "metric.hierarchical.permutation_p":lambda: a(accuracy, labels, 9, gen()),
    "metric.inspect.rows_of":lambda: a("proxies", "measure", test),
    "metric.inspect.sampling_rows":lambda: a("proxies", .8, 4000),
    "metric.inspect.inspect_distances":lambda: a(dist, tree_of_six, "classes", 5, gen()),
    "metric.inspect.inspect_representatives":lambda: a(points, tree_of_six, "classes", "euclidean", 5, gen()),
    "metric.inspect.label_tests":lambda: a(answer[1], answer[0], labels, 5, gen()),
    "metric.inspect.answer_measures":lambda: a(scores, tree_of_six),
    "metric.inspect.answer_ceilings":lambda: a(labels, tree_of_six),
    "metric.inspect.inspect_nearest":lambda: a(x, points, labels, tree_of_six, 5, gen()),
    "metric.inspect.nearest_prototypes":lambda: a(x, points, 3),
    "metric.inspect.neighbor_ceilings":lambda: a(labels, tree_of_six),
    "metric.inspect.inspect_logits":lambda: a(scores, labels, tree_of_six, 5, gen()),
    "metric.inspect.rank_weights":lambda: a(similarity, labels.bincount(), 4),
    "metric.inspect.neighbor_measures":lambda: a(x, labels, tree_of_six),
    "metric.inspect.inspect_embeddings":lambda: a(x, labels, tree_of_six, points, 5, gen()),
    "metric.inspect.mean_angle":lambda: a(points, points.flip(0)),
    "metric.inspect.inspect":lambda: a(x, labels, tree_of_six, points, scores, n_permutations=5,
    generator=gen()),
    "metric.neighbors.check_matrix":lambda: a(x, "x"),
    "metric.neighbors.check_floating":lambda: a(x, "x"),
    "metric.neighbors.check_labels":lambda: a(labels, N, 6),
    "metric.neighbors.same_points":lambda: a(x, x.clone()),
    "metric.neighbors.directions":lambda: a(x),
    "metric.device.has_float64":lambda: a("cpu"),
    "metric.device.where_measured":lambda: a(x),
    "metric.device.work_memory":lambda: a(torch.device("cpu")),
    "metric.device.rows_at_once":lambda: a(9, 2, 8),
    "metric.device.naming_memory":lambda: a(2**20),
    "metric.device.rounds_factors":lambda: a(torch.device("cpu")),
    "metric.device.places":lambda: a(x>0, int((x>0).sum()), 9),
    "metric.device.rising":lambda: a(torch.from_numpy(products)),
    "metric.neighbors.require_one_device":lambda: a(x, y),
    "metric.neighbors.propose_on_device":lambda: a(torch.from_numpy(products), torch.from_numpy(error), 2, 9),
    "metric.neighbors.settle_on_device":lambda: a(torch.from_numpy(products.copy()), torch.arange(40).expand(4, 40),
    torch.from_numpy(error), 2, lambda i,j: torch.ones(len(i), dtype=torch.float64, device=i.device), 2.**14),
    "metric.neighbors.search_on_device":lambda: a(neighbors.search_on_device, pair, 3, own=None, memory=2**12),
    "metric.first_match.precisions_on_device":lambda: a(pair),
    "metric.first_match.in_doubt":lambda: a(first_match.precisions_on_device(pair), slice(0, 4),
    lambda some,found,error,offset: (found>0, error)),
    "metric.first_match.block_size":lambda: a(first_match.precisions_on_device(pair), 9, 2**10),
    "metric.first_match.nearest_of":lambda: a(torch.tensor([0, 0, 1]), torch.tensor([5, 4, 4]),
    torch.ones(3, dtype=torch.float64), torch.arange(6), torch.full((2,), torch.inf, dtype=torch.float64),
    torch.full((2,), -1)),
    "metric.first_match.first_match_on_device":lambda: a(pair, labels, theirs, None, None),
    "metric.first_match.hide_point":lambda: a(torch.from_numpy(products.copy()), torch.tensor([0, 39, -1, 40])),
    "metric.first_match.count_on_device":lambda: a(pair, torch.full((N,), .5, dtype=torch.float64),
    torch.full((N,), -1), None, None),
    "metric.neighbors.check_geometry":lambda: a("poincare", C),
    "metric.neighbors.pair_up":lambda: a(x, y),
    "metric.neighbors.measure_pairs":lambda: a(pair, torch.arange(4), torch.arange(4)),
    "metric.neighbors.lengths_of":lambda: a(torch.rand(N, 2, generator=gen(), dtype=torch.float64), pair),
    "metric.neighbors.flat_factors":lambda: a(x, y),
    "metric.neighbors.factors":lambda: a(pair, torch.float32),
    "metric.neighbors.candidates":lambda: a(products, error, 2),
    "metric.neighbors.best_first":lambda: a(products),
    "metric.neighbors.doubtful":lambda: a(np.sort(products, axis=1), error[:,None], 2.**14),
    "metric.neighbors.settle":lambda: a(products, error, neighbors.candidates(products, error, 2), 2,
    lambda i,j: products[i, j]),
    "metric.neighbors.search":lambda: a(neighbors.search, pair, 3),
    "metric.neighbors.tie_rank":lambda: a(labels),
    "metric.neighbors.search_by_lot":lambda: a(neighbors.search_by_lot, own_pair, 3, own=True),
    "metric.neighbors.search_faiss":lambda: a(neighbors.search_faiss, pair, 3),
    "metric.neighbors.knn":lambda: a(x, y, 3),
    "metric.first_match.first_in_class":lambda: a(torch.ones(2, 3, dtype=torch.float64),
    torch.zeros(2, dtype=torch.float64), pair,
                                            torch.arange(2), torch.arange(3), torch.arange(3)),
    "metric.first_match.members_by_class":lambda: a(labels),
    "metric.first_match.first_match":lambda: a(pair, labels, theirs),
    "metric.first_match.nearer":lambda: a(products, products[:, 3], error),
    "metric.first_match.count_in_tile":lambda: a(neighbors.factors(pair, torch.float32), torch.arange(4),
        torch.full((4,), .5, dtype=torch.float64), slice(0, 20), [torch.arange(4)]),
    "metric.first_match.count_nearer":lambda: a(pair, torch.full((N,), .5, dtype=torch.float64),
    torch.full((N,), -1)),
    "metric.first_match.first_ranks":lambda: a(own_pair, labels, labels, True),
    "metric.retrieval.warn_of_themselves":lambda: a(x, y),
    "metric.retrieval.task":lambda: a(x, labels, y, theirs),
    "metric.retrieval.all_alike":lambda: a(x),
    "metric.retrieval.first_hits_of":lambda: a(task),
    "metric.retrieval.check_copy":lambda: a(labels, labels.clone()),
    "metric.retrieval.same_classes":lambda: a(labels, labels.clone()),
    "metric.retrieval.list_lengths":lambda: a((1, 3)),
    "metric.retrieval.class_matches":lambda: a(task, 3),
    "metric.retrieval.match_blocks":lambda: a(task, 3),
    "metric.retrieval.n_relevant":lambda: a(task),
    "metric.retrieval.relevant_of":lambda: a(labels, theirs),
    "metric.retrieval_null.list_measures":lambda: a(ranking, labels, labels, labels.bincount()[labels]-1,
    (1, 2)),
    "metric.retrieval_null.shuffled_measures":lambda: a(ranking, labels, None, (1, 2), 5, gen()),
    "metric.points.list_length":lambda: a(Points(x, labels), (1, 2)),
    "metric.points.neighbor_ranking":lambda: a(Points(x, labels), (1, 2)),
    "metric.points.query_values":lambda: a(Points(x, labels), (1, 2), tree_of_six, ranking),
    "metric.points.retrieval_rows":lambda: a(Points(x, labels), (1, 2), tree_of_six, 5, 9),
    "metric.points.class_rows":lambda: a(Points(x, labels), tree_of_six, points, scores, 5, 9),
    "metric.points.Points.space":lambda: a(Points(x, labels)),
    "metric.points.Points.searched":lambda: a(Points(x, labels)),
    "metric.points.Points.n_candidates":lambda: a(Points(x, labels)),
    "metric.points.Points.relevant":lambda: a(Points(x, labels)),
    "metric.retrieval_null.p_of":lambda: a(np.arange(20.)),
    "metric.retrieval_null.readable_lengths":lambda: a((1, 5), 30, "x"),
    "metric.retrieval.check_asked":lambda: a(torch.ones(3, dtype=torch.bool), "count as misses"),
    "metric.retrieval.first_hits":lambda: a(x, labels),
    "metric.retrieval.recall_at_k":lambda: a(x, labels, (1, 3)),
    "metric.retrieval.over_queries":lambda: a(x[:, 0], labels>=0),
    "metric.retrieval.over_first_r":lambda: a(lambda hits: hits, task),
    "metric.retrieval.r_precision":lambda: a(ranking, labels),
    "metric.retrieval.map_at_r":lambda: a(x, labels, y, theirs),
    "metric.retrieval.class_interval":lambda: a(x[:, 0], labels, 19, gen()),
    "metric.retrieval.check_ranking":lambda: a(ranking, N, True),
    "metric.retrieval.misses_by_chance":lambda: a(torch.arange(5).double(), 9, 3),
    "metric.retrieval.recall_chance":lambda: a(labels, (1, 3), theirs),
    "metric.retrieval.retrieval_ceiling":lambda: a("Recall@1", labels),
    "metric.retrieval.chance_at_r":lambda: a(labels),
    "metric.retrieval.shared_levels":lambda: a(tree_of_six),
    "metric.retrieval.at_levels":lambda: a(shared, 2),
    "metric.retrieval.relevance":lambda: a(retrieval.at_levels(shared, 2).sum(2)),
    "metric.retrieval.h_ap":lambda: a(shared, relevant),
    "metric.retrieval.asi":lambda: a(shared, 2),
    "metric.retrieval.ndcg":lambda: a(shared),
    "metric.retrieval.hierarchical_retrieval":lambda: a(x, labels, tree_of_six),
    "metric.audit_sample.sample_points":lambda: a(labels, N, 12, gen()),
    "metric.audit_sample.random_rows":lambda: a(9, 5, gen()),
    "metric.audit_sample.triplets_of_any":lambda: a(9, 5, gen()),
    "metric.audit_sample.proper_levels":lambda: a(tree_of_six, labels),
    "metric.audit_sample.meeting_places":lambda: a(costs, drawn.triplets),
    "metric.audit_sample.sample_triplets":lambda: a(labels, N, 7, gen()),
    "metric.audit_sample.pairs_of":lambda: a(drawn.triplets),
    "metric.audit_sample.true_depths":lambda: a(drawn.depth, labels.numpy(), drawn.triplets),
    "metric.audit_sample.draw_sample":lambda: a(ball, labels, C, tree_of_six, 12, 5, gen()),
    "metric.audit_sample.proxy_measures":lambda: a(costs, radius.numpy(), drawn),
    "metric.sharded.read_rows":lambda: a(y, torch.arange(3), True),
    "metric.sharded.nearest_in":lambda: a(pair, torch.arange(30), 3, None),
    "metric.sharded.parts":lambda: a(shard_list, 0, 7),
    "metric.sharded.pieces":lambda: a(shard_list, 0, 7),
    "metric.sharded.alone":lambda: a(x),
    "metric.sharded.place_of":lambda: a(shard_list),
    "metric.sharded.earliest":lambda: a(torch.rand(2, 4, generator=gen(), dtype=torch.float64),
    torch.arange(8).view(2, 4)),
    "metric.sharded.place_in":lambda: a(torch.tensor([3, 5]), torch.tensor([5, 4])),
    "metric.sharded.themselves":lambda: a(x, [(x[:9], labels[:9]), (x[9:], labels[9:])], 0, N),
    "metric.sharded.count_contradictions":lambda: a(labels, torch.arange(N), [(x, theirs[:N].flip(0))], 0),
    "metric.sharded.find_themselves":lambda: a(x, labels, [(x, labels)], None, 0, N),
    "metric.sharded.sharded_ranks":lambda: a(x, labels, shard_list),
    "metric.sharded.join_lists":lambda: a(torch.rand(2, 4, generator=gen(), dtype=torch.float64),
    torch.arange(8).view(2, 4), 2),
    "metric.sharded.sharded_knn":lambda: a(x, shard_list, 3),
    "metric.space.class_means":lambda: a(x, labels, 6),
    "metric.space.prototypes":lambda: a(x, labels, 6),
    "metric.space.angle":lambda: a(x, x.flip(0)),
    "metric.space.variances":lambda: a(x, labels),
    "metric.space.intensity":lambda: a(x, points),
    "metric.space.step_change":lambda: a(probs, probs.flip(0), labels),
    "tree.significance.measure":lambda: a(True),
    "tree.significance.relabel":lambda: a(dist, np.array([1, 0, 2, 3, 4, 5])),
    "tree.significance.random_order":lambda: a(6, gen()),
    "tree.significance.whole_number":lambda: a(3, "k", 1),
    "tree.significance.PermutationTest.like_value":lambda: a(test, 1.),
    "tree.significance.PermutationTest.chance":lambda: a(test),
    "tree.significance.PermutationTest.normalized":lambda: a(test),
    "tree.significance.PermutationTest.table":lambda: a(test),
    "tree.significance.normalize":lambda: a(.5, .1, 1.),
    "tree.significance.PermutationTest.p_value":lambda: a(test),
    "tree.significance.PermutationTest.interval":lambda: a(test),
    "tree.significance.permutation_test":lambda: a(compare.mean_correlation, dist, tree_of_six, 9, gen()),
    "tree.significance.bootstrap_interval":lambda: a([1., 2., 4.], 99, gen()),
    "tree.significance.t_interval":lambda: a([1., 2., 4.]),
    "tree.significance.sign_flip_p":lambda: a([1., 2., -.5]),
    "tree.significance.seed_values":lambda: a([1., 2.]),
    "tree.significance.relabel_tips":lambda: a(learned, np.arange(6)[::-1]),
    "tree.significance.is_symmetric":lambda: a(dist),
    "tree.significance.count_classes":lambda: a(learned),
    "tree.significance.holm":lambda: a([.01, .2]),
    "tree.significance.paired_evidence":lambda: a([1., 2., 4.]),
    "tree.significance.judge":lambda: a({"a":[1., 2., 4.], "b":[1., -2., 4.]}),
    "tree.significance.evidence_text":lambda: a(chance.judge({"a":[1., 2., 4.]}).iloc[0]),
    "tree.compare.both_sides":lambda: a(dist, tree_of_six),
    "tree.compare.unit_rows":lambda: a(dist),
    "tree.compare.row_ranks":lambda: a(dist),
    "tree.compare.fisher_mean":lambda: a(np.array([.1, .4]), 5),
    "tree.compare.mean_correlation":lambda: a(dist, tree_of_six),
    "tree.compare.mean_correlation_ceiling":lambda: a(dist, tree_of_six),
    "tree.compare.elementwise_correlation_ceiling":lambda: a(dist, tree_of_six),
    "tree.compare.robinson_foulds_ceiling":lambda: a(learned, truth),
    "tree.compare.untied_ceiling":lambda: a(dist[:, 1:]),
    "tree.compare.pair_matrix":lambda: a(dist),
    "tree.compare.prepare_correlation":lambda: a(dist, dist_other, True, "undefined"),
    "tree.compare.elementwise_correlation":lambda: a(dist, dist_other),
    "tree.compare.as_tree":lambda: a(tree_of_six),
    "tree.compare.class_order":lambda: a(truth),
    "tree.compare.clades":lambda: a(truth, names),
    "tree.compare.splits":lambda: a(clade_rows),
    "tree.compare.robinson_foulds":lambda: a(learned, truth),
    "tree.compare.clade_recall":lambda: a(learned, truth),
    "tree.compare.pack":lambda: a(clade_rows),
    "tree.compare.odd_ones_out":lambda: a(dist),
    "tree.compare.closest_clade":lambda: a(clade_rows),
    "tree.compare.triplets_sampled":lambda: a(4000, 2**27),
    "tree.compare.resolved_triplets":lambda: a(*compare.closest_clade(clade_rows), 9, gen()),
    "tree.compare.sampled_agreement":lambda: a(dist, np.array([[0], [1], [2]])),
    "tree.compare.full_agreement":lambda: a(dist, *compare.closest_clade(clade_rows)),
    "tree.compare.closeness_of":lambda: a(dist, tree_of_six),
    "tree.compare.triplet_agreement":lambda: a(dist, tree_of_six),
    "tree.compare.cophenetic_correlation":lambda: a(learned, dist, names),
    "tree.compare.class_retrieval":lambda: a(points, tree_of_six, 0),
    "tree.minimax.meetings":lambda: a(heights),
    "tree.minimax.check_ancestors":lambda: a(heights, list("abc"), None),
    "tree.minimax.by_distance":lambda: a(heights),
    "tree.minimax.nodes_of":lambda: a(heights, .1, None),
    "tree.minimax.ancestor_tree":lambda: a(heights, list("abc")),
    "tree.infer.pairwise_distance":lambda: a(points),
    "tree.infer.as_float64":lambda: a(points),
    "tree.infer.check_distances":lambda: a(dist, names),
    "tree.infer.published_joins":lambda: a(dist),
    "tree.infer.upgma":lambda: a(dist, names),
    "tree.infer.by_lot":lambda: a(5),
    "tree.infer.untied":lambda: a(1-np.eye(6), names),
    "tree.infer.order_children":lambda: a(learned.copy(), names),
    "tree.infer.neighbor_joining":lambda: a(dist, names),
    "tree.infer.tip_places":lambda: a(learned, names),
    "tree.infer.root_distances":lambda: a(learned),
    "tree.infer.cophenetic":lambda: a(learned, names),
    "tree.infer.check_proxies":lambda: a(ball, rho),
    "tree.infer.sample_labels":lambda: a(labels, len(labels)),
    "tree.infer.proxy_distances":lambda: a(ball, rho, C, labels),
    "tree.infer.proxy_tree":lambda: a(ball, rho, C, labels, names),
    "tree.labels.object_labels":lambda: a(["a", "b"], "labels"),
    "tree.labels.one_label":lambda: a("a", "label 0", "labels", 0),
    "tree.labels.tensor_labels":lambda: a(labels, "labels"),
    "tree.labels.label_array":lambda: a(np.array([1, 2]), "labels"),
    "tree.labels.class_numbers":lambda: a(["b", "a"], ["a", "b"]),
    "tree.labels.plain_labels":lambda: a(labels),
    "tree.labels.integer_labels":lambda: a(labels),
    "tree.labels.first_few":lambda: a([(0, "a"), (1, "b")]),
    "tree.labels.require_order":lambda: a(tree_of_six),
    "tree.labels.in_label_order":lambda: a(tree_of_six, ["b", "a"]),
    "tree.labels.match_labels":lambda: a(labels, tree_of_six, None, "taxonomy"),
    "tree.proxy_scores.randomize_directions":lambda: a(ball, gen()),
    "tree.proxy_scores.tree_measures":lambda: a(learned, tree_of_six),
    "tree.proxy_scores.score_proxy_tree":lambda: a(ball, rho, C, labels, tree_of_six, 2, 3, gen()),
    "tree.taxonomy.Taxonomy.from_paths":lambda: a(six_rows),
    "tree.taxonomy.Taxonomy.n_classes":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.depth":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.level_labels":lambda: a(tree_of_six, 0),
    "tree.taxonomy.Taxonomy.level_names":lambda: a(tree_of_six, 0),
    "tree.taxonomy.Taxonomy.level_sizes":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.lca_depth":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.path_distance":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.similarity":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.check_names":lambda: a(tree_of_six, names),
    "tree.taxonomy.Taxonomy.select":lambda: a(tree_of_six, ["c", "a"]),
    "tree.taxonomy.Taxonomy.to_tree":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.builtin":lambda: a("cifar100"),
    "tree.taxonomy.Taxonomy.to_newick":lambda: a(tree_of_six),
    "tree.taxonomy.Taxonomy.from_newick":lambda: a("((a,b)g,c);"),
    "tree.taxonomy.Taxonomy.from_parents":lambda: a({"a":"r", "b":"r", "r":None}, ["a", "b"]),
}
by_callback = ("metric.neighbors.search", "metric.neighbors.search_on_device", "metric.neighbors.search_faiss", "metric.neighbors.search_by_lot")
def matched(*args, **keywords):
    out = []
    retrieval.match_blocks(*args, each=lambda rows,hits: out.append((rows, hits)), **keywords)
    return out


# hand their results to a function
through = dict.fromkeys(by_callback, searched)|{"metric.retrieval.match_blocks":matched,
    "metric.device.naming_memory":lambda memory: type(device.naming_memory(memory)).__name__}


def is_text(name:str)->bool:
    "Whether a function only reads or writes text and files, where no mode of torch can matter."
    of_files = {f"tree.taxonomy.Taxonomy.from_{kind}" for kind in ("csv", "file", "folder")}
    return (
        name in of_files or name.startswith(("tree.formats.", "tree.taxonomy.")) and ".Taxonomy." not in name)



def call(name:str, change=lambda value: value, given=None):
    "The result of a case; `change` is applied to its arguments; `given`: arguments that were made before."
    function = through.get(name) or public()[name]
    args,keywords = cases[name]() if given is None else given
    if isinstance(function, property): return function.fget(*args)
    found = function(*map(change, args), **{key:change(value) for key,value in keywords.items()})
    return list(found) if isinstance(found, Iterator) else found


def plain(value):
    "A result as nested tuples of plain values, for an exact comparison that minds the types."
    if isinstance(value, torch.Tensor):
        return ("tensor", str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes())
    if isinstance(value, np.ndarray): return ("array", str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, pd.DataFrame): return ("frame", value.to_csv())
    if isinstance(value, TreeNode): return ("tree", str(value))
    if isinstance(value, dict): return ("dict", tuple((str(k), plain(v)) for k,v in value.items()))
    if dataclasses.is_dataclass(value): return plain(vars(value))
    if isinstance(value, (list, tuple)): return (type(value).__name__, tuple(map(plain, value)))
    if isinstance(value, (set, frozenset)): return ("set", tuple(sorted(map(repr, value))))
    if isinstance(value, float): return ("float", repr(float(value)))
    if inspect.isfunction(value) or isinstance(value, partial): return "function"
    return repr(value)
