"A script of ordinary calls, as a user writes them. test_types.py checks its types; it is never run."
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hiernb.data import available,load,verify
from hiernb.geometry.poincare import ToPoincare, dist, expmap0, pairwise_dist
from hiernb.loss.classification import NormFace, ProxyDR, Softmax
from hiernb.loss.corr import CORR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import MultiSimilarity, ProxyAnchor, ProxyNCA, SoftTriple, SupCon
from hiernb.loss.regularized import Regularized
from hiernb.metric.audit import audit
from hiernb.metric.calibration import ece
from hiernb.metric.hierarchical import ahd_at_k, ahs_at_k, hp_at_k, hs_at_k, level_accuracy
from hiernb.metric.inspect import inspect
from hiernb.metric.retrieval import knn, map_at_r, recall_at_k
from hiernb.model import build
from hiernb.train import embed, train
from hiernb.tree.significance import PermutationTest
from hiernb.tree.compare import class_retrieval, mean_correlation, robinson_foulds
from hiernb.tree.infer import neighbor_joining, upgma
from hiernb.tree.taxonomy import Taxonomy

taxonomy = Taxonomy.from_paths(["animal/cat", "animal/dog", "plant/oak"])
read = [Taxonomy.from_csv("classes.csv", separator="/"), Taxonomy.from_newick("((a,b),c);"),
    Taxonomy.from_folder("images"),
        Taxonomy.from_parents({"cat":"animal"}), Taxonomy.from_file(Path("tree.nwk")),
        Taxonomy.builtin("cifar100")]
first: str = taxonomy.names[0]
many: int = taxonomy.n_classes*taxonomy.depth + taxonomy.level_sizes[0]
edges: np.ndarray = taxonomy.path_distance() + taxonomy.lca_depth()
likeness: np.ndarray = taxonomy.similarity(beta=2.)
groups: np.ndarray = taxonomy.level_labels(0)
text: str = taxonomy.select(["cat", "oak"]).to_newick()
taxonomy.check_names(["cat", "dog", "oak"])
print(taxonomy, taxonomy.level_names(0), taxonomy.to_tree(), taxonomy==read[0])

data = load("fashion_mnist", seed=1)
print(available(), verify("birds"), data.class_names, data.taxonomy, data.protocol,
    len(data.splits["train"].labels))
labels = torch.arange(3).repeat(10)
embeddings = torch.randn(30, 128)
in_ball = ToPoincare(c=.1, clip_r=2.3)(embeddings)
print(dist(in_ball, in_ball, c=.1), pairwise_dist(in_ball, expmap0(embeddings, .1), c=.1))

softmax, normface = Softmax(3, 128), NormFace(3, 128, proxies="ema")
proxydr = ProxyDR(n_classes=3, dim=128, scale="dynamic", taxonomy=taxonomy)
softmax(embeddings, labels).backward()
probabilities: torch.Tensor = softmax.logits(embeddings).softmax(1)
print(probabilities.argmax(1), ece(probabilities, labels), softmax.proxies, normface.logits(embeddings),
    normface.proxies)
print(proxydr.logits(embeddings).shape, proxydr.proxies, proxydr.scale)
corr = CORR(3, 128, taxonomy)
print(corr.logits(embeddings).shape, corr(embeddings, labels).item())

anchor = ProxyAnchor(3, 128)
others: list[nn.Module] = [ProxyNCA(3, 128), MultiSimilarity(c=.1), SoftTriple(3, 128), SupCon()]
print(anchor.logits(embeddings), anchor.proxies, SoftTriple(3, 128).proxies.shape, len(others))
hier = HIER(256, 128, c=.1)
loss = Regularized(anchor, hier, weight=.5)
distances = pairwise_dist(in_ball, hier.proxies, c=.1)
print(hier.triplet_loss(distances, torch.zeros(4, 3, dtype=torch.long)), hier.proxies.shape)

model = build("small_cnn", dim=128, channels=1)
run = train(model, loss, data, "runs/first", epochs=3, batch_size=128, lr=1e-3, lr_factors={"loss.loss":100})
print(run.history.tail(1), run.folder, run.model(embeddings))
found, truth = embed(model, data.splits["test"])
report = audit(found, loss.regularizer.proxies, truth, c=.1, taxonomy=data.taxonomy)
print(report.verdict, report.table.head())

table = inspect(embeddings, labels, taxonomy, n_permutations=99)
print(table[["of", "measure", "value"]].head(3).round(3))
similarities, indices = knn(embeddings, embeddings, 5, exclude_self=True)
print(similarities.shape, indices.shape, recall_at_k(embeddings, labels, 1), map_at_r(embeddings, labels))
print(hs_at_k(embeddings, labels, taxonomy.similarity(), 5).shape, ahs_at_k(embeddings, labels, likeness))
print(level_accuracy(indices[:,0], labels, taxonomy), ahd_at_k(similarities, labels, edges, 5),
    hp_at_k(similarities, labels, edges, 5))
tree = upgma(edges, taxonomy.names)
print(mean_correlation(edges, edges), robinson_foulds(tree, neighbor_joining(edges, taxonomy.names)))
print(class_retrieval(embeddings[:3], taxonomy, 0))


def chance(test: PermutationTest) -> object:
    return test.chance, test.p_value, test.interval


# What is wrong is found: each of these comments is reported where there is nothing to ignore.
Taxonomy.from_csv("classes.csv", seperator="/")  # type: ignore[call-arg]
taxonomy.path_distances()  # type: ignore[attr-defined]
taxonomy.level_labels("top")  # type: ignore[arg-type]
proxydr.logits(embeddings, labels, 3)  # type: ignore[call-arg]
