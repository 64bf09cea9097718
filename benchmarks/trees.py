"Class trees from 555 classes (NABirds' number), and path distances, beside scikit-bio and Biopython."
import time
from functools import partial
from pathlib import Path

import numpy as np
from Bio.Phylo.TreeConstruction import DistanceMatrix as LowerTriangle
from Bio.Phylo.TreeConstruction import DistanceTreeConstructor
from common import row, seconds
from skbio import DistanceMatrix, nj
from skbio.tree import upgma as skbio_upgma

from hiernb.tree.infer import cophenetic, neighbor_joining, pairwise_distance, upgma
from hiernb.tree.taxonomy import Taxonomy

def inputs(n:int)->tuple[np.ndarray,list[str]]:
    "Chords between `n` random directions in 128 dimensions, and names."
    return pairwise_distance(np.random.default_rng(0).normal(size=(n,128))),[f"c{i}" for i in range(n)]

def once(f)->float:
    start = time.perf_counter()
    f()
    return time.perf_counter()-start

def biopython(d:np.ndarray, names:list[str], method:str)->float:
    "One run: it changes its input, and repeats would take minutes."
    lower = LowerTriangle(list(names), [r[:i+1].tolist() for i,r in enumerate(d)])
    return once(lambda: getattr(DistanceTreeConstructor(),method)(lower))

def main():
    d,names = inputs(555)
    build = dict(upgma=seconds(lambda: upgma(d,names)), nj=seconds(lambda: neighbor_joining(d,names)))
    print(row("UPGMA, 555 classes", build["upgma"], seconds(lambda: skbio_upgma(DistanceMatrix(d,names))),
        "s", "scikit-bio upgma"))
    print(row("neighbor joining, 555 classes", build["nj"], seconds(lambda: nj(DistanceMatrix(d,names))),
        "s", "scikit-bio nj"))
    small = 150  # Biopython's loops grow with the cube: at 555 classes 50 times as long
    e,few = inputs(small)
    for what,ours,method in (("UPGMA",upgma,"upgma"),("neighbor joining",neighbor_joining,"nj")):
        peer = f"Biopython {method}, one run"+(" (it is WPGMA)" if method=="upgma" else "")
        ours_takes = seconds(partial(ours, e, few))
        print(row(f"{what}, {small} classes", ours_takes, biopython(e,few,method), "s", peer))
    tree = upgma(d,names)
    peer = seconds(lambda: tree.cophenet().filter(names))
    print(row("cophenetic distances, 555 classes", seconds(lambda: cophenetic(tree,names)), peer, "s",
        "scikit-bio cophenet"))
    birds = Taxonomy.from_csv(Path(__file__).parents[1]/"tests"/"taxonomies"/"nabirds.tsv")
    given = birds.to_tree()
    peer = seconds(lambda: given.cophenet().filter(birds.names))
    print(row("path distances, NABirds", seconds(birds.path_distance), peer, "s",
        "scikit-bio cophenet of the same tree"))
    big = Taxonomy.from_paths([(f"{i//1000}",f"{i//100}",f"{i//10}",f"{i}") for i in range(10_000)])
    many = big.to_tree()
    peer = once(many.cophenet)
    print(row("path distances, 10,000 classes", seconds(big.path_distance,3), peer, "s",
        "scikit-bio cophenet of the same tree, one run"))

if __name__=="__main__": main()
