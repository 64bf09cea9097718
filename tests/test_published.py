"docs/published.toml and the recipes agree, and whoever changes one of them is told about the other."
import re
import sys
from functools import partial
from pathlib import Path

import pytest
from hiernb.run.recipe import read_recipe, recipe_names

sys.path.insert(0, str(Path(__file__).parent.parent/"docs"))
import published  # noqa: E402


@pytest.fixture(scope="module")
def found(): return list(published.rows())


def test_every_difference_is_explained(found):
    assert published.problems(found)==[]
    assert {row.verdict.split(" because")[0].split(":")[0] for row in found}=={"same","same as one of them",
        "differs","no setting"}


def test_every_script_of_both_papers_is_there(found):
    scripts = {name:set(paper["scripts"]) for name,paper in published.papers().items()}
    networks,sets = ("Resnet50","Deit","DINO","ViT"),("CUB","Cars","SOP","Inshop")
    assert scripts["hier"]=={f"scripts/{n}/hier_{s}.sh" for n in networks for s in sets}|{"README.md, Hyp"}
    assert scripts["inspecting"]=={f"train_{s}_whole_models.sh" for s in ("MicroS","MicroL","MesoZ",
        "CIFAR100","NABirds")}
    mine = {row.recipe for row in found}
    assert mine<=set(recipe_names())
    assert len(mine)==16+1+5*14
    for name in ("micros","microl","mesoz","cifar100","nabirds"):    # no script trains the untrained row
        assert set(recipe_names(f"inspecting/{name}-*"))-mine=={f"inspecting/{name}-random"}


def test_the_parsers_are_listed_whole():
    "The numbers of arguments that the published programs declare."
    hier,inspecting = published.papers().values()
    assert len(hier["defaults"])==47
    given = inspecting["every"] | inspecting["defaults"]
    for program in ("train.py","train_cifar100.py","train_nabirds.py"):
        names = set(given) | {"method"} | set(inspecting["program_defaults"][program]) | ({"dataset"}
            if program=="train.py" else set())
        assert len(names)==18, program


@pytest.mark.parametrize("recipe, changed, says", [
    ("hier/cub-resnet50-pa-hier", "training.lr=2e-4",
    "training.lr is 0.0002, and lr of scripts/Resnet50/hier_CUB.sh"),
    ("hier/cub-resnet50-pa-hier", "training.eps=1e-8", "training.eps is 1e-08, and eps of"),
    ("hier/cub-resnet50-pa-hier", "training.clip_value=1.0",
    "training.clip_value is 1.0, and largest gradient entry of"),
    ("hier/sop-vit-s-128-pa-hier", "regularizer.topk=30",
    "regularizer.topk is 30, and topk of scripts/ViT/hier_SOP.sh"),
    ("hier/sop-vit-s-128-pa-hier", 'training.lr_factors."model.head"=1',
    "training.lr_factors: model.head is 1, and fc_lr_scale of"),
    ("hier/cars-deit-s-128-pa-hier", "data.val=0.1",
    "data.val is 0.1, and training classes held out of scripts/Deit/hier_Cars.sh"),
    ("inspecting/micros-softmax", "loss.start=torch",
    "loss.start is 'torch', and start of the softmax of train_MicroS_whole_models.sh"),
    ("inspecting/mesoz-proxydr-ema", "training.epochs=100",
    "training.epochs is 100, and epochs, plankton of"),
    ("inspecting/nabirds-corr", "data.augment=false",
    "data.augment is False, and aug of train_NABirds_whole_models.sh corr")])
def test_a_changed_recipe_is_noticed(recipe, changed, says, monkeypatch):
    assert [row for row in published.rows(recipe) if not row.verdict]==[]
    monkeypatch.setattr(published, "read_recipe", lambda name: read_recipe(name, [changed]))
    lost = published.problems(list(published.rows(recipe)))
    assert any(f"{recipe}: {says}" in line for line in lost)


def test_an_explanation_that_nothing_needs_is_noticed(found, monkeypatch):
    told = [row._replace(verdict="same") if row.flag=="clip_grad" else row for row in found]
    assert published.problems(told)==["published.toml: [hier.differs] 'clip_grad' no longer differs as it "
        "says"]


def test_an_argument_without_an_explanation_is_an_error(monkeypatch):
    papers = published.papers()
    del papers["hier"]["flags"]["topk"]
    monkeypatch.setattr(published, "papers", lambda: papers)
    with pytest.raises(ValueError, match=re.escape("[hier.flags] does not say what 'topk' means")):
        list(published.rows("hier/cub-*"))


def test_the_page_has_a_line_for_each_argument(found):
    lines = [line for line in published.page().splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines}=={9}
    flags = {line.split("|")[1].strip() for line in lines}
    assert {row.flag for row in found}<=flags


row = partial(published.Row, "hier", flag="lr", given_by="script", published=1., recipe="", key="", ours=1.,
    verdict="same")


@pytest.mark.parametrize("some, words", [
    (["scripts/A/hier_X.sh","scripts/A/hier_Y.sh"], "A"),
    (["scripts/A/hier_X.sh","scripts/B/hier_X.sh"], "A, B; X"),
    (["scripts/A/hier_X.sh","scripts/B/hier_Y.sh"], "A-X, B-Y"),
    (["README.md, C"], "README.md, C"),
    (["scripts/A/hier_X.sh","scripts/A/hier_Y.sh","scripts/B/hier_X.sh","scripts/B/hier_Y.sh","README.md, C"],
    "all")])
def test_runs_in_few_words(some, words):
    every = ["scripts/A/hier_X.sh","scripts/A/hier_Y.sh","scripts/B/hier_X.sh","scripts/B/hier_Y.sh",
        "README.md, C"]
    of = lambda names: [row(script=name, command="") for name in names]
    assert published.runs_told(of(some), of(every))==words
