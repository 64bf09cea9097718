"A folder of one's own, in one command: from images that nobody has prepared to a report."
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
import torch
from hiernb.cli import main as cli
from hiernb.cli.main import one_line,short_warnings,without_windows
from hiernb.data.base import read_json
from hiernb.run.fitted import fitted_recipe
from hiernb.run.recipe import read_recipe
from PIL import Image

modes = ("RGB","L","RGBA","P","LA","1")


def draw(folder, classes, images=8, modes=modes):
    "Squares of one color a class, of mixed modes and sizes."
    generator = torch.Generator().manual_seed(0)
    for k,path in enumerate(classes):
        for i in range(images):
            color = (40+60*(k%4)+torch.randint(20, (3,), generator=generator)).tolist()
            image = Image.new("RGB", (9+3*i,12+k), tuple(color)).convert(modes[i%len(modes)])
            file = folder/path/f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            image.save(file)
    return folder


quick = ["training.epochs=1","data.size=32","training.tensorboard=false","evaluation.n_permutations=59",
    "evaluation.n_resamples=99"]
nested = ["warm/red","warm/orange","cold/blue","cold/green"]


@pytest.mark.filterwarnings("default")
def test_one_word_trains_and_says_what_came_out_and_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"stamps", nested)
    draw(tmp_path/"stamps", ["cold/rare"], images=2)
    (tmp_path/"stamps"/"cold"/"empty").mkdir()
    assert cli.main(["train","stamps/","--accelerator","cpu",*quick])==0
    out,err = capsys.readouterr()
    assert (
        "2 of 6 classes have fewer than 3 images (data.min_images) and are left out: cold/empty (0), "
        "cold/rare (2)" in err)
    home = tmp_path/"runs"/"own"/"stamps-proxydr"/"seed-0"
    assert "On the test split the weights of epoch 1 of 1 reach top-1 accuracy" in out
    assert "chance" in out
    for name in ("report.html","test.csv","trees/classes.nwk","checkpoints/best.safetensors"):
        assert (home/name).is_file()
        assert f"runs/own/stamps-proxydr/seed-0/{name}" in out
    assert "mean correlation" in set(pd.read_csv(home/"test.csv").measure)
    assert read_recipe(home/"recipe.toml").sections["data"]["name"]=="./stamps"


@pytest.mark.filterwarnings("default")
def test_retrieval_of_few_flat_classes_ends_with_a_verdict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"flat", ["a","b","c"], images=12, modes=("L",))
    few = [*quick,"regularizer.n_proxies=16"]
    assert cli.main(["train","--loss","pa-hier","data.name=flat","--folder","here","--accelerator","cpu",
        *few])==0
    out,_ = capsys.readouterr()
    assert "Recall@1" in out
    assert "here/report.html" in out
    assert (tmp_path/"here"/"verdict.txt").read_text().strip() in out


@pytest.mark.parametrize("loss,classes,said", [
    ("proxydr", nested,
    dict(zip(["data.channels","data.split","training.batch_size","training.epochs"], [3,None,32,20]))),
    ("pa-hier", [f"{k}" for k in range(12)],
    {"data.split":"classes", "training.batch_size":12, "model.channels":3}),
    ("pa-hier", nested, {"data.split":"images", "training.batch_size":8})])
def test_the_images_decide_what_a_recipe_cannot_know(tmp_path, loss, classes, said):
    recipe = fitted_recipe(f"own/{loss}", [f"data.name={draw(tmp_path/'toys', classes)}"])
    found = recipe.flat()
    assert {key:found[key] for key in said}==said
    assert recipe.origins["training.epochs"]==recipe.origins["data.channels"]=="images of toys"


def test_given_splits_and_the_command_line_stay(tmp_path):
    for split in ("train","test"):
        draw(tmp_path/"given"/split, [f"{k}" for k in range(12)], images=3, modes=("L",))
    recipe = fitted_recipe("own/pa-hier",
        [f"data.name={tmp_path/'given'}","model.channels=3","training.epochs=4"])
    found = recipe.flat()
    assert (found["data.split"],found["data.test"],found["data.channels"],found["training.epochs"])==(None,
        None,3,4)


@pytest.mark.parametrize("words,says", [
    ([], "nothing to train: hiernb train FOLDER"),
    (["--loss","pa-hier"], "nothing to train"),
    (["nowhere/"], "'nowhere/' is no folder or table of images"),
    (["data.name=nowhere/"], "no folder or table "),
    (["cub"], "hiernb recipes '*cub*'"),
    (["data.name=cub"], "hiernb recipes '*cub*'"),
    (["fashion_mnist/proxydr"], "hiernb train --recipe fashion_mnist/proxydr"),
    (["mine.toml"], "hiernb train --recipe mine.toml"),
    (["toys","--loss","pa-heir"], "did you mean own/pa-hier"),
    (["toys","--loss","pa","--recipe","fashion_mnist/proxydr"], "leave out --recipe fashion_mnist/proxydr"),
    (["toys","flat"], "one folder or table of images at a time"),
    (["points.npz"], "points.npz` examines one"),
    (["bare"], "is an image outside any class")])
def test_other_words_are_answered_with_the_command_that_was_meant(tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"toys", ["a","b"], images=3)
    draw(tmp_path/"flat", ["a"], images=3)
    draw(tmp_path, ["bare"], images=1)
    (tmp_path/"points.npz").touch()
    assert cli.main(["train","--print",*words])==1
    out,err = capsys.readouterr()
    assert says in err
    assert err.count("\n")==1
    assert not out


@pytest.mark.filterwarnings("default")
def test_a_grid_and_more_images_keep_a_fitted_recipe(tmp_path, monkeypatch, capsys):
    "What was fitted to the images stays with a run: the grid finds it finished, and so does a later command."
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"stamps", nested, modes=("L",))
    assert cli.main(["grid","--recipes","own/proxydr","--accelerator","cpu","data.name=stamps",*quick])==0
    assert "own/stamps-proxydr seed 0 done (1 of 1 finished" in capsys.readouterr().err
    Image.new("RGB", (20,20), "red").save(tmp_path/"stamps"/"warm"/"red"/"new.png")
    assert cli.main(["train","stamps/","--accelerator","cpu",*quick])==0
    err = capsys.readouterr().err
    assert "goes on with the settings that were fitted to its images when the run began: data.channels is 1" in err
    assert "nothing to do" in err


def test_no_epochs_measure_the_untrained_network(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"stamps", nested)
    assert cli.main(["train","stamps/","--accelerator","cpu",*quick,"training.epochs=0"])==0
    assert "On the test split the untrained weights reach top-1 accuracy" in capsys.readouterr().out


def test_a_section_is_no_number(tmp_path, capsys):
    draw(tmp_path/"stamps", nested)
    assert cli.main(["train",str(tmp_path/"stamps"),"data=5"])==1
    assert "data is a section of key = value, got 5" in capsys.readouterr().err


def test_a_line_end_in_the_name_of_a_folder_does_not_break_the_recipe(tmp_path, monkeypatch, capsys):
    "The recipe says beside each value which images it was fitted to, and is read when the run goes on."
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"new\nline", ["warm/re\nd","warm/orange","cold/\x1b[31mblue","cold/green"])
    words = ["train","new\nline","--accelerator","cpu",*quick]
    assert cli.main(words)==0
    home = tmp_path/"runs"/"own"/"new\\nline-proxydr"/"seed-0"
    recipe = read_recipe(home/"recipe.toml")
    assert (recipe.name,recipe.sections["data"]["name"])==("own/new\\nline-proxydr","./new\nline")
    capsys.readouterr()
    assert cli.main(words)==0
    assert "nothing to do" in capsys.readouterr().err
    assert cli.main(["table","runs","--write","t.md"])==0
    assert "| own/new\\nline-proxydr |" in (tmp_path/"t.md").read_text()


def test_a_name_with_control_characters_is_refused_before_training(tmp_path, capsys):
    (tmp_path/"mine.toml").write_text('name = "a\\u0000b"\nbase = "fashion_mnist/proxydr"\n')
    assert cli.main(["train","--recipe",str(tmp_path/"mine.toml")])==1
    assert "mine.toml: name is printed and is where runs go: expected no line ends" in capsys.readouterr().err


def test_a_path_that_is_no_text_is_refused_before_training(tmp_path, capsys):
    folder = os.fsdecode(os.fsencode(tmp_path)+b"/caf\xe9")
    draw(Path(folder), nested)
    assert cli.main(["train",folder,*quick])==1
    assert "caf\\xe9' is not UTF-8 text; rename it" in capsys.readouterr().err


def test_a_finished_run_with_a_damaged_log_shows_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path/"stamps", nested)
    words = ["train","stamps","--accelerator","cpu","--folder","run",*quick]
    assert cli.main(words)==0
    for text in ("\xff","day,pages\n1,2\n","epoch,val_accuracy\n1,high\n","epoch,val_accuracy\n1,\n"):
        (tmp_path/"run"/"log.csv").write_text(text, encoding="latin-1")
        capsys.readouterr()
        assert cli.main(words)==0
        out,err = capsys.readouterr()
        assert "top-1 accuracy" in out
        assert "report   run/report.html" in out
        assert "log.csv does not say which epoch was the best, or is damaged" in err
    table = pd.read_csv(tmp_path/"run"/"test.csv").astype({"chance":object})
    table.loc[0,"chance"] = "much"
    table.to_csv(tmp_path/"run"/"test.csv", index=False)
    assert cli.main(words)==1
    assert "test.csv: expected numbers in the column chance, found 'much'" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["nope","TkAgg",None])
def test_a_command_draws_whatever_backend_the_shell_asks_for(tmp_path, backend):
    "In a process of its own: matplotlib reads the variable when it is imported."
    draw(tmp_path/"stamps", nested)
    variables = {k:v for k,v in os.environ.items() if k not in ("MPLBACKEND","DISPLAY")}
    variables |= {"MPLBACKEND":backend} if backend else {}
    command = [sys.executable,"-m","hiernb","train","stamps","--accelerator","cpu","--folder","run",*quick]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=variables, check=False)
    assert done.returncode==0, done.stderr
    assert (tmp_path/"run"/"figures"/"dendrogram.svg").is_file()
    started = read_json(tmp_path/"run"/"environment.json")[0]
    assert started["command"][:3]==["hiernb","train","stamps"]


def test_the_backend_of_the_shell_comes_back(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    with without_windows(): assert os.environ["MPLBACKEND"]=="agg"
    assert os.environ["MPLBACKEND"]=="svg"
    monkeypatch.delenv("MPLBACKEND")
    with without_windows(): assert os.environ["MPLBACKEND"]=="agg"
    assert "MPLBACKEND" not in os.environ


def test_a_warning_and_an_error_steer_no_terminal(capsys):
    with short_warnings(): warnings.warn("a class \x1b[31mred\n is left out", stacklevel=2)
    assert "a class \\x1b[31mred is left out" in capsys.readouterr().err
    assert one_line(ValueError("no \x1b]0;title\x07 \u202e"))=="no \\x1b]0;title\\x07 \\u202e"
