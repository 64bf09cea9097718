"What figures and reports refuse, and what their messages name."
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from pandas import DataFrame
from refusals import refusals,refuses
from skbio import TreeNode

from hiernb.plot.elements import fit_labels,group_marks,tip_groups
from hiernb.plot.figures import (
    cluster_map, dendrogram, interval_plot, null_plot, reliability_diagram, tanglegram, training_curves)
from hiernb.plot.image_grid import contact_sheet,pixels,retrieval_sheet
from hiernb.plot.poincare_disk import disk,disk_plane,disk_tree,radius_histogram,to_disk,usage_bars
from hiernb.plot.tree_layout import crossings,rotate,tip_names,tree_layout,untangle
from hiernb.report.html import figure_html,item_html,report,report_html
from hiernb.tree.taxonomy import Taxonomy

@pytest.fixture(autouse=True)
def closed():
    "Close what a refused figure has left open."
    yield
    plt.close("all")

def newick(text): return TreeNode.read([text])

nan = np.nan
abc = newick("((a,b),c);")
clothes = Taxonomy.builtin("fashion_mnist")

@refusals({
    "a repeated name": (lambda: tip_names(newick("((a,b),(c,a));")), "'a' occurs 2 times"),
    "no name": (lambda: tip_names(newick("((a,),(c,d));")), "tip 1 of 4"),
    "some lengths": (lambda: tree_layout(newick("((a:1,b:2),(c,d));")), "give all or none"),
    "a length of nan": (lambda: tree_layout(newick("(a:1,b:nan);")), "above 'b'"),
    "other names": (lambda: crossings("abc", "abd"), "['c', 'd'] are on one side only"),
    "an order of others": (lambda: rotate(abc, list("abx")), "one side only"),
    "another tree": (lambda: untangle(abc, newick("(a,b);")), "one side only"),
})
def test_layout(call, words): refuses(call, words)

def crowded():
    _,ax = plt.subplots(figsize=(3,2))
    ax.set_ylim(99.5, -.5)
    fit_labels(ax)

@refusals({
    "too many groups": (lambda: group_marks(43), "nearer to the root"),
    "too many rows": (crowded, "they need 3.5 inches"),
    "no class": (lambda: tip_groups(["Hat"], clothes, 0), "'Hat' is not a class"),
})
def test_elements(call, words): refuses(call, words)

dist = 1-np.eye(10)
history = DataFrame(dict(epoch=[1,2], train_loss=[1.,.5], val_accuracy=[.1,.2]))
by_recall = history.rename(columns=dict(val_accuracy="val_recall_at_1"))
table = DataFrame(dict(label=["a"], estimate=[.1], low=[0.], high=[.2]))
three = newick("(a,b,c);")

@refusals({
    "no class": (lambda: dendrogram(three, clothes), "is not a class of the taxonomy"),
    "a repeated tip": (lambda: dendrogram(newick("(a,a);")), "occurs 2 times"),
    "another tree": (lambda: tanglegram(three, newick("(a,b);")), "on one side only"),
    "a part of the distances": (lambda: cluster_map(dist[:5], clothes), "must be (10,10)"),
    "distances of nan": (lambda: cluster_map(np.where(np.eye(10), nan, dist), clothes), "row 0"),
    "a tree of others": (lambda: cluster_map(dist, clothes, tree=three), "on one side only"),
    "no epochs": (lambda: training_curves(history.drop(columns="epoch")), "lacks the columns ['epoch']"),
    "an empty history": (lambda: training_curves(history[:0]), "0 epochs"),
    "a score of nan": (lambda: training_curves(history.assign(val_accuracy=nan)), "all 2 values are nan"),
    "no runs": (lambda: training_curves({}), "between 1 and 30"),
    "two scores": (lambda: training_curves(dict(a=history, b=by_recall)), "one validation score"),
    "no score": (lambda: training_curves(history[["epoch","train_loss"]]), "got []"),
    "no low ends": (lambda: interval_plot(table.drop(columns="low")), "['low']"),
    "low above high": (lambda: interval_plot(table.assign(low=1.)), "low 1.0, high 0.2"),
    "high of nan": (lambda: interval_plot(table.assign(high=nan)), "high nan"),
    "no permutations": (lambda: null_plot(1., []), "0 of 0"),
    "a permutation of nan": (lambda: null_plot(1., [0,nan]), "1 of 2"),
    "logits": (lambda: reliability_diagram(3*torch.ones(2, 3), torch.tensor([0,1])), "Logits need a softmax"),
})
def test_figures(call, words): refuses(call, words)

images = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(0))
labels = torch.arange(60)%6
names = list("abcdef")

def sheet(**given):
    usual = dict(queries=images[:4], neighbors=images[:24].view(4, 6, 3, 8, 8), labels=labels[:4],
        neighbor_labels=labels[:24].view(4, 6), class_names=names)
    retrieval_sheet(**usual|given)

def contacts(images=images, labels=labels, names=names, **options):
    contact_sheet(images, labels, names, **options)

many = images[:1].expand(420, -1, -1, -1)

@refusals({
    "one image": (lambda: pixels(images[0]), "got (3, 8, 8)"),
    "two channels": (lambda: pixels(images[:,:2]), "got (60, 2, 8, 8)"),
    "normalized": (lambda: pixels(images*3-1), "x*std + mean"),
    "nan": (lambda: pixels(images*nan), "got nan"),
    "nothing": (lambda: pixels(images[:0]), "got (0, 3"),
    "neighbors as one list": (lambda: sheet(neighbors=images[:4]), "must be (Q,k,"),
    "neighbors of others": (lambda: sheet(neighbors=images[:18].view(3, 6, 3, 8, 8)), "for 4 queries"),
    "labels too few": (lambda: sheet(labels=labels[:3]), "labels must be (4,)"),
    "labels of neighbors": (lambda: sheet(neighbor_labels=labels[:4]), "neighbor_labels (4,6)"),
    "a name too few": (lambda: sheet(class_names=names[:1]), "labels must lie in 0..0"),
    "normalized queries": (lambda: sheet(queries=images[:4]*3), "queries must be uint8"),
    "normalized neighbors": (lambda: sheet(neighbors=images[:24].view(4, 6, 3, 8, 8)-1),
        "neighbors must be uint8"),
    "too many queries": (lambda: sheet(queries=images, neighbors=many.view(60, 7, 3, 8, 8)),
        "are 480 images"),
    "a label too few": (lambda: contacts(labels=labels[1:]), "shape (60,)"),
    "names of two classes": (lambda: contacts(names=names[:2]), "labels must lie in 0..1"),
    "none of a class": (lambda: contacts(per_class=0), "per_class"),
    "normalized images": (lambda: contacts(images*9), "x*std"),
    "too many classes": (lambda: contacts(many[:101], torch.arange(101), range(101)), "101 classes"),
})
def test_sheets(call, words): refuses(call, words)

inside = torch.rand(9, 16, generator=torch.Generator().manual_seed(0))/10
spots = dict(a=torch.tensor([.5,.1]), b=torch.tensor([.5,-.1]), c=torch.tensor([-1.,0.]))

def projected(points, of=inside): return to_disk(points, disk_plane(of, 1.)[0], 1.)

@refusals({
    "one point": (lambda: disk_plane(inside[:1], 1.), "N and D at least 2"),
    "outside": (lambda: disk_plane(inside*99, 1.), "inside the ball"),
    "negative c": (lambda: disk_plane(inside, -1.), "c must be positive"),
    "another dimension": (lambda: projected(inside[:,:3]), "points (N,16)"),
    "c of 0": (lambda: disk(0.), "c must be positive"),
    "clip_r of 0": (lambda: disk(.1, 0.), "clip_r must be positive"),
    "no places": (lambda: disk_tree(abc, {}, 1.), "tip 'a' has no place; 3 tips"),
    "on the rim": (lambda: disk_tree(abc, spots, 1.), "inside the ball"),
    "three dimensions": (lambda: disk_tree(abc, spots|dict(a=torch.zeros(3)), .1),
        "'a' must have shape (2,)"),
    "no class": (lambda: disk_tree(abc, spots, .1, clothes), "is not a class"),
    "depths outside": (lambda: radius_histogram(inside*99, None, 1.), "inside the ball"),
    "no proxies": (lambda: radius_histogram(inside, inside[:0], 1.), "proxies must be points"),
    "negative clip_r": (lambda: radius_histogram(inside, None, 1., -1.), "clip_r must be positive"),
    "depths without c": (lambda: radius_histogram(inside, None, 0.), "c must be positive"),
    "no uses": (lambda: usage_bars([0,0]), "counts must be finite"),
    "negative uses": (lambda: usage_bars([1,-1]), "counts must be finite"),
    "uses of nan": (lambda: usage_bars([nan,1]), "counts must be finite"),
    "a table of uses": (lambda: usage_bars([[1,2]]), "counts must be finite"),
})
def test_disk(call, words): refuses(call, words)

kinds = "expected text, a DataFrame, a Figure or a pair of one of the latter with its caption, got int"

@refusals({
    "no SVG": (lambda: figure_html(b"<html>"), "SVG file"),
    "a number": (lambda: item_html(3, "Results"), f"section 'Results': {kinds}"),
    "text with caption": (lambda: item_html(("text","caption")), "got str"),
    "axes": (lambda: item_html(plt.figure().add_subplot()), "got Axes"),
    "text for sections": (lambda: report_html("t", ["text"]), "section 0 must be a pair"),
    "a heading alone": (lambda: report_html("t", [("heading",)]), "section 0 must be a pair"),
    "text for items": (lambda: report_html("t", [("heading","text")]), "section 0 must be a pair"),
})
def test_pages(call, words): refuses(call, words)

def full_disk(*_): raise OSError(28, "No space left on device")

def test_a_report_stays_whole(tmp_path:Path, monkeypatch):
    file = report(tmp_path/"run.html", "first", [])
    before = file.read_bytes()
    refuses(lambda: report(file, "second", [("a",[3])]), ["got int"])
    refuses(lambda: report(file/"below"/"run.html", "third", []), ["could not write"], OSError)
    monkeypatch.setattr("os.replace", full_disk)
    refuses(lambda: report(file, "fourth", []), ["No space left"], OSError)
    assert file.read_bytes()==before
    assert [f.name for f in tmp_path.iterdir()]==["run.html"]  # nothing is left over
