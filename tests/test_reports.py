"""Reports as a reader meets them: every abbreviation is explained, names in any script are drawn, and titles
say what was done."""
import csv
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from hiernb.data.base import Data,ImageSet
from hiernb.metric.inspect import sampling_rows
from hiernb.run.examine import examine,headline
from hiernb.run.schema import Evaluation
from hiernb.loss.classification import ProxyDR
from hiernb.loss.hier import HIER
from hiernb.loss.metric import ProxyAnchor
from hiernb.loss.regularized import Regularized
from hiernb.data.cifar100 import Augmented
from hiernb.data.images import inspecting_transforms
from hiernb.metric.points import Points,retrieval_rows
from hiernb.run.evaluation import measure,points_of
from hiernb.model.backbones import build
from hiernb.run.recipe import read_recipe
from hiernb.plot.elements import shorten
from hiernb.plot.figures import dendrogram
from hiernb.report.html import figure_svg,report,text_html
from hiernb.run.experiment import shortened,title_of
from hiernb.tree.infer import upgma
from hiernb.tree.taxonomy import Taxonomy
from hiernb.report.glossary import between,explain,column_words,point_words,readable,verdict_lines,words

taxonomy = Taxonomy.from_paths([("ab"[k//4],"cdef"[k//2],f"class {k}") for k in range(8)])
# by themselves, or by the text above the table
explained = {"of","measure","value","low","high","chance_low","chance_high","control","points","nodes"}


@pytest.fixture(scope="module")
def tables():
    "Everything that a run can measure: of a classifier, of a metric loss with a hierarchical regularizer."
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(64)%8
    sets = {name:ImageSet(torch.randint(0, 60, (64,1,28,28), generator=g).byte(), labels, .2,
        .2) for name in ("train","val","test")}
    data,settings = (
        Data("noise", sets, taxonomy, taxonomy.names),Evaluation(n_permutations=59, n_resamples=19))
    found = []
    for loss,head in ((ProxyDR(8, 8, taxonomy=taxonomy),{}),
        (Regularized(ProxyAnchor(8, 8), HIER(16, 8, topk=4)),dict(head="poincare"))):
        model = build("small_cnn", 8, 1, **head)
        found.append(measure(points_of(model, loss, data), model, loss, data, settings).table)
    return pd.concat(found, ignore_index=True)


def test_every_abbreviation_and_column_is_explained(tables):
    shown = readable(tables.drop(columns="control"))
    glossary, = explain(shown)
    unexplained = {column for column in shown if column not in explained and f"**{column}**" not in glossary}
    for name in shown.measure.unique():
        name = name.split(", against ")[0]
        for abbreviation in re.findall(r"[A-Z][A-Z-]*[A-Z](?:@[A-Z])?|[A-Za-z]+@|[ρδ]", name):
            unexplained |= {abbreviation} if abbreviation not in glossary else set()
        family = [word for word in words if word in name]
        unexplained |= (
            set() if family
            or name.startswith(("shared","entropy","coarser","radius","points at","10 nearest")) else {name})
    unexplained |= set(shown["of"])-set(point_words)-{"retrieval","embeddings","audit"}
    assert not unexplained


@pytest.mark.parametrize("column", column_words)
def test_a_column_without_values_is_not_explained(column):
    table = pd.DataFrame(dict(measure=["?"])).assign(**{column:np.nan})
    assert explain(table)==[]
    assert f"**{column}**" in explain(table.assign(**{column:1.}))[0]


@pytest.mark.parametrize("name", ["猫 🐟", "मछली", "a"*90])
def test_a_name_in_any_script_is_drawn_without_a_warning(tmp_path, name):
    names = [name,"plain","$x_1^","b"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure,ax = plt.subplots()
        ax.set_title(name)
        drawn = figure_svg(figure)
        plt.close(figure)
    assert name in drawn.decode() or name.isascii()
    labels = torch.arange(4).repeat_interleave(6)
    x = torch.eye(4, 6)[labels]+.3*torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
    tree = Taxonomy.from_paths([(f"group {name}",n) if k<2 else ("other",n) for k,n in enumerate(names)],
        names)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph|constrained_layout")
        done = examine(x, labels, tree, folder=tmp_path, n_permutations=9, progress=False,
            source=f"{name}.npz", command=f"hiernb inspect {name}.npz")
    page = done.files[0].read_text()
    assert f"<h1>What the embeddings of {name}.npz hold</h1>" in page
    assert f"hiernb inspect {name}.npz" in page
    assert f"The tree of the class means of {name}.npz" in page


@pytest.mark.parametrize("epochs, says", [(1,"quick run, 1 of 5 epochs"), (5,""), (9,"")])
def test_a_quick_run_says_so_in_its_title(epochs, says):
    whole = read_recipe("fashion_mnist/proxydr").sections["training"]["epochs"]
    recipe = read_recipe("fashion_mnist/proxydr",
        [f"training.epochs={epochs if epochs==1 else whole+epochs-5}"])
    says = says.replace("5", str(whole))
    assert shortened(recipe)==says
    assert title_of(recipe)==f"fashion_mnist/proxydr, seed 0{', '*bool(says)}{says}"


def test_a_verdict_has_a_line_for_each_part():
    assert verdict_lines("").splitlines()==[]
    assert len(verdict_lines("a: b, c; d (e); f").splitlines())==3
    assert between(pd.Series(dict(value=.5, chance=.1, ceiling=np.nan)))=="0.50 (chance 0.10)"


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\0b", "a\nb", "=1+1", "@x", "\u202eabc"])
def test_names_do_nothing_in_tables_and_pictures(tmp_path, name):
    "A picture stays XML, a table moves no cursor, and a spreadsheet calculates nothing."
    names = [name,"b","c","d"]
    embeddings = torch.randn(24, 8, generator=torch.Generator().manual_seed(0))
    examine(embeddings, names*6,
        Taxonomy.from_paths([("g",n) for n in names[:2]]+[("h",n) for n in names[2:]]), folder=tmp_path/"x",
        n_permutations=19)
    for path in (tmp_path/"x").glob("*.svg"): ElementTree.parse(path)
    cells = [cell for row in csv.reader((tmp_path/"x"/"classes.csv").open(newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=@") or re.search(r"[\x00-\x1f\u202e]", cell)]


def test_control_characters_in_names_are_escaped_in_pages(tmp_path):
    table = pd.DataFrame({"\x1b[31mred":["a\x00b", "c\nd"], "n":[1, 2]})
    page = report(tmp_path/"r.html", "t", [("s", ["**x\x07y**", table])]).read_text(encoding="utf-8")
    assert not any(sign in page for sign in "\x1b\x00\x07")
    assert all(text in page for text in (r"\x1b[31mred", r"a\x00b", r"c\nd", r"x\x07y"))


def test_one_class_that_can_be_found_is_measured_without_an_interval():
    "Three images of new classes, two of one: R-precision counts that class alone."
    g = torch.Generator().manual_seed(0)
    points = Points(torch.randn(3, 4, generator=g), torch.tensor([0, 0, 1]))
    rows = retrieval_rows(points, (1, 2), taxonomy).set_index("measure")
    assert rows.low.notna()["Recall@1"]
    assert rows.low.isna()["R-precision"]


def test_points_of_augmented_images_are_the_same_each_time():
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16,1,28,28), generator=g, dtype=torch.uint8)
    transform = inspecting_transforms(True, None, 1)[1]
    sets = {name:Augmented(images, torch.arange(16)%8, .2, .2, transform) for name in ("train","test")}
    model = build("small_cnn", 8, 1)
    data = Data("noise", sets, taxonomy, taxonomy.names)
    one,other = (points_of(model, ProxyDR(8, 8), data, "train").embeddings for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("text, html", [
    ("see *Inspecting*, 2024", "see <em>Inspecting</em>, 2024"), ("*two words*", "<em>two words</em>"),
    ("**a** and *b*", "<strong>a</strong> and <em>b</em>"), ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
    ("`a*b*c` and `**d**`", "<code>a*b*c</code> and <code>**d**</code>"),
    *((plain,plain) for plain in ("2*3*4", "a * b * c", "hier/*, own/*", "Recall@*", "*", "x*y* z"))])
def test_stars_and_backticks_are_marks_where_they_enclose_words(text, html):
    assert text_html(text)==f"<p>{html}</p>"


def test_names_of_files_and_classes_stay_in_their_line(tmp_path):
    "A title, a caption, a heading and a tick: a line end or a lone surrogate is seen and breaks nothing."
    odd = "a\tb\udcff\u202e"
    table = pd.DataFrame(dict(x=[1]))
    text = report(tmp_path/"r.html", odd, [(odd,[odd,(table,odd)])], {"name":odd}).read_text()
    assert text.count(r"a\tb\udcff\u202e")==8
    names = ["re\nd","b","c","\x07d"]
    svg = figure_svg(dendrogram(upgma(1-np.eye(4), names)).figure).decode()
    plt.close("all")
    assert shorten(names[0])==r"re\nd"
    assert "\N{REPLACEMENT CHARACTER}" not in svg


def test_figures_of_threads_keep_the_filters_of_warnings():
    "Filters are of the whole process: threads that drew at once would leave theirs behind."
    def drawn(_):
        figure = plt.Figure()
        figure.text(.5, .5, "木 a")        # a letter that the font has not
        return figure_svg(figure)
    before = list(warnings.filters),warnings.showwarning
    with ThreadPoolExecutor(4) as pool: found = set(pool.map(drawn, range(16)))
    assert (list(warnings.filters),warnings.showwarning)==before
    assert len(found)==1


def test_a_sampled_triplet_agreement_is_among_the_numbers_to_read_first():
    agreement = dict(of="prototypes", measure="triplet agreement", value=.8)
    measures = pd.DataFrame([agreement]+sampling_rows("prototypes", .8, 1400))
    retrieval = pd.DataFrame([dict(of="retrieval", measure="Recall@1", value=.9)])
    assert list(headline(dict(retrieval=retrieval, measures=measures)).measure)==["Recall@1", "triplet agreement"]
