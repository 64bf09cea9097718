"""Comparing 555 classes with the NABirds taxonomy: our measures beside per-class loops with scipy, on one
input in one run."""
import pathlib,sys,time
from functools import partial
import numpy as np
from scipy.stats import rankdata,spearmanr
from hiernb.tree.compare import (
    class_retrieval, elementwise_correlation, mean_correlation, permutation_test, triplet_agreement)
from hiernb.tree.infer import pairwise_distance
from hiernb.tree.taxonomy import Taxonomy
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from common import row,seconds  # noqa: E402

TABLE = pathlib.Path(__file__).parent.parent/"tests"/"taxonomies"/"nabirds.tsv"

def nabirds()->Taxonomy:
    "The taxonomy of 555 bird classes, from the table in tests/."
    lines = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:] if line]
    return Taxonomy.from_paths([tuple(path.split(" > ")) for _,path in lines], [name for name,_ in lines])

def loop_mean(d, true):
    "Fisher-z mean of one scipy.stats.spearmanr per class."
    n = len(d)
    r = [spearmanr(np.delete(d[i],i), np.delete(true[i],i))[0] for i in range(n)]
    return np.tanh(np.nanmean(np.arctanh(r)))

def loop_elementwise(d, true):
    "Pairs gathered class by class, then one rank correlation."
    x = [d[i,j] for i in range(len(d)) for j in range(i+1,len(d))]
    y = [true[i,j] for i in range(len(d)) for j in range(i+1,len(d))]
    return np.corrcoef(rankdata(x), rankdata(y))[0,1]

def loop_retrieval(points, groups):
    "P@1, R-precision and MAP@R, one class and one rank after the other."
    points = points/np.linalg.norm(points, axis=1, keepdims=True)
    scores = []
    for i in range(len(points)):
        wanted = int((groups==groups[i]).sum())-1
        if not wanted: continue
        distance = np.linalg.norm(points-points[i], axis=1)
        distance[i] = np.inf
        right = [bool(groups[j]==groups[i]) for j in np.argsort(distance, kind="stable")[:wanted]]
        precision = [sum(right[:r+1])/(r+1) for r in range(wanted) if right[r]]
        scores.append((right[0],sum(right)/wanted,sum(precision)/wanted))
    return np.mean(scores, axis=0) if scores else np.full(3, np.nan)

def loop_triplets(d, depth):
    """Share of resolved triplets with the right closest pair, pair by pair; `depth` of lowest common
    ancestors is the truth."""
    hits = resolved = 0
    for i in range(len(d)):
        for j in range(i+1,len(d)):
            asked = (depth[i,j]>depth[i]) & (depth[i,j]>depth[j])
            resolved += asked.sum()
            hits += (asked & (d[i]>d[i,j]) & (d[j]>d[i,j])).sum()
    return hits/resolved

def main():
    taxonomy = nabirds()
    points = np.random.default_rng(0).normal(size=(taxonomy.n_classes,128))
    d,true,depth = pairwise_distance(points),taxonomy.path_distance().astype(float),taxonomy.lca_depth()
    loops = {mean_correlation: (partial(loop_mean, d, true),"spearmanr per class"),
             elementwise_correlation: (partial(loop_elementwise, d, true),"pairs in a loop, scipy ranks"),
             triplet_agreement: (partial(loop_triplets, d, depth),"NumPy, pair by pair")}
    for statistic,(loop,name) in loops.items():
        truth = taxonomy if statistic is triplet_agreement else true
        np.testing.assert_allclose(statistic(d, truth), loop(), rtol=1e-9)
        title,once = f"{statistic.__name__}, 555 classes",seconds(loop, 1)
        print(row(title, seconds(partial(statistic, d, truth)), once, "s", name), flush=True)
        start = time.perf_counter()
        permutation_test(statistic, d, truth, 999)
        ours = time.perf_counter()-start
        print(row(f"{title}, with 999 permutations", ours, 1000*once, "s", f"{name}; 1000 × one run"),
            flush=True)
    for level in range(taxonomy.depth):
        groups = np.unique(taxonomy.level_labels(level), return_inverse=True)[1]
        if len(set(groups))==len(groups): continue  # every class alone: nothing to retrieve
        ours,loop = partial(class_retrieval, points, taxonomy, level),partial(loop_retrieval, points, groups)
        np.testing.assert_allclose(ours(), loop(), rtol=1e-9)
        print(row(f"class_retrieval, 555 classes, level {level}", seconds(ours), seconds(loop, 1), "s",
            "loop over classes and ranks"), flush=True)

if __name__=="__main__": main()
