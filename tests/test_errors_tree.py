"What the tree package refuses, and the words by which its errors say why."
import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from refusals import refusals, refuses
from skbio import TreeNode

from hiernb.geometry.poincare import expmap0
from hiernb.tree.compare import (
    as_tree, both_sides, clades, class_retrieval, cophenetic_correlation, triplet_agreement)
from hiernb.tree.formats import (
    check_path_sizes, comment_end, decode_text, find_delimiter, newick_error, newick_tokens, node_paths,
    read_pairs, read_table)
from hiernb.tree.infer import (
    check_distances, cophenetic, neighbor_joining, pairwise_distance, proxy_tree, upgma)
from hiernb.tree.labels import integer_labels, match_labels, object_labels, plain_labels, require_order
from hiernb.tree.minimax import ancestor_tree, check_ancestors
from hiernb.tree.proxy_scores import score_proxy_tree
from hiernb.tree.significance import (
    bootstrap_interval, judge, paired_evidence, permutation_test, sign_flip_p, t_interval, whole_number)
from hiernb.tree.taxonomy import (
    Taxonomy, check_class_names, check_paths, class_columns, list_folder, renamed, what_it_is)

nan = math.nan

@pytest.fixture
def table(tmp_path):
    "Write a table; the fixture is a function that returns its file."
    def write(text):
        file = tmp_path/"table.csv"
        file.write_text(text, encoding="utf-8")
        return file
    return write

TEXT = {
    "bytes that are no UTF-8": (lambda: decode_text("a\nkäfer".encode("latin1"), "t.csv"),
        "t.csv, line 2: expected UTF-8 text, found the byte 0xe4"),
    "two possible delimiters": (lambda: find_delimiter("a;b,c\n1;2,3\n", "t.csv"),
        "t.csv: the delimiter is ambiguous in 'a;b,c'"),
    "single quote": (lambda: list(newick_tokens("'a")), "unclosed quote or comment"),
    "double quote": (lambda: list(newick_tokens('"a')), "unclosed quote or comment"),
    "comment": (lambda: list(newick_tokens("[a [b]")), "unclosed quote or comment"),
    "bracket": (lambda: list(newick_tokens("a]")), "unclosed quote or comment"),
    "end of a comment": (lambda: comment_end("a[b", 1), "character 1", "unclosed quote or comment"),
    "a parent twice": (lambda: read_pairs([("a","x"),("a","y")]), "'a' comes 2 times: ['x', 'y']"),
    "one field": (lambda: read_pairs([("a",)]), "entry 1: expected two fields"),
    "paths too long": (lambda: check_path_sizes([1,2,3], most=5), "hold 6 names, expected at most 5"),
    "a cycle": (lambda: node_paths({"a":"b", "b":"c", "c":"b", "d":"r"}), "cycle: b -> c -> b"),
    "its own parent": (lambda: node_paths({"a":"a"}), "cycle: a -> a"),
    "two roots": (lambda: node_paths({"a":"x", "b":"y"}), "orphan: 'x' has no parent, but neither has 'y'"),
    "a root that is not declared": (lambda: node_paths({"a":"x", "x":None, "b":"y"}), "orphan: 'y'"),
    "an empty parent": (lambda: node_paths({"a":""}), "empty name in 'a' -> ''"),
}

@refusals(TEXT)
def test_text_that_is_no_tree_is_refused_with_its_place(call, words):
    refuses(call, words)

def test_a_fault_in_newick_text_is_shown_in_its_place():
    assert str(newick_error("(a,b", 4, "unclosed"))=="Newick text, character 4: unclosed in '(a,b'"

def test_a_row_of_another_length_is_refused(table):
    file = table("a,b\nx,y\nz\n")
    refuses(lambda: read_table(file), ["line 3: 1 cells under 2 column names"])

@dataclass
class Order:
    "The names of a taxonomy, and whether their order is that of labels."
    names:list
    ordered:bool|None=None
    def select(self, names): return Order(list(names), True)

zoo_file = Order(["dog","cat"], False)
numbers = Order(["1","2","3"])

LABELS = {
    "two kinds": (lambda: object_labels(["a",1], "labels"), "all of one kind; got 'a' at 0 and 1 at 1"),
    "an empty label": (lambda: plain_labels(["cat",None]), "label 1 is empty"),
    "names for integers": (lambda: integer_labels(["cat","dog"]),
        "labels must be integers here, got names such as 'cat'"),
    "two orders": (lambda: require_order(zoo_file),
        "The taxonomy's: 0 = 'dog', 1 = 'cat'. By name: 0 = 'cat', 1 = 'dog'."),
    "numbers that are names or places": (lambda: require_order(numbers, labels=torch.tensor([1,2])),
        "By name: 1 = '1', 2 = '2'"),
    "names beside rows": (lambda: match_labels(["cat"], zoo_file, rows=["proxies"]),
        "proxies have a row or column per class, but the labels are names"),
}

@refusals(LABELS)
def test_labels_that_could_mean_two_classes_are_refused(call, words):
    refuses(call, words)

PATHS = {
    "no class": (lambda: check_paths([]), "at least one class"),
    "an empty name": (lambda: check_paths([("A",),("A","")]), "label 1 has an empty name"),
    "an empty path": (lambda: check_paths([("A",),()]), "label 1 has an empty path"),
    "nan for a name": (lambda: check_paths([("A",nan)]), "must be a string, got nan"),
    "one path twice": (lambda: check_paths([("A","x"),("B",),("A","x")]),
        "duplicate class: labels [0, 2] have the same path ('A', 'x')"),
    "the first path that occurs again": (lambda: check_paths([("A",),("B",),("B",),("A",),("B",)]),
        "duplicate class: labels [0, 3] have the same path ('A',)"),
    "a name without a path": (lambda: check_class_names(["A","cat"], [("A",)]),
        "name 'cat' of label 1 stands alone"),
    "a path without a name": (lambda: check_class_names(["A"], [("A",),("B",)]),
        "path ('B',) of label 1 stands alone"),
    "an empty class name": (lambda: check_class_names(["A",""], [("A",),("B",)]), "label 1 has no name"),
    "one class name twice": (lambda: check_class_names(["x","x"], [("A","x"),("B","x")]),
        "labels [0, 1] have the same class name 'x'"),
    "a group renamed": (lambda: renamed([("A",),("A","x")], ["B","x"]), "cannot call class ('A',) 'B'"),
    "a class named as a group": (lambda: renamed([("C",),("A","x")], ["A","x"]),
        "group with classes below it"),
    "from_paths of an empty path": (lambda: Taxonomy.from_paths([("A","x"),()]), "empty path"),
    "from_paths of one path twice": (lambda: Taxonomy.from_paths([("A","x"),("A","x")]), "duplicate class"),
    "from_paths of None": (lambda: Taxonomy.from_paths([("A","x"),("A",None)]), "got None"),
    "from_paths with too many names": (lambda: Taxonomy.from_paths([("A","x")], ["x","y"]), "stands alone"),
    "from_paths of a text": (lambda: Taxonomy.from_paths("A/x"), "got the text 'A/x'"),
    "from_paths of a missing path": (lambda: Taxonomy.from_paths(["A/x",None]), "label 1 has no path"),
}

@refusals(PATHS)
def test_paths_that_are_no_classes_are_refused_by_label(call, words):
    refuses(call, words)

zoo = Taxonomy.from_paths(["animal/cat","plant/rose","animal/dog","stone"])
birds = {"3":"1", "4":"1", "2":"0", "1":"0"}
bird_names = {"0":"Birds", "1":"Gull", "2":"Tern", "3":"Gull", "4":"Mew Gull (Adult)"}

TAXONOMIES = {
    "a level too deep": (lambda: zoo.level_labels(2), "level must be 0 … 1"),
    "a negative level": (lambda: zoo.level_names(-1), "got -1"),
    "beta 0": (lambda: zoo.similarity(0.), "beta must be positive"),
    "beta below 0": (lambda: zoo.similarity(-1.), "beta must be positive"),
    "beta infinite": (lambda: zoo.similarity(math.inf), "beta must be positive"),
    "beta nan": (lambda: zoo.similarity(nan), "beta must be positive"),
    "classes in another order": (lambda: zoo.check_names(["cat","dog","rose","stone"]),
        "label 1 is 'dog' in the dataset and 'rose' in"),
    "a class too few": (lambda: zoo.check_names(["cat","rose","dog"]),
        "label 3 is nothing in the dataset and 'stone'"),
    "an unknown class": (lambda: zoo.check_names(["cat","rose","fox","stone"]),
        "not in the taxonomy: ['fox']"),
    "a misspelled class": (lambda: zoo.select(["cat","rosa"]),
        "no class 'rosa' among the taxonomy's 4; did you mean ['rose']?"),
    "a class selected twice": (lambda: zoo.select(["cat","cat"]), "duplicate class: labels [0, 1]"),
    "nothing selected": (lambda: zoo.select([]), "at least one class"),
    "no such built-in": (lambda: Taxonomy.builtin("imagenet"), "['cifar100', 'fashion_mnist']"),
    "ids that are no numbers": (lambda: class_columns("t.csv", ["id","species"], [["n01","cat"]]),
        "t.csv: expected column 1, 'id', to count the rows, found 'n01'"),
    "a tip without a name": (lambda: Taxonomy.from_newick("(a,);"), "tip 1 has no name"),
    "a tip twice": (lambda: Taxonomy.from_newick("(a,b,a);"), "duplicate class"),
    "labels in Newick text twice": (lambda: Taxonomy.from_newick("[&labels 0 0](a,b);"),
        "must list 0…1 once each"),
    "empty Newick text": (lambda: Taxonomy.from_newick(""), "expected Newick text or a file"),
    "a tree for Newick text": (lambda: Taxonomy.from_newick(zoo.to_tree()), "expected Newick text or a file"),
    "no parents": (lambda: Taxonomy.from_parents({}), "at least one class"),
    "a class that is no node": (lambda: Taxonomy.from_parents(birds, ["2","9"]),
        "label 1: class '9' is not in the tree"),
    "the root as a class": (lambda: Taxonomy.from_parents(birds, ["0"]), "empty path"),
    "siblings of one name": (lambda: Taxonomy.from_parents(birds, names={**bird_names, "4":"Gull"}),
        "nodes ['3', '4'] are all called 'Gull > Gull'"),
    "a node without a name": (lambda: Taxonomy.from_parents(birds, names={"0":"Birds"}),
        "has no name in `names`"),
}

@refusals(TAXONOMIES)
def test_what_no_taxonomy_can_answer_is_refused(call, words):
    refuses(call, words)

MISSING = {"table": Taxonomy.from_csv, "newick": Taxonomy.from_newick, "parents": Taxonomy.from_parents,
    "folder": Taxonomy.from_folder}

@pytest.mark.parametrize("read", MISSING.values(), ids=MISSING)
def test_a_missing_file_is_named(read, tmp_path):
    refuses(lambda: read(tmp_path/"nowhere.txt"), ["nowhere.txt"], FileNotFoundError)

TABLES = {
    "class and path differ": ("class\tpath\ncat\tanimal > dog\n",
        "line 2: class 'cat' but its path ends in 'dog'"),
    "a name left out": ("class\tpath\ncat\tanimal >  > cat\n", "line 2: empty name"),
    "a level left out": ("a,b,c\nx,,z\n", "line 2: empty name in ['x', '', 'z']"),
    "no class": ("class,kingdom\n,animal\n", "line 2: empty name"),
    "a short row": ("a,b\nx,y\nz\n", "line 3: 1 cells under 2 column names"),
    "a path twice": ("path\na\na\n", "duplicate class: labels [0, 1]"),
    "no column names": ("cat\tanimal > cat\ndog\tanimal > dog\n", "line 1: expected column names"),
    "no rows": ("path\n", "expected a row of column names"),
    "another separator": ("path\nanimal/cat\nstone\n", "say `separator='/'`"),
}

@pytest.mark.parametrize("text,word", TABLES.values(), ids=TABLES)
def test_a_table_that_is_no_taxonomy_is_refused_by_line(text, word, table):
    file = table(text)
    refuses(lambda: Taxonomy.from_csv(file), [word])

def test_a_separator_is_of_tables_alone(tmp_path):
    file = tmp_path/"zoo.nwk"
    file.write_text(zoo.to_newick())
    refuses(lambda: Taxonomy.from_file(file, separator="/"), ["separator and delimiter are of tables"])

def test_a_folder_that_is_no_taxonomy_is_refused(tmp_path):
    refuses(lambda: Taxonomy.from_folder(tmp_path), ["no subfolders"])
    (tmp_path/"stone").mkdir()
    (tmp_path/"stone"/"up").symlink_to(tmp_path)
    refuses(lambda: Taxonomy.from_folder(tmp_path), ["links to a folder above it"])
    (tmp_path/"loose.jpg").touch()
    refuses(lambda: Taxonomy.from_folder(tmp_path), ["image outside any class"])

def test_a_broken_link_is_named(tmp_path):
    lost = tmp_path/"lost"
    lost.symlink_to("nowhere")
    assert what_it_is(lost)=="a link to nowhere, which is not there"
    refuses(lambda: list_folder(tmp_path), ["lost is a link to nowhere, which is not there"])

two = [[1.],[1.]]
ANCESTORS = {
    "one row": (lambda: check_ancestors([1.,2.], "ab", None), "got shape (2,)"),
    "no points": (lambda: check_ancestors(np.zeros((0,3)), "", None), "got shape (0, 3)"),
    "no proxies": (lambda: check_ancestors(np.zeros((2,0)), "ab", None), "got shape (2, 0)"),
    "nan": (lambda: check_ancestors([[1.],[nan]], "ab", None), "point 1 has nan to candidate 0"),
    "negative": (lambda: check_ancestors([[1.]], "a", [-1.]), "point 0 has -1.0 to candidate 1"),
    "too many names": (lambda: check_ancestors([[1.]], "ab", None), "2 names for 1 points"),
    "a name twice": (lambda: check_ancestors(two, "aa", None), "'a' comes 2 times"),
    "too few distances to the root": (lambda: check_ancestors(two, "ab", [1.]), "must have shape (2,)"),
    "negative margin": (lambda: ancestor_tree(two, "ab", -1.), "margin must be at least 0"),
    "margin nan": (lambda: ancestor_tree(two, "ab", nan), "margin must be at least 0, got nan"),
}

@refusals(ANCESTORS)
def test_distances_to_no_ancestors_are_refused(call, words):
    refuses(call, words)

plain = np.array([[0,2.,3],[2,0,4],[3,4,0]])
generator = torch.Generator().manual_seed(0)
points = expmap0(torch.randn(20, 8, generator=generator), .1)
proxies = expmap0(torch.randn(4, 8, generator=generator), .1)
labels = torch.arange(20)%5
tree_of = partial(proxy_tree, points, proxies, .1)

REPRESENTATIVES = {
    "distance": (lambda: pairwise_distance(points, "cosine"), "got 'cosine'"),
    "one point": (lambda: pairwise_distance(points[0]), "got shape (8,)"),
    "nan": (lambda: pairwise_distance([[1.,0],[nan,1]]), "representative 1 holds nan"),
    "zero vector": (lambda: pairwise_distance([[1.,0],[0,0]]), "representative 1 is the zero vector"),
    "not square": (lambda: check_distances(np.zeros((2,3)), "ab"), "got shape (2, 3)"),
    "empty": (lambda: check_distances(np.zeros((0,0)), ""), "got shape (0, 0)"),
    "too few names": (lambda: check_distances(np.zeros((2,2)), "a"), "1 names for the 2"),
    "a name twice": (lambda: check_distances(np.zeros((2,2)), "aa"), "'a' comes 2 times"),
    "distance nan": (lambda: check_distances([[0,nan],[nan,0]], "ab"), "dist['a', 'b'] is nan", "finite"),
    "distance negative": (lambda: check_distances([[0,-1],[-1,0]], "ab"), "dist['a', 'b'] is -1"),
    "distance to itself": (lambda: check_distances([[0,1],[1,2]]), "dist[1, 1] is 2"),
    "similarities": (lambda: check_distances(np.eye(2), "ab"), "turn similarities"),
    "not symmetric": (lambda: check_distances([[0,1],[2,0]], "ab"),
        "dist['a', 'b'] is 1 but 2 the other way round"),
    "upgma of no distances": (lambda: upgma([[0,1],[2,0]], "ab"), "symmetric"),
    "upgma of a name twice": (lambda: upgma(plain, "aab"), "'a' comes 2 times"),
    "neighbor joining of no distances": (lambda: neighbor_joining(plain*nan, "abc"), "finite"),
    "neighbor joining of a name twice": (lambda: neighbor_joining(plain, "aab"), "'a' comes 2 times"),
    "a missing tip": (lambda: cophenetic(upgma(plain, "abc"), "abx"), "no tip 'x'; 1 of 3"),
    "an edge without length": (lambda: cophenetic(TreeNode.read(["((a,b),c);"]), "abc"), "has no length"),
    "a tip twice": (lambda: cophenetic(TreeNode.read(["(a:1,a:1);"]), "a"), "several tips 'a'"),
}

@refusals(REPRESENTATIVES)
def test_what_makes_no_tree_is_refused(call, words):
    refuses(call, words)

PROXIES = {
    "NumPy": (lambda: proxy_tree(points.numpy(), proxies, .1),
        "embeddings must be a torch tensor, got ndarray"),
    "embeddings outside the ball": (lambda: proxy_tree(points*9, proxies, .1), "must lie inside the ball"),
    "proxies outside the ball": (lambda: proxy_tree(points, proxies*9, .1), "must lie inside the ball"),
    "embeddings nan": (lambda: proxy_tree(points*nan, proxies, .1), "inside the ball"),
    "two dimensions": (lambda: proxy_tree(points, proxies[:,:5], .1),
        "of one D, got shapes (20, 8) and (4, 5)"),
    "no embeddings": (lambda: proxy_tree(points[:0], proxies, .1), "got shapes (0, 8)"),
    "curvature 0": (lambda: proxy_tree(points, proxies, 0.), "c must be positive"),
    "a label too few": (lambda: tree_of(labels[1:]), "20 integers"),
    "labels of floats": (lambda: tree_of(labels.double()), "float64"),
    "a negative label": (lambda: tree_of(labels-1), "≥ 0", "sample 0 has -1"),
    "too few names": (lambda: tree_of(labels, ["a"]*4), "4 names for labels 0..4"),
    "names for samples": (lambda: tree_of(None, ["a"]*5), "5 names for samples 0..19"),
    "a name twice": (lambda: tree_of(labels, ["a"]*5), "'a' comes 5 times"),
}

@refusals(PROXIES)
def test_what_makes_no_proxy_tree_is_refused(call, words):
    refuses(call, words)

five = Taxonomy.from_paths(["g/a","g/b","h/c","h/d","h/e"])
score = partial(score_proxy_tree, points, proxies, .1)

SCORES = {
    "no draws": (lambda: score(labels, five, n_draws=0), "n_draws must be at least 1"),
    "half a permutation": (lambda: score(labels, five, n_permutations=2.5),
        "n_permutations must be at least 1 and a whole number, got 2.5"),
    "labels beyond the taxonomy": (lambda: score(labels+1, five), "5 names for labels 0..5"),
    "points outside the ball": (lambda: score_proxy_tree(points*9, proxies, .1, labels, five),
        "inside the ball"),
    "two classes": (lambda: score(labels%2, five), "at least 3 classes"),
    "whole_number of a half": (lambda: whole_number(2.5, "k"), "k must be a whole number, got 2.5"),
    "whole_number too small": (lambda: whole_number(0, "n_draws", 1),
        "n_draws must be at least 1 and a whole number, got 0"),
    "no permutations": (lambda: permutation_test(triplet_agreement, plain, five, 0), "at least 1"),
}

@refusals(SCORES)
def test_what_has_no_chance_level_is_refused(call, words):
    refuses(call, words)

seeds = [.02,.05,.03,.06,.04]
EVIDENCE = {
    "bootstrap of one seed": (lambda: bootstrap_interval([.1]), "at least 2 finite"),
    "bootstrap of nan": (lambda: bootstrap_interval([.1,nan]), "at least 2 finite"),
    "bootstrap of a matrix": (lambda: bootstrap_interval(np.ones((2,2))), "at least 2 finite"),
    "bootstrap level": (lambda: bootstrap_interval(seeds, level=95), "0 < level < 1"),
    "t of one seed": (lambda: t_interval([.1]), "at least 2 finite"),
    "t of infinity": (lambda: t_interval([.1,math.inf]), "at least 2 finite"),
    "t of a matrix": (lambda: t_interval([[.1,.2]]), "at least 2 finite"),
    "t level": (lambda: t_interval(seeds, level=95), "0 < level < 1"),
    "flips of no seed": (lambda: sign_flip_p([]), "1 to 24 finite"),
    "flips of nan": (lambda: sign_flip_p([nan,1.]), "1 to 24 finite"),
    "flips of too many": (lambda: sign_flip_p(np.ones(25)), "1 to 24 finite", "got 25 numbers"),
    "flips of a matrix": (lambda: sign_flip_p([[1.]]), "1 to 24 finite"),
    "evidence of nan": (lambda: paired_evidence([nan]), "expected finite differences"),
    "alpha": (lambda: judge({"one":seeds}, alpha=5), "0 < alpha < 1, got 5"),
}

@refusals(EVIDENCE)
def test_differences_that_prove_nothing_are_refused(call, words):
    refuses(call, words)

apart = five.path_distance().astype(float)
small = TreeNode.read(["((b,a),(c,d),e);"])
COMPARISONS = {
    "another number of classes": (lambda: both_sides(apart[:4,:4], five), "d has 4 classes and d_true 5"),
    "not square": (lambda: both_sides(apart[:4], five), "d must be a square"),
    "nan": (lambda: both_sides(np.where(apart==4, nan, apart), five), "finite"),
    "negative": (lambda: both_sides(apart-4, five), "is -4"),
    "similarities": (lambda: both_sides(4-apart, five), "similarities"),
    "not symmetric": (lambda: both_sides(np.triu(apart), five), "symmetric"),
    "two classes": (lambda: both_sides(apart[:2,:2], apart[:2,:2]), "at least 3 classes"),
    "distances for a tree": (lambda: as_tree(apart), "upgma"),
    "a tip without a name": (lambda: as_tree(TreeNode.read(["((a,b),);"])), "no name"),
    "other classes": (lambda: clades(small, "abcdf"), "['e', 'f']"),
    "a class twice": (lambda: clades(TreeNode.read(["((a,b),(a,c));"]), "abc"), "each once"),
    "clades of distances": (lambda: clades(apart, five.names), "upgma"),
    "distances beside a tree": (lambda: triplet_agreement(apart, five.to_tree()), "Taxonomy"),
    "triplets of too few classes": (lambda: triplet_agreement(apart[:4,:4], five), "4 classes"),
    "rows without names": (lambda: cophenetic_correlation(upgma(apart, five.names), apart), "names"),
    "points of too few classes": (lambda: class_retrieval(np.eye(4), five, 0), "taxonomy of 5"),
    "points that are nan": (lambda: class_retrieval(np.eye(5)*nan, five, 0), "nan"),
    "points at the origin": (lambda: class_retrieval(np.zeros((5,5)), five, 0), "no direction"),
    "a level too deep": (lambda: class_retrieval(np.eye(5), five, 9), "level"),
}

@refusals(COMPARISONS)
def test_sides_that_do_not_fit_are_refused(call, words):
    refuses(call, words)
