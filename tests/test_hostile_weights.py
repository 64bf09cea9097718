"""Weights, states and folders of strangers: no code in them runs, and no number of another shape reaches an
optimizer."""
import hashlib
import http.server
import os
import pickle
import re
import subprocess
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

import hiernb.model.backbones as room
from hiernb.train.checkpoint import checkpoint_format, checksum, read_checkpoint
from hiernb.data.base import fetch
from hiernb.train.logs import git_state
from hiernb.model.backbones import pretrained_state
from hiernb.train.optim import make_optimizers, load_optimizer_state


class Runs:
    "A pickle of it makes a file when it is read."
    def __init__(self, path): self.path = str(path)
    def __reduce__(self): return open,(self.path, "w")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path/"checkpoints").mkdir()
    return tmp_path/"checkpoints"


def published(hub, monkeypatch, save, name="resnet18"):
    "Weights whose name says their checksum, as the published ones' do."
    save(hub/"made")
    digits = hashlib.sha256((hub/"made").read_bytes()).hexdigest()[:8]
    (hub/"made").rename(hub/f"{name}-{digits}.pth")
    weights = SimpleNamespace(url=f"https://localhost/{name}-{digits}.pth")
    monkeypatch.setitem(room.torchvision_models, name, (None, weights))
    return hub/f"{name}-{digits}.pth"


@pytest.mark.parametrize("old", [False, True])
def test_published_weights_are_read(hub, monkeypatch, old):
    state = dict(a=torch.arange(3.))
    published(hub, monkeypatch, partial(torch.save, state, _use_new_zipfile_serialization=not old))
    assert_close(pretrained_state("resnet18"), state)


def test_weights_that_run_code_do_not(hub, tmp_path, monkeypatch):
    "Neither with a wrong checksum, under the published name, nor with a right one."
    torch.save(dict(a=Runs(tmp_path/"ran")), hub/"resnet50-0676ba61.pth")
    with pytest.raises(ValueError, match="resnet50-0676ba61.pth cannot be read .* not the published file: "
        "sha256 .*, expected 0676ba61. Delete"):
        pretrained_state("resnet50")
    published(hub, monkeypatch, partial(torch.save, dict(a=Runs(tmp_path/"ran"))))
    with pytest.raises(ValueError, match="cannot be read as weights of 'resnet18'"):
        pretrained_state("resnet18")
    assert not (tmp_path/"ran").exists()


@pytest.mark.parametrize("name", ["deit_s", "dino_s", "vit_s"])
def test_weights_of_timm_are_tensors_alone(hub, tmp_path, name):
    path = room.weights_place(name)[1]
    path.write_bytes(pickle.dumps(Runs(tmp_path/"ran")))
    with pytest.raises(ValueError, match="Delete it, or put https://huggingface.co/timm"):
        pretrained_state(name)
    assert not (tmp_path/"ran").exists()
    save_file(dict(a=torch.arange(3.)), path)
    assert_close(pretrained_state(name), dict(a=torch.arange(3.)))


class Endless(http.server.BaseHTTPRequestHandler):
    "Sends without end and says no length, or a byte at a time."
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 if self.path=="/slow" else 100_000))
                if self.path=="/slow": time.sleep(.05)
        except OSError: return
    def log_message(self, *_): pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Changing(http.server.BaseHTTPRequestHandler):
    "A file of 10 bytes that breaks off after 4, and is another version afterwards; a range is given of one version."
    content,breaks = b"a"*10,True
    def do_GET(self):
        cls,tag = type(self),f'"{self.content[:1].decode()}"'
        rest = self.headers.get("Range") and self.headers.get("If-Range", tag)==tag
        body = self.content[4:] if rest else self.content
        self.send_response(206 if rest else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:4] if cls.breaks else body)
        cls.breaks = False
    def log_message(self, *_): pass


@pytest.mark.parametrize("changes", [False, True])
def test_a_resumed_download_is_of_one_version(tmp_path, monkeypatch, changes):
    for name in ("content","breaks"): monkeypatch.setattr(Changing, name, getattr(Changing, name))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Changing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x"
        with pytest.raises(OSError, match="broke after 4 of 10"): fetch(url, tmp_path/"x", "")
        if changes: Changing.content = b"b"*10
        assert fetch(url, tmp_path/"x", "").read_bytes()==Changing.content
        assert not list(tmp_path.glob("x.*"))
        server.shutdown()


def test_a_download_ends(server, tmp_path, growth):
    with growth(10), pytest.raises(OSError, match="large.bin: it is larger than 3,000,000 bytes"):
        fetch(f"{server}/large.bin", tmp_path/"x", "0"*32, most=3_000_000)
    assert not (tmp_path/"x.part").exists()
    began = time.monotonic()
    with pytest.raises(OSError, match="slow: it took too long"):
        fetch(f"{server}/slow", tmp_path/"x", "", seconds=.3)
    assert time.monotonic()-began<3
    assert os.path.getsize(tmp_path/"x.part")<100


def moved():
    "A fused optimizer after a step, with a weight in channels-last memory, and its state."
    weights = [torch.nn.Parameter(torch.ones(5)),
        torch.nn.Parameter(torch.ones(4, 2, 3, 3).to(memory_format=torch.channels_last))]
    optimizer, = make_optimizers([dict(params=weights, lr=.1)], fused=True)
    for weight in weights: weight.grad = torch.arange(weight.numel(), dtype=torch.float).view_as(weight)+1
    optimizer.step()
    return optimizer,optimizer.state_dict()


@pytest.mark.parametrize("change, says", [
    (lambda moment: moment[0], "exp_avg of parameter 1 has shape (2, 3, 3), expected (4, 2, 3, 3)"),
    (lambda moment: moment.new_zeros(400, 2, 3, 3), "exp_avg of parameter 1 has shape (400, 2, 3, 3)"),
    (lambda moment: moment.permute(1, 0, 2, 3), "exp_avg of parameter 1 has shape (2, 4, 3, 3)")])
def test_a_moment_of_another_shape_is_refused(change, says):
    optimizer,state = moved()
    state["state"][1]["exp_avg"] = change(state["state"][1]["exp_avg"])
    with pytest.raises(ValueError, match=re.escape(says)): load_optimizer_state(optimizer, state)


def test_a_moment_that_lies_otherwise_in_memory_is_laid_out(tmp_path):
    "One number in memory that stands for 72: the next step reads and writes 72."
    optimizer,state = moved()
    state["state"][1]["exp_avg"] = torch.full((1, 1, 1, 1), .5).expand(4, 2, 3, 3)
    load_optimizer_state(optimizer, state)
    weight = optimizer.param_groups[0]["params"][1]
    found = optimizer.state[weight]["exp_avg"]
    assert found.untyped_storage().nbytes()==288
    assert found.stride()==weight.stride()
    assert (found==.5).all()


def test_a_state_of_other_parameters_is_refused():
    optimizer,state = moved()
    for odd in (2, "1"):
        with pytest.raises(ValueError, match=f"of a parameter {odd}; expected 0 to 1"):
            load_optimizer_state(optimizer, state|dict(state={odd: state["state"][1]}))
    state["state"][0]["step"] = torch.zeros(3)
    with pytest.raises(ValueError, match="step of parameter 0 has shape"): load_optimizer_state(optimizer, state)


def forged(path, state):
    "A checkpoint with our own checksum and a state that we would not write."
    tensors = dict(a=torch.arange(6.))
    save_file(tensors, path, dict(kind=checkpoint_format, state=state, sha256=checksum(state, tensors)))
    return path


@pytest.mark.parametrize("state, says", [
    ("["*3000+"]"*3000, "recursion"), ('{"a":'*3000+"1"+"}"*3000, "recursion"), ("{", "Expecting"),
    ('{"#tensor":"a","#shape":[1000000,1000000],"#stride":[0,0]}', "a has 6 numbers"),
    ('{"#tensor":"a","#shape":[2,3],"#stride":[600,1]}', "out of bounds"),
    ('{"#tensor":"b","#shape":[6],"#stride":[1]}', "'b'"),
    ('{"#dict":[[[],1]]}', "unhashable"), ("[1]", "its state is a list, expected a dict")])
def test_a_forged_checkpoint_is_refused_in_one_line(tmp_path, state, says):
    path = forged(tmp_path/"00001-0000000.safetensors", state)
    with pytest.raises(ValueError) as e: read_checkpoint(path)
    assert str(e.value).startswith(f"{path} is damaged")
    assert says in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["odd","a=b","a b"])
def test_git_runs_nothing_that_a_folder_names(tmp_path, name):
    "A monitor, a hook and a filter that leave a file behind; a changed file is seen all the same."
    def git(*words):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=b", *words], check=True,
            capture_output=True)
    git("init")
    (tmp_path/"a.txt").write_text("one")
    git("add", "a.txt")
    git("commit", "-m", "a")
    script = tmp_path/".git"/"run.sh"
    script.write_text("#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\ncat\n")
    script.chmod(0o755)
    (tmp_path/".git"/"hooks").mkdir(exist_ok=True)
    (tmp_path/".git"/"hooks"/"post-index-change").write_text(f"#!/bin/sh\n{script} </dev/null\n")
    (tmp_path/".git"/"hooks"/"post-index-change").chmod(0o755)
    (tmp_path/".git"/"info"/"attributes").write_text(f"*.txt filter={name.split()[0]}\n")
    for filter in {name,name.split()[0]}:
        for key, value in {"clean":script, "process":script, "required":"true"}.items():
            git("config", f"filter.{filter}.{key}", str(value))
    git("config", "core.fsmonitor", str(script))
    os.utime(tmp_path/"a.txt", (1, 1))                                       # git has to look into the file
    assert git_state(tmp_path)["dirty"] is False
    (tmp_path/"a.txt").write_text("two")
    assert git_state(tmp_path)["dirty"] is True
    assert not (tmp_path/".git"/"ran").exists()
    subprocess.run(["git", "-C", tmp_path, "status"], check=False, capture_output=True)
    assert (tmp_path/".git"/"ran").exists()  # the trap works
