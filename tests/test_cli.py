"""The command line from the outside: exit codes, one-line errors, a tiny run through every command, a grid
with a run that fails."""
import json,os,subprocess,sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hiernb.cli import main as cli
from hiernb.cli.base import show
from hiernb.cli.project import read_parameters
from hiernb.run import examine
from hiernb.run import grid
from hiernb.run import experiment as runs
from hiernb.train.checkpoint import read_checkpoint
from hiernb.run.recipe import read_recipe

RECIPE = """
[data]
name = "{images}"
model = "none"
size = 28
[model]
name = "small_cnn"
dim = 8
head = "{head}"
[loss]
name = "ProxyDR"
[training]
epochs = 1
batch_size = 32
lr = 1e-2
tensorboard = false
[evaluation]
n_permutations = 59
n_resamples = 99
"""

@pytest.fixture(scope="module")
def home(tmp_path_factory):
    "Images of eight kinds in two families, and two recipes for them."
    home = tmp_path_factory.mktemp("cli")
    generator = torch.Generator().manual_seed(0)
    for k in range(8):
        for i in range(10):
            path = home/"squares"/("warm" if k<4 else "cool")/f"kind{k}"/f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            color = torch.tensor([200.,80,40] if k<4 else [40.,80,200])+torch.tensor([0.,25*(k%4),
                0])+8*torch.randn(3, generator=generator)
            Image.new("RGB", (12,9), tuple(color.clamp(0, 255).int().tolist())).save(path)
    text = RECIPE.format(images=home/"squares", head="linear")
    (home/"dr.toml").write_text(text)
    (home/"norm.toml").write_text(text.replace("ProxyDR", "NormFace"))
    return home

@pytest.fixture(scope="module")
def run(home):
    "The folder of a tiny run in the ball, with hierarchical proxies."
    text = RECIPE.format(images=home/"squares", head="poincare").replace('"ProxyDR"', '"ProxyAnchor"')
    text = text.replace("batch_size = 32", "images_per_class = 2\nbatch_size = 4")
    (home/"hier.toml").write_text(text.replace('size = 28',
        'size = 28\nsplit = "classes"')+"[regularizer]\nn_proxies = 16\ntopk = 4\n")
    assert cli.main(["train","--recipe",str(home/"hier.toml"),"--folder",str(home/"run"),"--accelerator",
        "cpu"])==0
    return home/"run"

def test_each_command_says_what_it_does_with_an_example(capsys):
    assert cli.main(["--help"])==0
    overview = capsys.readouterr().out
    for name,command in cli.commands.items():
        assert cli.main([name,"--help"])==0
        said = capsys.readouterr().out
        assert f"\n  hiernb {name}" in said.split("Examples:")[1], said
        assert f"  {name} " in overview
        assert said.splitlines()[2] in overview
        positional = ("settings","pattern","folder","path","folders","notebook","parameters","action","name")
        for field in fields(command):
            assert f"--{field.name.replace('_','-')}" in said or field.name in positional
    assert cli.main([])==0
    assert capsys.readouterr().out==overview

def test_help_and_version_import_nothing_heavy():
    code = "import sys\nfrom hiernb.cli import main as cli\ncli.main(['--help']); cli.main(['train','--help']); cli.main(['--version'])\n" \
           "print(sorted({'torch','pandas','numpy','matplotlib','scipy','skbio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable,"-c",code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1]=="[]"
    assert not done.stderr

def test_tables_in_a_terminal_escape_control_characters(capsys):
    show(pd.DataFrame({"class":["\x1b[31mred", "a"], "n":[1., np.nan]}))
    said = capsys.readouterr().out
    assert r"\x1b[31mred" in said and "\x1b" not in said and "1.0000" in said

def test_a_parameter_is_one_value():
    assert read_parameters(["n=1\nm=2"], dict(n=0))==dict(n="1\nm=2")

@pytest.mark.parametrize("level", ["1", "2"])
def test_python_without_assertions_is_refused_in_one_line(level):
    command,set_to = [sys.executable,"-m","hiernb","inspect","x.npz"],os.environ|dict(PYTHONOPTIMIZE=level)
    done = subprocess.run(command, env=set_to, capture_output=True, text=True, check=False)
    assert done.returncode==1
    assert done.stderr.count("\n")==1
    assert "scikit-bio cannot be imported" in done.stderr

@pytest.mark.parametrize("words,says", [
    (["trian"],"did you mean train?"), (["inspect"],"missing: PATH"), (["data","lst"],"did you mean list?"),
    (["grid","--recipes","x","--jobs","two"],"--jobs"),
    (["train","--recipe","x","--folder"],"missing value for argument '--folder'"),
    (["train","--recipe","x","--sed","3"],"unrecognized options: --sed; did you mean --seed?"),
    (["table","--nothing"],"--nothing"),
    (["train","--recipe","x","--seed","abc"],"error parsing --seed: expected INT, got 'abc'; `"),
    (["inspect","x","--c",""],"expected FLOAT, got ''; `")])
def test_wrong_usage_ends_with_2_and_says_what_was_meant(words, says, capsys):
    assert cli.main(words)==2
    out,err = capsys.readouterr()
    assert says in err
    assert not out
    assert err.count("\n")==1
    assert err.startswith("hiernb")

@pytest.mark.parametrize("words,says", [
    (["train","--recipe","hier/cub-resnet5","--print"], "did you mean hier/cub-resnet50"),
    (["train","--recipe","nowhere.toml"], "there is no recipe file nowhere.toml"),
    (["train","--recipe","hier/cub-resnet50","training.epoch=3"], "did you mean 'epochs'"),
    (["grid","--recipes","hier/x*"], "no recipe fits 'hier/x*'"),
    (["grid","--recipes","fashion_mnist/corr","--seeds","1","1"], "seeds from 0, each once"),
    (["evaluate","nowhere"], "no run in nowhere"),
    (["inspect","nowhere.npz"], "no file of embeddings nowhere.npz"),
    (["audit",str(Path(__file__))], "expected a file of embeddings ending in"),
    (["table","nowhere"], "no folder nowhere"),
    (["table"], "no folder to collect runs from"),
    (["table","nowhere","--write","t.txt"], "t.txt: a table is written to a file ending in .csv, .md, .tex"),
    (["recipes","heir/*"], "no recipe fits 'heir/*'"),
    (["recipes","hier/cub"], "did you mean 'hier/cub*'?"),
    (["grid","--recipes","fashion_mnist/corr","--baseline","*softmax"],
    "no recipe is, or fits, the baseline '*softmax'"),
    (["data","list","cubs"], "did you mean cub?"),
    (["study","nothing.ipynb"], "there is no notebook nothing.ipynb"),
    (["study","fashion","mod=quick"], "no parameter 'mod'; did you mean mode?"),
    (["data","fetch","cubs"], "fetch needs the name of a data set: "),
    (["data","fetch","bogus"], "fetch needs the name of a data set: "),
    (["data","verify","nowhere"], "no known data set in"),
    (["data","verify","nowhere","--root","data"], "leave --root out")])
def test_an_error_is_one_line_and_ends_with_1(words, says, capsys):
    assert cli.main(words)==1
    out,err = capsys.readouterr()
    assert says in err
    assert not out
    assert err.startswith("hiernb: error: ") and err.count("\n")==1, err

def test_a_traceback_where_it_is_wanted_and_where_a_defect_is_ours(monkeypatch, capsys):
    with pytest.raises(FileNotFoundError): cli.main(["table","nowhere","--traceback"])
    monkeypatch.setenv("HIERNB_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError): cli.main(["table","nowhere"])
    monkeypatch.delenv("HIERNB_TRACEBACK")
    def broken(self): raise KeyError("ours")
    monkeypatch.setattr(cli.Table, "run", broken)
    with pytest.raises(KeyError): cli.main(["table","x"])
    def stopped(self): raise KeyboardInterrupt
    monkeypatch.setattr(cli.Table, "run", stopped)
    assert cli.main(["table","x"])==130
    def terminated(self): raise SystemExit(143)
    monkeypatch.setattr(cli.Table, "run", terminated)
    assert cli.main(["table","x"])==143

def test_of_many_processes_the_first_alone_speaks(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(cli.time, "sleep", lambda seconds: None)
    assert cli.main(["train","--recipe","x","--sed","3"])==2
    assert cli.main(["nothing"])==2
    assert capsys.readouterr()==("","")
    assert cli.main(["table","nowhere"])==0
    assert cli.main(["recipes"])==0
    assert capsys.readouterr()==("","")  # the first one's business alone
    # by then torchrun would have ended it, if all had failed alike
    assert cli.main(["train","--recipe","no.toml"])==1
    assert capsys.readouterr()==("","hiernb: error in process 1: there is no recipe file no.toml\n")
    monkeypatch.setenv("RANK", "0")
    assert cli.main(["grid","--recipes","fashion_mnist/corr"])==1
    assert "without torchrun" in capsys.readouterr().err

def test_recipes_are_listed_and_printed(capsys, home):
    assert cli.main(["recipes"])==0
    assert "hier/SET-MODEL-LOSS: 280 recipes" in capsys.readouterr().out
    assert cli.main(["recipes","hier/cub-resnet50-*"])==0
    assert "hier/cub-resnet50-pa-hier\n" in capsys.readouterr().out
    assert cli.main(["train","training.lr=3","--recipe",str(home/"dr.toml"),"--seed","5","loss.scale=dynamic",
        "--print"])==0
    said = capsys.readouterr().out
    assert "seed = 5" in said
    assert 'scale = "dynamic"' in said
    assert "# command line" in said
    assert "# dr.toml" in said

@pytest.mark.filterwarnings("ignore:epoch 1")
def test_a_run_is_evaluated_inspected_audited_and_tabled(run, home, monkeypatch, capsys):
    monkeypatch.setattr(examine, "pictures", lambda *_, **__: {})  # the run has drawn them
    assert (run/"report.html").is_file()
    assert (run/"test.csv").is_file()
    capsys.readouterr()
    assert cli.main(["train","--recipe",str(home/"hier.toml"),"--folder",str(run),"--accelerator","cpu"])==0
    out,err = capsys.readouterr()
    assert "nothing to do" in err
    assert "Recall@1" in out  # finished: told again, not done again
    best = run/"checkpoints"/"best.safetensors"
    measured = []
    assert cli.main(["evaluate",str(best),"--measures","Recall@*","--write",str(home/"e.csv"),"--accelerator",
        "cpu"])==0
    again,first = pd.read_csv(home/"e.csv"),pd.read_csv(run/"test.csv")
    again = again.set_index("measure").value
    assert list(again.index)==["Recall@1","Recall@2","Recall@4","Recall@8"]
    np.testing.assert_allclose(again, first.set_index("measure").value[again.index])
    monkeypatch.setattr("hiernb.run.experiment.read_checkpoint",
        lambda path: measured.append(path) or read_checkpoint(path))
    (run/"checkpoints"/"other.safetensors").write_bytes(best.read_bytes())
    capsys.readouterr()
    assert cli.main(["audit",str(run/"checkpoints"/"other.safetensors"),"--permutations","59"])==0
    assert measured==[run/"checkpoints"/"other.safetensors"]
    assert cli.main(["evaluate",str(run),"--split","nothing"])==1
    assert "no split 'nothing'" in capsys.readouterr().err
    with monkeypatch.context() as m:  # a word that is none is refused before the work
        m.setattr("hiernb.run.experiment.evaluate", lambda *_,**__: pytest.fail("measured"))
        for path in (run,best): assert cli.main(["evaluate",str(path),"--measures","Reacll@*"])==1
    err = capsys.readouterr().err.splitlines()[-1]
    assert "there is no measure 'Reacll@*'; did you mean 'Recall@*' or" in err
    assert len(err)<200
    assert cli.main(["inspect",str(run),"--folder",str(home/"seen"),"--permutations","59","--accelerator",
        "cpu"])==0
    assert (home/"seen"/"report.html").is_file()
    assert "hierarchy" in capsys.readouterr().out
    assert cli.main(["audit",str(run),"--permutations","59","--write",str(home/"a.csv")])==0
    audited = pd.read_csv(home/"a.csv")
    assert "proxies at the clip radius, share" in set(audited.measure)
    assert cli.main(["inspect",str(run),"--c","0.2"])==1
    assert "is a run and has its own --c" in capsys.readouterr().err
    assert cli.main(["table",str(run),"--write",str(home/"t.md"),str(home/"t.tex")])==0
    out,err = capsys.readouterr()
    assert "| hier " in out
    assert "One seed each" in out
    assert out==(home/"t.md").read_text()
    assert "t.tex" in err
    assert cli.main(["table",str(run),"--measures","nothing"])==1

def test_a_file_of_embeddings_is_inspected_and_audited(home, monkeypatch, capsys):
    monkeypatch.setattr(examine, "pictures", lambda *_, **__: {})
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8).repeat(6)
    x = .3*torch.randn(8, 4, generator=generator)[labels]+.05*torch.randn(48, 4, generator=generator)
    np.savez(home/"points.npz", embeddings=x.numpy(), labels=labels.numpy(),
        split=np.array(["test","val"]*24))
    (home/"eight.nwk").write_text("((0,1,2,3),(4,5,6,7));")
    assert cli.main(["inspect",str(home/"points.npz"),"--taxonomy",str(home/"eight.nwk"),"--folder",
        str(home/"file"),"--permutations","19"])==0
    assert (home/"file"/"report.html").is_file()
    out = capsys.readouterr().out
    assert "ceiling" in out
    assert "p_value" in out
    assert "The embeddings separate the classes: Recall@1" in out
    for name in ("Recall@1","MAP@R","mean correlation","triplet agreement","UPGMA clade recall"):
        assert name in out
    assert cli.main(["audit",str(home/"points.npz")])==1
    assert "--c 0.1" in capsys.readouterr().err
    assert cli.main(["audit",str(home/"points.npz"),"--c","0.1","--permutations","59"])==0
    assert "hierarchy" in capsys.readouterr().out
    assert cli.main(["audit",str(home/"points.npz"),"--c","100","--permutations","59"])==1

def test_data_are_listed_and_verified(home, monkeypatch, capsys):
    assert cli.main(["data","list"])==0
    said = capsys.readouterr().out
    assert "license: " in said
    assert all(f"\n{name} " in "\n"+said for name in ("cub","sop","inshop","emoji"))
    assert cli.main(["data","verify",str(home/"squares")])==0
    assert "squares: 1 of 1 files are whole" in capsys.readouterr().out
    for name in "ab":
        (home/"bad"/name).mkdir(parents=True)
        Image.new("RGB",(4,4)).save(home/"bad"/name/"y.png")
    (home/"bad"/"a"/"x.png").write_bytes(b"no image")
    assert cli.main(["data","verify",str(home/"bad")])==1
    assert "x.png" in capsys.readouterr().out
    asked = []
    monkeypatch.setattr("hiernb.data.verify",
        lambda path: asked.append(path) or pd.DataFrame([dict(name="cub", file="f", state="whole")]))
    monkeypatch.setenv("HIERNB_DATA", str(home))
    assert cli.main(["data","verify","cub"])==0
    assert cli.main(["data","verify","cub","--root",str(home/"d")])==0
    assert asked==[home/"cub",home/"d"/"cub"]
    capsys.readouterr()
    assert cli.main(["data","list","cub","--root",str(home/"d")])==0
    out = capsys.readouterr().out
    assert out.count("license: ")==1
    assert f"not in {home/'d'/'cub'}" in out

def test_a_study_runs_with_other_parameters(home, capsys, monkeypatch):
    cell = lambda text,*tags: dict(cell_type="code", source=text, metadata=dict(tags=list(tags)), outputs=[],
        execution_count=None, id=f"c{len(text)}")
    cells = [cell("word = 'a'    # to say\nn = 1", "parameters"),
        cell("print(word*n)\nassert n<3, 'too many'")]
    kernel = dict(kernelspec=dict(name="python3", language="python", display_name="python3"))
    (home/"s.ipynb").write_text(json.dumps(dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5)))
    assert cli.main(["study",str(home/"s.ipynb"),"--show"])==0
    assert "to say" in capsys.readouterr().out
    asked = []
    monkeypatch.setenv("MPLBACKEND", "agg")   # with it the kernel would leave the pictures out
    monkeypatch.setattr("papermill.execute_notebook",
        lambda *given,**kwargs: asked.append((*given,"MPLBACKEND" in os.environ)))
    assert cli.main(["study",str(home/"s.ipynb"),"word=hello","n=2","--write",str(home/"out.ipynb")])==0
    assert cli.main(["study","--write",str(home/"out.ipynb"),str(home/"s.ipynb"),"word=hello","n=2"])==0
    assert asked[0]==asked[1]
    assert asked[0][2]==dict(word="hello", n=2)
    assert asked[0][1]==str(home/"out.ipynb")
    assert asked[0][3] is False
    assert os.environ["MPLBACKEND"]=="agg"
    monkeypatch.undo()
    (home/"k.ipynb").write_text((home/"s.ipynb").read_text().replace("python3", "nowhere"))
    capsys.readouterr()
    assert cli.main(["study",str(home/"k.ipynb"),"--write",str(home/"out.ipynb")])==1
    err = capsys.readouterr().err.splitlines()
    assert len(err)==2
    assert "asks for the Jupyter kernel 'nowhere', which is not installed" in err[1]
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert cli.main(["study",str(home/"s.ipynb")])==1
    assert "pip install papermill" in capsys.readouterr().err

def test_bench_runs_the_benchmarks_of_a_checkout(monkeypatch, tmp_path, capsys):
    ran = []
    monkeypatch.setattr(subprocess, "run",
        lambda command,**_: ran.append(command) or subprocess.CompletedProcess(command, 0))
    assert cli.main(["bench"])==0
    assert ran[0][1].endswith("benchmarks/run.py")
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert cli.main(["bench"])==1
    assert "in a checkout of the repository" in capsys.readouterr().err

def in_this_process(monkeypatch):
    "Let a grid's runs be calls: each process costs seconds of imports."
    def call(commands, logs, jobs, ended, meanwhile):
        for which,(command,log) in enumerate(zip(commands, logs)):
            log.parent.mkdir(parents=True, exist_ok=True)
            print("hiernb: error: as the process said", file=open(log, "w"))
            ended(which, cli.main(command[3:]))
            meanwhile()
    monkeypatch.setattr(grid, "run_processes", call)
    monkeypatch.setattr(runs, "draw_points", lambda *_: ({},{}))

def test_a_grid_becomes_a_table_and_goes_on(home, monkeypatch, capsys):
    in_this_process(monkeypatch)
    both = [str(home/"dr.toml"),str(home/"norm.toml")]
    words = ["grid","--recipes",*both,"--seeds","0","1","--jobs","2","--folder",str(home/"grid"),
        "--accelerator","cpu"]
    spoil = home/"grid"/"norm"/"seed-1"
    (spoil/"log.csv").mkdir(parents=True)  # where the log is to be written: a folder
    (spoil/"recipe.toml").write_text(read_recipe(both[1], ["seed=1"]).to_toml())  # in a run that has begun
    (spoil/"settings.json").write_text('{"model type":"","loss type":""}')
    assert cli.main([*words,"--baseline","norm"])==1
    out,err = capsys.readouterr()
    assert "norm seed 1 failed: exit code 1, hiernb: error: as the process said (" in err
    assert "| minus norm" in out
    assert f"failed: norm seed 1: see {spoil/'train.log'}" in err
    assert err.count("as the process said")==1  # its words once
    assert "not counted" in out
    assert "one pair" in out
    assert (home/"grid"/"table.tex").is_file()
    whole = [path.stat().st_mtime_ns for path in sorted((home/"grid").rglob("report.html"))]
    (spoil/"log.csv").rmdir()
    assert cli.main([*words,"--baseline","norm"])==0
    out,err = capsys.readouterr()
    assert "4 runs, 3 finished" in err
    assert "Means over 2 seeds" in out
    assert "2 pairs cannot fall below 0.5" in out
    assert [path.stat().st_mtime_ns for path in sorted((home/"grid").rglob("report.html"))][:3]==whole
    table = pd.read_csv(home/"grid"/"table.csv")
    assert table["runs seeds"].tolist()==[2,2]
    assert cli.main([*words,"training.lr=2"])==1
    assert "training.lr is 0.01 there and 2 here" in capsys.readouterr().err

def test_the_command_line_is_a_module_and_a_process():
    done = subprocess.run([sys.executable,"-m","hiernb","train"], capture_output=True, text=True, check=False)
    assert done.returncode==1
    assert "--recipe NAME" in done.stderr
    assert not done.stdout
