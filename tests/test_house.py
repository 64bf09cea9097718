"The rules of the house hold here, and each of them can fail."
import json
import subprocess
from pathlib import Path

import house
import pytest

root = Path(__file__).parent.parent


@pytest.mark.parametrize("rule", house.rules, ids=lambda r: r.__name__)
def test_rule_holds(rule): assert rule(root)==[]


def repository(folder, rooms, outputs=(), opening="# Title\n> Promise"):
    "A made-up repository; a room is given as a list of its code cells, and its module is exported."
    first = dict(cell_type="markdown", source=[opening])
    subprocess.run(["git", "init", "-q", folder], check=True)
    for name in ("nbs", "hiernb/geometry", "hiernb/tree", "hiernb/loss", "hiernb/metric", "hiernb/study"):
        (folder/name).mkdir(parents=True)
    for name,cells in rooms.items():
        code = [dict(cell_type="code", source=[source], outputs=list(outputs)) for source in cells]
        path = folder/"nbs"/f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(dict(cells=[first,*code])))
        for module in (source.split()[-1] for source in cells if "default_exp" in source):
            (folder/"hiernb"/(module.replace(".","/")+".py")).write_text("")
    (folder/"settings.ini").write_text("[DEFAULT]\nrequirements = numpy>=2 torch\n")
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    return folder


a,b = "20_tree/01_a","20_tree/02_b"
poincare,loss,metric = "10_geometry/01_poincare","30_loss/01_a","40_metric/01_b"
tree_b = ["#| default_exp tree.b"]
good = {
    poincare: ["#| default_exp geometry.poincare", "#| export\ndef h(): return 1"],
    "20_tree/03_infer": ["#| default_exp tree.infer", "#| export\nfrom hiernb.geometry.poincare import h"],
    a: ["#| default_exp tree.a", "#| export\nfrom pathlib import Path\nimport torch",
    "#| export\ndef f(): return 1", "assert f()==1"],
    "30_loss/01_b": [
        "#| default_exp loss.b", "#| export\nfrom hiernb import __version__\nfrom hiernb.tree.a import f",
        "#| export\ndef g():\n    import faiss\n    return f()"],
    "90_study/01_c": ["import hiernb.loss.b", "%time 1"],
    "index": ["1+1"]}
not_below = "imports tree.b, whose room is not below it"


@pytest.mark.parametrize("rule", house.rules, ids=lambda r: r.__name__)
def test_good_rooms_pass(rule, tmp_path): assert rule(repository(tmp_path, good))==[]


@pytest.mark.parametrize("rule, says, rooms", [
    (house.one_room_per_module, "its name says ['tree.a']", {a: ["#| default_exp tree.b"]}),
    (house.one_room_per_module, "its name says ['tree.a']", {a: ["1"]}),
    (house.one_room_per_module, "its name says []", {"90_study/01_a": ["#| default_exp study.a"]}),
    (house.one_room_per_module, "exports without a module", {"90_study/01_a": ["#| export\nx=1"]}),
    (house.one_room_per_module, "made by ['20_tree/01_a', '20_tree/02_a']",
     {a: ["#| default_exp tree.a"], "20_tree/02_a": ["#| default_exp tree.a"]}),
    (house.one_room_per_module, "expected nbs/NN_package/NN_module.ipynb", {"20_tree.a": ["1"]}),
    (house.own_numbers, "its number 20 is also that of 20_loss", {"20_loss/01_a": ["1"], a: ["1"]}),
    (house.own_numbers, "its number 20_tree/01 is also that of 20_tree/01_a",
    {a: ["1"], "20_tree/01_b": ["1"]}),
    (house.downward_imports, "star import", {a: ["#| export\nfrom math import *"]}),
    (house.downward_imports, "relative import", {a: ["#| export\nfrom .b import f"]}),
    (house.downward_imports, "no room makes", {a: ["#| export\nfrom hiernb.tree.gone import f"]}),
    (house.downward_imports, not_below, {a: ["#| export\nfrom hiernb.tree.b import f"], b: tree_b}),
    (house.downward_imports, not_below, {a: ["#| export\nfrom hiernb.tree import b"], b: tree_b}),
    (house.downward_imports, not_below, {a: ["#| export\ndef f():\n    import hiernb.tree.b"], b: tree_b}),
    (house.downward_imports, not_below,
    {"10_loss/01_a": ["#| export\nfrom hiernb.tree import name_of_b"], b: tree_b}),
    (house.downward_imports, "imports loss.a, whose room is not below it",
     {a: ["#| export\nfrom hiernb.loss.a import f"], loss: ["#| default_exp loss.a"]}),
    (house.downward_imports, "strangers",
     {loss: ["#| default_exp loss.a"],
     metric: ["#| default_exp metric.b", "#| export\nfrom hiernb.loss.a import f"]}),
    (house.downward_imports, "strangers",
     {poincare: ["#| default_exp geometry.poincare"],
     b: [*tree_b, "#| export\nfrom hiernb.geometry.poincare import f"]}),
    (house.declared_imports, "imports pytest, which",
    {a: ["#| export\nimport numpy as np\nfrom pytest import raises"]}),
    (house.imports_stand_alone, "import mixed", {a: ["import math\nx=1"]}),
    (house.imports_stand_alone, "import mixed", {a: ["#| export\nimport math\ndef f(): return 1"]}),
    (house.imports_stand_alone, "import mixed", {a: ["def f():\n    import math"]}),
    (house.every_cell_counts, "eval: false", {a: ["#| eval: false\n1/0"]}),
    (house.every_cell_counts, "66 lines", {a: ["#| export"+"\nx=1"*65]}),
    (house.small_notebooks, "401 kB, at most 400", {a: ["#"*400_900]}),
    (house.only_the_project, "nbs/20_tree/01_a.ipynb:1", {a: ["x='/"+"home/someone/x'"]}),
    (house.only_the_project, "nbs/20_tree/01_a.ipynb:1", {a: ["pip install --extra-"+"index-url x"]}),
])
def test_rule_can_fail(rule, says, rooms, tmp_path):
    found = rule(repository(tmp_path, rooms))
    assert len(found)==1
    assert says in found[0]


def test_module_without_notebook(tmp_path):
    repository(tmp_path, good)
    (tmp_path/"hiernb/loss/extra.py").write_text("")
    (tmp_path/"hiernb/tree/a.py").unlink()
    assert house.one_room_per_module(tmp_path)==["hiernb.loss.extra: a module without a notebook",
        "hiernb.tree.a: not exported"]


def test_stored_error(tmp_path):
    error = dict(output_type="error", ename="ValueError", evalue="", traceback=[])
    assert "a stored error" in house.every_cell_counts(repository(tmp_path, {a: ["f()"]}, outputs=[error]))[0]


@pytest.mark.parametrize("opening",
    ["Title", "# Title", "# # Title\n# > Promise", "# Title\n> Promise\n\nMore."])
def test_opening(opening, tmp_path):
    assert "the first cell" in house.title_and_promise(repository(tmp_path, {a: ["1"]}, opening=opening))[0]
