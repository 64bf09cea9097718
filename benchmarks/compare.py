"Comparing 555 classes with the NABirds taxonomy: our measures beside per-class loops with scipy, on one input in one run."
import pathlib,sys
import numpy as np
from scipy.spatial.distance import pdist,squareform
from scipy.stats import rankdata,spearmanr
from hiernb.tree.compare import class_retrieval,elementwise_correlation,mean_correlation,permutation_test,triplet_agreement
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
    x = [d[i,j] for i in range(len(d)) for j in range(i+1,len(d))]; y = [true[i,j] for i in range(len(d)) for j in range(i+1,len(d))]
    return np.corrcoef(rankdata(x), rankdata(y))[0,1]

def loop_retrieval(points, groups):
    "P@1, R-precision and MAP@R, one class and one rank after the other."
    points = points/np.linalg.norm(points, axis=1, keepdims=True); scores = []
    for i in range(len(points)):
        wanted = int((groups==groups[i]).sum())-1
        if not wanted: continue
        distance = np.linalg.norm(points-points[i], axis=1); distance[i] = np.inf
        right = [bool(groups[j]==groups[i]) for j in np.argsort(distance, kind="stable")[:wanted]]
        precision = [sum(right[:r+1])/(r+1) for r in range(wanted) if right[r]]
        scores.append((right[0],sum(right)/wanted,sum(precision)/wanted))
    return np.mean(scores, axis=0) if scores else np.full(3, np.nan)

def main():
    taxonomy = nabirds(); points = np.random.default_rng(0).normal(size=(taxonomy.n_classes,128))
    unit = points/np.linalg.norm(points, axis=1, keepdims=True)
    d,true = squareform(pdist(unit)),taxonomy.path_distance().astype(float)
    np.testing.assert_allclose(mean_correlation(d, true), loop_mean(d, true), rtol=1e-9)
    np.testing.assert_allclose(elementwise_correlation(d, true), loop_elementwise(d, true), rtol=1e-9)
    print(row("mean correlation, 555 classes", seconds(lambda: mean_correlation(d, true)), seconds(lambda: loop_mean(d, true), 3), "s", "spearmanr per class"))
    print(row("elementwise correlation, 555 classes", seconds(lambda: elementwise_correlation(d, true)),
              seconds(lambda: loop_elementwise(d, true), 3), "s", "pairs in a loop, scipy ranks"))
    for level in range(taxonomy.depth):
        groups = np.unique(taxonomy.level_labels(level), return_inverse=True)[1]
        np.testing.assert_allclose(class_retrieval(points, taxonomy, level), loop_retrieval(points, groups), rtol=1e-9)
        print(row(f"class retrieval, 555 classes, level {level}", seconds(lambda: class_retrieval(points, taxonomy, level)),
                  seconds(lambda: loop_retrieval(points, groups), 3), "s", "loop over classes and ranks"))
    for statistic,slow in ((mean_correlation,loop_mean),(elementwise_correlation,loop_elementwise)):
        ours = seconds(lambda: permutation_test(statistic, d, true, 99), 1)*999/99
        print(row(f"{statistic.__name__}, 999 permutations, 555 classes", ours, seconds(lambda: slow(d, true), 1)*1000, "s",
                  "1000 times the loop above (both scaled from fewer)"))
    once = seconds(lambda: triplet_agreement(d, taxonomy), 3); many = seconds(lambda: permutation_test(triplet_agreement, d, taxonomy, 99), 1)*999/99
    print(row("triplet agreement, 28 million triplets, 999 permutations", many, once*1000, "s", "1000 times our single value (scaled)"))

if __name__=="__main__": main()
