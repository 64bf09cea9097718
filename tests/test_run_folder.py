"The folder of a run: whose it is, what is refused before anything is written, and what is deleted."
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import noise_images,recipe_text

from hiernb.train.checkpoint import save_progress
from hiernb.data.base import remove_partials,require_file_name,write_atomic
from hiernb.run.examine import examine
from hiernb.train import manifest
from hiernb.train.folder import alone_in,is_run,require_run_folder,sweep
from hiernb.run.grid import plan
from hiernb.train.logs import Logs,TensorBoard
from hiernb.train.loop import train
from hiernb.run.recipe import read_recipe
from hiernb.run.collect import collect,epochs_done
from hiernb.run.experiment import assemble,finished,run

@pytest.fixture(scope="module")
def home(tmp_path_factory): return noise_images(tmp_path_factory.mktemp("images"), "ab", 12)

@pytest.fixture
def recipe(tmp_path, home):
    def recipe_of(loss="ProxyDR", *settings):
        path = tmp_path/"mine.toml"
        path.write_text(recipe_text.format(home=home, loss=loss))
        return read_recipe(path, settings)
    return recipe_of

def content(folder):
    "Every file and folder with what it holds, the lock apart."
    found = {path:path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    return {str(path.relative_to(folder)):data for path,data in found.items() if path.name!=".lock"}

strange = {
    "results": {"test.csv":"id,label\n", "report.html":"<p>"},
    "a log": {"log.csv":"time,event\n"},
    "settings of an editor": {"settings.json":'{"tab":4}'},
    "a recipe of a cook": {"recipe.toml":'name = "soup"\nseed = 1\n'},
    "a broken recipe": {"recipe.toml":"name = "},
    "TensorBoard's": {"tensorboard/events.out.tfevents.1.host":"x"},
    "checkpoints": {"checkpoints/00001-0000000.safetensors":"x", "checkpoints/best.safetensors":"y"},
    "pictures": {"figures/training.svg":"<svg/>"},
    "anything": {"notes.md":"-"},
    "a folder that ends like a log": {"old.log/notes.md":"-"},
}

@pytest.mark.parametrize("resume", [True,False])
@pytest.mark.parametrize("files", strange.values(), ids=strange)
def test_a_folder_of_somebody_else_is_refused_and_stays_as_it_is(tmp_path, recipe, files, resume):
    folder = tmp_path/"kaggle"
    for name,text in files.items(): write_atomic(folder/name, text.encode())
    before = content(folder)
    with pytest.raises(ValueError, match=f"{folder}.*({next(iter(files)).split('/')[0]}|recipe.toml)"):
        run(recipe(), folder, resume, False, "cpu")
    assert content(folder)==before
    assert not (folder/".lock").exists()

@pytest.mark.parametrize("name",
    [".DS_Store",".ipynb_checkpoints/x.ipynb","train.log","slurm-7.out","slurm-7.err","mine.toml",".lock"])
def test_a_run_begins_beside_logs_recipes_and_hidden_files(tmp_path, name):
    write_atomic(tmp_path/name, b"x")
    with alone_in(tmp_path): assert not is_run(tmp_path)
    assert (tmp_path/name).read_bytes()==b"x"

def test_a_grid_refuses_a_stranger_s_folder_and_table_before_its_first_run(tmp_path):
    write_atomic(tmp_path/"fashion_mnist"/"corr"/"seed-1"/"test.csv", b"x")
    with pytest.raises(ValueError, match="seed-1 is not empty and holds no run"):
        plan(["fashion_mnist/corr"], [0,1], tmp_path)
    write_atomic(tmp_path/"table.csv", b"leg,top\n")
    with pytest.raises(ValueError, match="table.csv would be replaced"):
        plan(["fashion_mnist/corr"], [0], tmp_path)

refused = {"training.images_per_class=2":"4 classes", "data.test=0":"no split 'test'",
    "model.channels=1":"3 channels"}

@pytest.mark.parametrize(("setting","says"), refused.items())
def test_a_start_that_is_refused_leaves_the_folder_to_the_corrected_command(tmp_path, recipe, setting, says):
    wrong,folder = recipe("ProxyDR", setting),tmp_path/"run"
    with pytest.raises(ValueError, match=says): run(wrong, folder, progress=False, accelerator="cpu")
    assert content(folder)=={}
    assert not finished(recipe(), folder)

def test_a_refused_start_over_a_finished_run_deletes_nothing_of_it(tmp_path, recipe):
    folder,good = tmp_path/"run",recipe()
    run(good, folder, progress=False, accelerator="cpu")
    before = content(folder)
    assert is_run(folder)
    assert {"test.csv","report.html","recipe.toml"}<=before.keys()
    with pytest.raises(ValueError, match="4 classes"):
        run(recipe("ProxyDR", "training.images_per_class=2"), folder, resume=False, progress=False,
            accelerator="cpu")
    assert content(folder)==before
    (folder/"report.html").unlink()
    (folder/"environment.json").write_text("[")
    before = content(folder)
    with pytest.raises(ValueError, match="environment.json is damaged"):
        run(good, folder, progress=False, accelerator="cpu")
    assert content(folder)==before

def test_a_printed_recipe_does_not_make_a_folder_ours(tmp_path, recipe):
    folder,mine = tmp_path/"thesis",recipe()
    folder.mkdir()
    (folder/"recipe.toml").write_text(mine.to_toml(origins=True))
    assert not is_run(folder)
    (folder/"log.csv").write_text("day,pages\n1,2\n")
    before = content(folder)
    with pytest.raises(ValueError, match=r"holds no run of hiernb, but log\.csv"):
        run(mine, folder, progress=False, accelerator="cpu")
    assert content(folder)==before

@pytest.mark.parametrize("resume", [True,False])
@pytest.mark.parametrize("part", ["checkpoints","figures"])
def test_a_part_that_is_read_only_is_named_before_anything_is_replaced(tmp_path, recipe, monkeypatch, part,
    resume):
    folder,old = tmp_path/"run",recipe()
    run(old, folder, progress=False, accelerator="cpu")
    before = content(folder)
    shut = folder/part
    monkeypatch.setattr("hiernb.data.base.os.access", lambda place,
        mode: Path(place)!=shut)  # root may write everywhere
    (folder/"report.html").unlink()
    with pytest.raises(OSError, match=f"Permission denied for {shut}.*Choose another folder"):
        run(old, folder, resume=resume, progress=False, accelerator="cpu")
    assert content(folder)=={name:data for name,data in before.items() if name!="report.html"}

def test_a_folder_that_is_no_text_is_refused(tmp_path, recipe):
    "Its bytes are no UTF-8, which the format of checkpoints asks for."
    folder = Path(os.fsdecode(os.fsencode(tmp_path)+b"/r\xff"))
    with pytest.raises(ValueError, match=r"r\\xff' is not UTF-8 text; rename it"):
        run(recipe(), folder, progress=False, accelerator="cpu")
    assert not folder.exists()

def test_another_run_over_a_folder_is_not_taken_for_the_old_one(tmp_path, recipe, monkeypatch):
    "The new run is begun from Python: it has no recipe, and neither results nor an account of the old one stay."
    folder,old = tmp_path/"run",recipe()
    run(old, folder, progress=False, accelerator="cpu")
    (folder/"not_finite.json").write_text("{}")
    (folder/"mine.txt").write_text("x")
    before = content(folder)
    data,model,loss = assemble(old)
    monkeypatch.setitem(sys.modules, "wandb", None)
    again = dict(epochs=1, batch_size=8, resume=False, progress=False, accelerator="cpu")
    with pytest.raises(ValueError, match="pip install wandb"): train(model, loss, data, folder,
        wandb="birds", **again)
    refused = RuntimeError("No API key configured")
    closed = SimpleNamespace(login=Mock(side_effect=refused), errors=SimpleNamespace(Error=RuntimeError))
    monkeypatch.setitem(sys.modules, "wandb", closed)
    with pytest.raises(ValueError, match="No API key configured. Run `wandb login`"):
        train(model, loss, data, folder, wandb="birds", **again)
    assert content(folder)==before
    train(model, loss, data, folder, **again)
    assert not {"recipe.toml","test.csv","report.html","not_finite.json","figures/dendrogram.svg"} & content(folder).keys()
    assert (folder/"mine.txt").is_file()
    assert not finished(old, folder)
    with pytest.raises(FileNotFoundError, match="no run in"): collect(folder)

def test_more_epochs_take_away_what_says_that_a_run_is_finished(tmp_path, recipe):
    folder,mine = tmp_path/"run",recipe()
    run(mine, folder, progress=False, accelerator="cpu")
    data,model,loss = assemble(mine)
    train(model, loss, data, folder, epochs=2, batch_size=8, progress=False, accelerator="cpu",
        seed=mine.seed)
    assert not (folder/"test.csv").exists()
    assert not finished(mine, folder)

def test_a_log_has_a_line_an_epoch_whatever_its_terms_are_called(tmp_path):
    row = {"epoch":1, "pull, push":.5, 'a\n"b"':.25, "=2+3":0.}
    logs = Logs(tmp_path, [], {}, tensorboard=False)
    for epoch in (1,2):
        logs.history.append(row|dict(epoch=epoch))
        logs.add()
        assert epochs_done(tmp_path)==epoch
    assert pd.read_csv(tmp_path/"log.csv").columns.tolist()==["epoch","pull, push",r'a\n"b"',"'=2+3"]

@pytest.mark.parametrize("below", ["t.csv","new/t.csv"])
def test_a_file_where_none_can_be_written_is_refused_before_the_work(tmp_path, monkeypatch, below):
    monkeypatch.setattr("hiernb.data.base.os.access", lambda place, mode: place!=tmp_path)
    with pytest.raises(OSError,
        match=f"could not write {tmp_path/below}: Permission denied for {tmp_path}; nothing was"):
        require_file_name(tmp_path/below)
    assert not (tmp_path/"new").exists()

def begun(folder):
    save_progress(folder, dict(epoch=1, step=0))
    (folder/"recipe.toml").touch()
    return folder

def test_what_a_run_has_not_written_stays_when_it_begins_anew(tmp_path):
    folder,own = (
        begun(tmp_path/"run"),
        ["test.csv","report.html","verdict.txt","trees/classes.nwk","figures/radii.svg"])
    other = ["mine.csv","trees/mine.nwk","figures/mine.svg","checkpoints/.bashrc",
        "checkpoints/.ipynb_checkpoints/x",
             "checkpoints/mine.safetensors","checkpoints/.mine.7","tensorboard/events.out.tfevents.1.host"]
    for name in (*own,*other): write_atomic(folder/name, b"x")
    sweep(folder, all=True)
    TensorBoard(folder).close()
    TensorBoard(folder).close()
    kept = content(folder)
    assert not kept.keys() & set(own)
    assert set(other)<=kept.keys()
    assert len(list((folder/"tensorboard").glob("*.hiernb")))==1

@pytest.mark.parametrize("part", ["checkpoints","figures","trees","tensorboard"])
def test_nothing_is_deleted_through_a_link_out_of_the_run(tmp_path, part):
    folder,elsewhere = begun(tmp_path/"run"),tmp_path/"home"
    elsewhere.mkdir()
    for name in (".bashrc","best.safetensors","radii.svg"): (elsewhere/name).touch()
    if part=="checkpoints": (folder/part).rename(folder/"old")
    (folder/part).symlink_to(elsewhere)
    with pytest.raises(ValueError, match=f"{part} is a link to {elsewhere}, outside the run"):
        require_run_folder(folder)
    assert len(list(elsewhere.iterdir()))==3

def test_a_run_may_be_a_link_as_a_whole_and_link_within_itself(tmp_path):
    folder = begun(tmp_path/"disk"/"run")
    (folder/"checkpoints").rename(folder/"states")
    (folder/"checkpoints").symlink_to("states")
    (tmp_path/"run").symlink_to(folder)
    with alone_in(tmp_path/"run"): assert is_run(tmp_path/"run")

def test_leftovers_go_once_their_writer_has_ended_and_never_through_a_link(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    elsewhere,left = tmp_path/"home",f".a.{ended.pid}@{platform.node()}.partial"
    write_atomic(elsewhere/"a", b"x")
    (tmp_path/left).symlink_to(elsewhere)
    remove_partials(tmp_path)
    assert (elsewhere/"a").exists()
    (tmp_path/left).unlink()
    for of in ("a","b"): write_atomic(tmp_path/left.replace(".a.", f".{of}.")/of, b"half")
    write_atomic(tmp_path/"a", b"whole")  # the next who writes the file removes what is of it
    assert sorted(os.listdir(tmp_path))==sorted(["a","home",left.replace(".a.", ".b.")])
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path))==["a","home"]
    shutil.rmtree(elsewhere)
    assert Path(tmp_path/"a").read_bytes()==b"whole"

@pytest.mark.parametrize("name", ["report.html","measures.csv","tree_of_classes.nwk","radii.svg"])
def test_an_examination_replaces_its_own_files_alone(tmp_path, name):
    points,labels = np.random.default_rng(0).normal(size=(12,3)).astype("float32"),np.arange(12)%3
    what = dict(labels=torch.from_numpy(labels), folder=tmp_path, n_permutations=9, progress=False)
    (tmp_path/name).write_text("mine")
    with pytest.raises(ValueError, match=f"{tmp_path} holds {name}, which would be replaced"):
        examine(torch.from_numpy(points), **what)
    assert content(tmp_path)=={name:b"mine"}
    (tmp_path/name).unlink()
    if name!="report.html": return
    examine(torch.from_numpy(points), **what)
    assert len(examine(torch.from_numpy(points), **what).files)>4


def stream(path): path.symlink_to("/proc/self/fd/1")
def null(path): path.symlink_to("/dev/null")


@pytest.mark.parametrize("make, says",
    [(os.mkfifo, "a pipe"), (Path.mkdir, "a folder"), (null, "a device"),
    (stream, "expected the name of a file")])
def test_a_file_takes_the_place_of_nothing_but_a_file(tmp_path, make, says):
    "Replacing a device or a pipe takes it from everybody: root would lose /dev/null."
    path = tmp_path/"t.csv"
    make(path)
    before = os.lstat(path).st_ino
    with pytest.raises(OSError, match=says): write_atomic(path, b"x")
    assert os.lstat(path).st_ino==before
    assert os.listdir(tmp_path)==["t.csv"]


def test_a_folder_whose_parts_are_links_in_a_circle_is_refused(tmp_path):
    (tmp_path/"checkpoints").symlink_to("figures")
    (tmp_path/"figures").symlink_to("checkpoints")
    with pytest.raises(ValueError, match="is not empty and holds no run"): require_run_folder(tmp_path)


def test_a_report_goes_into_a_folder(tmp_path):
    (tmp_path/"t").write_text("")
    with pytest.raises(ValueError, match="is a file, expected a folder"):
        examine(torch.randn(8, 4), torch.arange(8)//4, folder=tmp_path/"t")

def test_threads_write_one_file_and_its_mode_stays(tmp_path):
    path = tmp_path/"t.csv"
    write_atomic(path, b"0")
    path.chmod(0o640)
    with ThreadPoolExecutor(8) as pool: list(pool.map(lambda k: write_atomic(path, bytes([k])*2**16),
        range(64)))
    assert len(set(path.read_bytes()))==1
    assert len(path.read_bytes())==2**16
    assert path.stat().st_mode&0o777==0o640
    assert os.listdir(tmp_path)==["t.csv"]

def test_no_image_is_read_before_the_folder_is_refused(tmp_path, recipe, monkeypatch):
    folder = tmp_path/"thesis"
    folder.mkdir()
    (folder/"log.csv").touch()
    data,model,loss = assemble(recipe())
    monkeypatch.setattr(manifest, "sha256_of", lambda path: pytest.fail("an image was read"))
    with pytest.raises(ValueError, match="holds no run of hiernb"): train(model, loss, data, folder,
        progress=False)
