"""A run knows its images: what was changed since it began is refused by every command that reads a run, and
what was added is left out."""
import csv
import os
import shutil

import pandas as pd
import pytest
import torch
from PIL import Image

from hiernb.cli import main as cli
from hiernb.train.checkpoint import best_checkpoint,checkpoints,read_checkpoint,save_checkpoint
from hiernb.data.base import Data,ImageSet,load
from hiernb.loss.classification import ProxyDR
from hiernb.train.manifest import Manifest,as_begun,read_manifest
from hiernb.model.backbones import build
from hiernb.train.loop import train
from hiernb.tree.taxonomy import Taxonomy

RECIPE = """
[data]
name = "{images}"
model = "none"
size = 28
val = 0.34
test = 0.34
[model]
name = "small_cnn"
dim = 8
head = "poincare"
[loss]
name = "ProxyAnchor"
[regularizer]
n_proxies = 16
topk = 4
[training]
epochs = 2
batch_size = 6
images_per_class = 2
lr = 1e-2
tensorboard = false
[evaluation]
n_permutations = 59
n_resamples = 99
"""
kinds = [("warm" if k<3 else "cool",f"kind{k}") for k in range(6)]

def paint(path, color):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12,9), tuple(color)).save(path)

def rows_of(table):
    with open(table, newline="") as file: return list(csv.DictReader(file))

def write_rows(table, rows):
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

def paint_all(home):
    "Six kinds of squares in two families, in folders and in a table."
    generator,rows = torch.Generator().manual_seed(0),[]
    for k,(family,kind) in enumerate(kinds):
        for i in range(6):
            color = torch.tensor([200,80,40] if family=="warm" else [40,80,200])+torch.tensor([0,20*(k%3),i])
            noise = torch.randint(8, (3,), generator=generator)
            path = home/"folder"/family/kind/f"{i}.png"
            paint(path, (color+noise).tolist())
            rows.append({"path":path.relative_to(home), "class":kind, "taxonomy":family})
    write_rows(home/"table.csv", rows)

@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    "Images and a finished run of them."
    home = tmp_path_factory.mktemp("data")
    paint_all(home)
    (home/"recipe.toml").write_text(RECIPE.format(images=home/"folder"))
    assert cli.main(["train","--recipe",str(home/"recipe.toml"),"--folder",str(home/"run"),"--accelerator",
        "cpu"])==0
    return home

@pytest.fixture
def moved(trained, tmp_path):
    "The same elsewhere: whoever moves images says so in recipe.toml, and the run does not mind."
    home = tmp_path/"elsewhere"
    shutil.copytree(trained, home)
    for path in (home/"recipe.toml",home/"run/recipe.toml"):
        path.write_text(path.read_text().replace(str(trained), str(home)))
    return home

def resume(home):
    "Go on after the first of two epochs."
    for path in (home/"run/test.csv",home/"run/report.html",checkpoints(home/"run")[-1]): path.unlink()
    return ["train","--recipe",str(home/"recipe.toml"),"--folder",str(home/"run")]

commands = dict(resume=resume,
    evaluate=lambda home: ["evaluate",str(home/"run"),"--write",str(home/"written.csv")],
                audit=lambda home: ["audit",str(home/"run"),"--permutations","59"],
                inspect=lambda home: ["inspect",str(home/"run"),"--permutations","59","--folder",
                str(home/"examined")])

def call(home, name):
    "Exit code of a command that reads the run."
    return cli.main([*commands[name](home),"--accelerator","cpu"])

def removed(home): (home/"folder/warm/kind0/3.png").unlink()
def changed(home): paint(home/"folder/warm/kind0/3.png", (1,2,3))
def changed_under_its_times(home):
    path = home/"folder/warm/kind0/3.png"
    about = path.stat()
    changed(home)
    os.utime(path, ns=(about.st_atime_ns,about.st_mtime_ns))
def swapped(home):
    one,other,aside = (home/"folder"/name for name in ("warm/kind0/3.png","cool/kind5/1.png","aside"))
    for a,b in ((one,aside),(other,one),(aside,other)): a.rename(b)
def relabeled(home): (home/"folder/warm/kind0/3.png").rename(home/"folder/cool/kind5/9.png")
def class_renamed(home): (home/"folder/warm/kind0").rename(home/"folder/warm/zero")
def class_moved(home): (home/"folder/warm/kind0").rename(home/"folder/cool/kind0")

differences = [
    (removed, "1 missing (warm/kind0/3.png)"),
    (changed, "1 changed (warm/kind0/3.png)"),
    (changed_under_its_times, "1 changed (warm/kind0/3.png)"),
    (swapped, "2 swapped (cool/kind5/1.png holds what was warm/kind0/3.png; warm/kind0/3.png holds what was "
    "cool/kind5/1.png)"),
    (relabeled, "1 relabeled (warm/kind0/3.png was warm > kind0 and is cool > kind5)"),
    (class_renamed, "1 class renamed or moved (warm > kind0 is now warm > zero)"),
    (class_moved, "1 class renamed or moved (warm > kind0 is now cool > kind0)"),
]

@pytest.mark.parametrize("name", commands)
@pytest.mark.parametrize(("change","says"), differences, ids=lambda x: getattr(x, "__name__", ""))
def test_every_command_refuses_other_images_and_lists_them(moved, capsys, change, says, name):
    change(moved)
    assert call(moved, name)==1
    said = capsys.readouterr().err
    assert says in said
    assert "Put them back as they were" in said
    assert "--no-resume" in said
    assert not (moved/"examined").exists()
    assert not (moved/"written.csv").exists()
    assert len(checkpoints(moved/"run"))==2-(name=="resume")

def added(home):
    for i in range(3): paint(home/"folder/warm/kind0"/f"new{i}.png", (9,9,i))
    paint(home/"folder/warm/new kind/0.png", (8,8,8))
def touched(home):
    for path in (home/"folder").rglob("*.png"): path.touch()

@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize(("change","name"), [*((added,name) for name in commands),(touched,"evaluate")])
def test_what_is_new_or_only_younger_changes_no_number(trained, moved, capsys, change, name):
    change(moved)
    assert call(moved, name)==0
    left_out = (
        "no part of this run are left out: 4 new (warm/kind0/new0.png; warm/kind0/new1.png; "
        "warm/kind0/new2.png and 1 more)")
    assert (left_out in capsys.readouterr().err)==(change is added)
    if name=="resume":
        one,other = (read_checkpoint(checkpoints(home/"run")[-1])["model"] for home in (trained,moved))
        assert all(torch.equal(value, other[key]) for key,value in one.items())
    if name in ("evaluate","resume"):
        written = moved/("written.csv" if name=="evaluate" else "run/test.csv")
        pd.testing.assert_frame_equal(pd.read_csv(written), pd.read_csv(trained/"run/test.csv"), rtol=1e-12)

def row_relabeled(rows): rows[3]["class"] = "kind1"
def rows_renamed(rows):
    for row in rows[:6]: row["class"] = "zero"
def rows_moved(rows):
    for row in rows[:6]: row["taxonomy"] = "cool"
def row_removed(rows): del rows[3]
def split_edited(rows): rows[0]["split"],rows[4]["split"] = "test","train"

@pytest.mark.parametrize(("change","says"), [
    (row_removed, "1 missing (folder/warm/kind0/3.png)"),
    (row_relabeled, "1 relabeled (folder/warm/kind0/3.png was warm > kind0 and is warm > kind1)"),
    (rows_renamed, "1 class renamed or moved (warm > kind0 is now warm > zero)"),
    (rows_moved, "1 class renamed or moved (warm > kind0 is now cool > kind0)"),
    (split_edited, "2 in another split (folder/warm/kind0/0.png was in train and is in test"),
])
def test_a_table_is_held_against_what_the_run_began_with(tmp_path, change, says):
    paint_all(tmp_path)
    rows = [row|dict(split=("train","train","val","val","test","test")[i%6])
        for i,row in enumerate(rows_of(tmp_path/"table.csv"))]
    write_rows(tmp_path/"table.csv", rows)
    there = Manifest.of(load(tmp_path/"table.csv"))
    change(rows)
    write_rows(tmp_path/"table.csv", rows)
    with pytest.raises(ValueError, match="not those that the run began with") as caught:
        as_begun(load(tmp_path/"table.csv"), there)
    assert says in str(caught.value)

@pytest.mark.parametrize("split", ["images","classes"])
def test_a_new_class_joins_neither_the_labels_nor_the_splits_of_a_run(tmp_path, split):
    paint_all(tmp_path)
    before = load(tmp_path/"folder", split=split, val=.25)
    for i in range(4): paint(tmp_path/"folder/cool/a kind"/f"{i}.png", (i,i,i))
    with pytest.warns(UserWarning, match="4 new"):
        again = as_begun(load(tmp_path/"folder", split=split, val=.25), Manifest.of(before))
    assert (again.class_names,again.taxonomy,again.protocol)==(before.class_names,before.taxonomy,
        before.protocol)
    for name,part in before.splits.items():
        assert again.splits[name].paths==part.paths
        assert torch.equal(again.splits[name].labels, part.labels)
        assert repr(again.splits[name].transform)==repr(part.transform)

@pytest.mark.parametrize("name", commands)
def test_a_run_that_has_not_written_its_images_down_says_what_can_be_done(moved, capsys, name):
    (moved/"run/split.json").unlink()
    assert call(moved, name)==1
    said = capsys.readouterr().err
    assert "an older version that did not write it began the run" in said
    assert "--no-resume" in said

@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"kind": "hiernb split, version 2"}', "cut", "columns"])
def test_a_damaged_split_json_is_named(moved, text):
    path = moved/"run/split.json"
    whole = path.read_text()
    made = dict(cut=whole[:-9], columns=whole.replace('"labels":[0,', '"labels":[', 1))
    path.write_text(made.get(text, text))
    with pytest.raises(ValueError, match="split.json is damaged"): read_manifest(path.parent)

def other_seed(state): return state|dict(settings=state["settings"]|dict(seed=7))
def other_images(state):
    return state|dict(settings=state["settings"]|{"images of train":"12 images, 01234567"})
def other_loss(state):
    return state|dict(settings={k:v for k,v in state["settings"].items() if k!="loss weight"})

@pytest.mark.parametrize("name", commands)
@pytest.mark.parametrize(("change","says"),
    [(other_seed,"seed is 7"), (other_images,"images of train is '12 images, 01234567'"),
                                             (other_loss,"loss weight is 'absent'")])
def test_best_weights_of_another_run_are_refused(moved, capsys, change, says, name):
    for path in (best_checkpoint(moved/"run"),*checkpoints(moved/"run")):
        save_checkpoint(path, change(read_checkpoint(path)))
    assert call(moved, name)==1
    said = capsys.readouterr().err
    assert says in said
    assert "--no-resume" in said

def test_progress_in_the_place_of_the_best_weights_is_refused(moved, capsys):
    newest = checkpoints(moved/"run")[-1]
    shutil.copy(newest, best_checkpoint(moved/"run"))
    assert cli.main(["evaluate",str(moved/"run")])==1
    assert (
        "best.safetensors holds the progress of epoch 2, not the weights of the best epoch" in capsys.readouterr().err)
    assert cli.main(["evaluate",str(newest)])==0

def images_in_memory(**changes):
    "Arguments of `train` for images in memory, some of them changed."
    n = 24
    made = dict(pixels=torch.randint(256, (n,1,28,28), generator=torch.Generator().manual_seed(0),
        dtype=torch.uint8),
                labels=torch.arange(n)%3, paths=[("a","x"),("a","y"),("b","z")])
    made |= {key:change(made[key]) for key,change in changes.items()}
    tree = Taxonomy.from_paths(made["paths"])
    items = ImageSet(made["pixels"], made["labels"], .5, .3)
    data = Data("toy", dict(train=items,val=items), tree, tree.names)
    model = build("small_cnn", 4, 1, generator=torch.Generator().manual_seed(0))
    return model,ProxyDR(3, 4),data

def one_more(pixels):
    pixels[5,0,3,3] ^= 1
    return pixels

@pytest.mark.parametrize(("changes","says"), [
    (dict(pixels=one_more), "changed (images of split train"),
    (dict(pixels=lambda x: x.flip(0)), "changed (images of split train"),
    (dict(labels=lambda y: y.flip(0)), "relabeled (16 of 24 images of split train"),
    (dict(paths=lambda paths: [("a","x"),("b","y"),("b","z")]),
    "class renamed or moved (a > y is now b > y)"),
    (dict(pixels=lambda x: x[:21], labels=lambda y: y[:21]), "split train, which had 24 images and has 21"),
])
def test_images_in_memory_are_known_by_their_pixels(tmp_path, changes, says):
    how = dict(folder=tmp_path, epochs=1, batch_size=8, progress=False, accelerator="cpu", tensorboard=False)
    train(*images_in_memory(), **how)
    with pytest.raises(ValueError, match="other settings or images") as caught:
        train(*images_in_memory(**changes), **how)
    assert says in str(caught.value)

def test_a_run_of_fifty_thousand_images_is_looked_at_without_reading_them(monkeypatch):
    from hiernb.train import manifest
    monkeypatch.setattr(manifest, "sha256_of", lambda path: pytest.fail("read"))
    monkeypatch.setattr(manifest, "stamp_of", lambda path: [1,2,3])
    assert manifest.hash_files(["a.png"]*50_000, [([1,2,3],"sum")]*50_000)[1]==["sum"]*50_000
