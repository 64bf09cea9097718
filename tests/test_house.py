"The rules of the house hold here, and each of them can fail."
import json
import subprocess
from pathlib import Path

import house
import pytest

root = Path(__file__).parent.parent


@pytest.mark.parametrize("rule", house.rules, ids=lambda r: r.__name__)
def test_rule_holds(rule): assert rule(root)==[]


def repository(folder, outputs=(), opening="# Title\n> Promise", **rooms):
    "A made-up repository; a room is given as a list of its code cells, and its module is exported."
    first = dict(cell_type="markdown", source=[opening])
    subprocess.run(["git", "init", "-q", folder], check=True)
    for name in ("nbs", "hiernb/geometry", "hiernb/tree", "hiernb/loss", "hiernb/metric", "hiernb/study"): (folder/name).mkdir(parents=True)
    for name,cells in rooms.items():
        name = name.replace("__", ".")[1:]
        nb = [dict(cell_type="code", source=[s], outputs=list(outputs)) for s in cells]
        (folder/"nbs"/f"{name}.ipynb").write_text(json.dumps(dict(cells=[first,*nb])))
        for module in (s.split()[-1] for s in cells if "default_exp" in s):
            (folder/"hiernb"/(module.replace(".","/")+".py")).write_text("")
    (folder/"settings.ini").write_text("[DEFAULT]\nrequirements = numpy>=2 torch\n")
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    return folder


good = dict(
    _10_geometry__poincare=["#| default_exp geometry.poincare", "#| export\ndef h(): return 1"],
    _21_tree__infer=["#| default_exp tree.infer", "#| export\nfrom hiernb.geometry.poincare import h"],
    _20_tree__a=["#| default_exp tree.a", "#| export\nfrom pathlib import Path\nimport torch", "#| export\ndef f(): return 1", "assert f()==1"],
    _30_loss__b=["#| default_exp loss.b",
                 "#| export\nfrom hiernb import __version__\nfrom hiernb.tree.a import f", "#| export\ndef g():\n    import faiss\n    return f()"],
    _90_study__c=["import hiernb.loss.b", "%time 1"], _index=["1+1"])


@pytest.mark.parametrize("rule", house.rules, ids=lambda r: r.__name__)
def test_good_rooms_pass(rule, tmp_path): assert rule(repository(tmp_path, **good))==[]


@pytest.mark.parametrize("rule, says, rooms", [
    (house.one_room_per_module, "its name says ['tree.a']", dict(_20_tree__a=["#| default_exp tree.b"])),
    (house.one_room_per_module, "its name says ['tree.a']", dict(_20_tree__a=["1"])),
    (house.one_room_per_module, "its name says []", dict(_90_study__a=["#| default_exp study.a"])),
    (house.one_room_per_module, "exports without a module", dict(_90_study__a=["#| export\nx=1"])),
    (house.one_room_per_module, "made by ['20_tree.a', '21_tree.a']", dict(_20_tree__a=["#| default_exp tree.a"], _21_tree__a=["#| default_exp tree.a"])),
    (house.downward_imports, "star import", dict(_20_tree__a=["#| export\nfrom math import *"])),
    (house.downward_imports, "relative import", dict(_20_tree__a=["#| export\nfrom .b import f"])),
    (house.downward_imports, "no room makes", dict(_20_tree__a=["#| export\nfrom hiernb.tree.gone import f"])),
    (house.downward_imports, "imports tree.b, whose room is not below it",
     dict(_20_tree__a=["#| export\nfrom hiernb.tree.b import f"], _21_tree__b=["#| default_exp tree.b"])),
    (house.downward_imports, "imports tree.b, whose room is not below it",
     dict(_20_tree__a=["#| export\nfrom hiernb.tree import b"], _21_tree__b=["#| default_exp tree.b"])),
    (house.downward_imports, "imports tree.b, whose room is not below it",
     dict(_20_tree__a=["#| export\ndef f():\n    import hiernb.tree.b"], _21_tree__b=["#| default_exp tree.b"])),
    (house.downward_imports, "imports tree.b, whose room is not below it",
     dict(_20_loss__a=["#| export\nfrom hiernb.tree import name_of_b"], _21_tree__b=["#| default_exp tree.b"])),
    (house.downward_imports, "strangers", dict(_30_loss__a=["#| default_exp loss.a"],
     _40_metric__b=["#| default_exp metric.b", "#| export\nfrom hiernb.loss.a import f"])),
    (house.downward_imports, "strangers", dict(_10_geometry__poincare=["#| default_exp geometry.poincare"],
     _20_tree__b=["#| default_exp tree.b", "#| export\nfrom hiernb.geometry.poincare import f"])),
    (house.declared_imports, "imports pytest, which", dict(_20_tree__a=["#| export\nimport numpy as np\nfrom pytest import raises"])),
    (house.imports_stand_alone, "import mixed", dict(_20_tree__a=["import math\nx=1"])),
    (house.imports_stand_alone, "import mixed", dict(_20_tree__a=["#| export\nimport math\ndef f(): return 1"])),
    (house.imports_stand_alone, "import mixed", dict(_20_tree__a=["def f():\n    import math"])),
    (house.every_cell_counts, "eval: false", dict(_20_tree__a=["#| eval: false\n1/0"])),
    (house.every_cell_counts, "46 lines", dict(_20_tree__a=["#| export"+"\nx=1"*45])),
    (house.small_notebooks, "401 kB, at most 400", dict(_20_tree__a=["#"*400_900])),
    (house.only_the_project, "nbs/20_tree.a.ipynb:1", dict(_20_tree__a=["x='/"+"home/someone/x'"])),
    (house.only_the_project, "nbs/20_tree.a.ipynb:1", dict(_20_tree__a=["pip install --extra-"+"index-url x"])),
])
def test_rule_can_fail(rule, says, rooms, tmp_path):
    found = rule(repository(tmp_path, **rooms))
    assert len(found)==1 and says in found[0]


def test_module_without_notebook(tmp_path):
    repository(tmp_path, **good)
    (tmp_path/"hiernb/loss/extra.py").write_text("")
    (tmp_path/"hiernb/tree/a.py").unlink()
    assert house.one_room_per_module(tmp_path)==["hiernb.loss.extra: a module without a notebook", "hiernb.tree.a: not exported"]


def test_stored_error(tmp_path):
    error = dict(output_type="error", ename="ValueError", evalue="", traceback=[])
    assert "a stored error" in house.every_cell_counts(repository(tmp_path, outputs=[error], _20_tree__a=["f()"]))[0]


@pytest.mark.parametrize("opening", ["Title", "# Title", "# # Title\n# > Promise", "# Title\n> Promise\n\nMore."])
def test_opening(opening, tmp_path):
    assert "the first cell" in house.title_and_promise(repository(tmp_path, opening=opening, _20_tree__a=["1"]))[0]
