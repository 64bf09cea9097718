"What a refusal of `hiernb.cli` must name: bad input and the words of its message."
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from jupyter_client.kernelspec import NoSuchKernel
from refusals import refusals,refuses

from hiernb.cli.embeddings import Audit,Inspect,PointsCommand,read_taxonomy
from hiernb.cli.main import main
from hiernb.cli.project import Data,Study,check_name,find_notebook,in_checkout,read_parameters
from hiernb.cli.runs import Evaluate,Grid,Recipes,Table,Train,as_setting


def grid(**change): return lambda: Grid(**dict(recipes=("fashion_mnist/corr",))|change).run()
def recipes(pattern): return lambda: Recipes(pattern=pattern).run()


@refusals({
    "a pattern near one":(recipes("heir/cub-resnet50-pa"),
        "no recipe fits 'heir/cub-resnet50-pa'; did you mean 'hier/cub-resnet50-pa'?"),
    "half a name":(recipes("hier/cub"), "no recipe fits 'hier/cub'; did you mean 'hier/cub*'?"),
    "a pattern near none":(recipes("x*y"), "no recipe fits 'x*y'; `hiernb recipes` lists them"),
    "a recipe for images":(lambda: as_setting("fashion_mnist/proxydr"),
        "hiernb train --recipe fashion_mnist/proxydr"),
    "a data set for images":(lambda: as_setting("cub"), "hiernb recipes '*cub*'"),
    "no folder":(lambda: as_setting("nowhere"), "no folder or table"),
    "a recipe near one":(lambda: Train(recipe="fashion_mnist/proxidr", print=True).run(),
        "did you mean fashion_mnist/proxydr"),
    "no recipe of a grid":(grid(recipes=("hier/x*",)), "no recipe fits 'hier/x*'"),
    "a seed twice":(grid(seeds=(1,1)), "each once"),
    "another baseline":(grid(baseline="*softmax"), "no recipe is, or fits, the baseline '*softmax'"),
    "no built-in taxonomy":(lambda: read_taxonomy("nothing"), "no built-in taxonomy 'nothing'"),
    "two notebooks":(lambda: find_notebook("0"), "begins several notebooks"),
    "a parameter near one":(lambda: read_parameters(["mod=quick"], {"mode":0}),
        "no parameter 'mod'; did you mean mode?"),
    "no value":(lambda: read_parameters(["quick"], {}), "expected name=value"),
    "a study's parameter":(lambda: Study(notebook="fashion", parameters=("mod=quick",)).run(),
        "did you mean mode?"),
    "a data set near one":(lambda: check_name("cubs", "fetch"), "got 'cubs', did you mean cub?"),
    "no name of a data set":(lambda: check_name(None, "fetch"), "emoji", "inshop"),
    "list of a near name":(lambda: Data(action="list", name="cubs").run(),
        "list needs the name of a data set: "),
    "fetch of a near name":(lambda: Data(action="fetch", name="cubs").run(),
        "fetch needs the name of a data set: "),
})
def test_words_that_mean_nothing(call, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuses(call, words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, ends", [("bogus","; got 'bogus'"), ("","inshop"), (None,"inshop")])
def test_a_name_near_nothing_suggests_nothing(name, ends):
    with pytest.raises(ValueError) as e: check_name(name, "fetch")
    assert ends in str(e.value)
    assert "did you mean" not in str(e.value)
    assert ("got" in str(e.value))==bool(name)


def test_a_grid_is_no_distributed_run(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    refuses(grid(), ["without torchrun"])


def test_benchmarks_need_a_checkout():
    with mock.patch("pathlib.Path.exists", return_value=False): refuses(lambda: in_checkout("benchmarks"),
        ["in a checkout of the repository"],
        FileNotFoundError)


def test_a_kernel_that_is_not_installed(tmp_path):
    study = Study(notebook="fashion", write=tmp_path/"out.ipynb")
    with mock.patch("papermill.execute_notebook", side_effect=NoSuchKernel("r")):
        refuses(study.run,
            ["asks for the Jupyter kernel 'r', which is not installed: python -m ipykernel install --user --name r"])


def test_folders_and_files_that_there_are_not(tmp_path):
    refuses(lambda: Evaluate(folder=tmp_path/"nowhere").run(), ["no run in"], FileNotFoundError)
    refuses(lambda: Table(folders=(tmp_path/"nowhere",)).run(), ["no folder"], FileNotFoundError)
    # before anything is read
    refuses(lambda: Table(folders=(tmp_path/"nowhere",), write=(tmp_path/"t.txt",)).run(),
        ["t.txt: a table is written to"])
    refuses(lambda: Inspect(path=tmp_path/"nothing.npz", folder=tmp_path/"seen").run(),
        ["no file of embeddings"], FileNotFoundError)
    assert not (tmp_path/"seen").exists()
    refuses(lambda: PointsCommand(path=tmp_path).read(), ["no run in"], FileNotFoundError)
    refuses(lambda: Data(action="verify", name=f"{tmp_path}/x").run(), ["no known data set in"],
        FileNotFoundError)
    refuses(lambda: find_notebook("none.ipynb"), ["there is no notebook"], FileNotFoundError)
    refuses(lambda: find_notebook("x"), ["studies: 01_"], FileNotFoundError)


def test_points_that_a_command_refuses(tmp_path):
    x,y = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))*.3,torch.arange(40)%4
    np.savez(tmp_path/"plain.npz", embeddings=x, labels=y)
    refuses(lambda: PointsCommand(path=tmp_path/"plain.npz", split="b").read(),
        ["plain.npz has no column `split`: leave --split b out"])
    refuses(lambda: Audit(path=tmp_path/"plain.npz").run(), ["--c 0.1"])
    refuses(lambda: PointsCommand(path=tmp_path, c=1.).read(), ["is a run and has its own --c"])


def test_a_root_without_the_data_set(tmp_path):
    with mock.patch("hiernb.data.verify", side_effect=FileNotFoundError):
        refuses(lambda: Data(action="verify", name="mine", root=tmp_path).run(),
            ["mine is no data set of --root, which holds "])


@pytest.mark.parametrize("error", [KeyError("ours"), RuntimeError("ours")])
def test_an_error_of_the_library_itself_keeps_its_traceback(error):
    with mock.patch.object(Table, "run", side_effect=error), pytest.raises(type(error)): main(["table","x"])


def test_a_traceback_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("HIERNB_TRACEBACK", "1")
    with mock.patch.object(Table, "run", side_effect=ValueError("no")): refuses(lambda: main(["table","x"]),
        ["no"])


def test_verify_looks_where_the_words_say(tmp_path):
    "A name below --root, --root alone, and a path."
    with mock.patch("hiernb.data.verify", side_effect=FileNotFoundError) as asked:
        for name,root in (("cub",tmp_path),(None,tmp_path),(f"{tmp_path}/mine",None)):
            with pytest.raises(FileNotFoundError): Data(action="verify", name=name, root=root).run()
    assert [Path(call.args[0]) for call in asked.call_args_list]==[tmp_path/"cub",tmp_path,tmp_path/"mine"]
