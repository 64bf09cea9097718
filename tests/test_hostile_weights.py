"Weights and states of strangers: no code in them runs, and no number of another shape reaches an optimizer."
import hashlib
import http.server
import os
import pickle
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

import hiernb.model as room
from hiernb.data.base import fetch
from hiernb.model import pretrained_state


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
    with pytest.raises(ValueError, match="resnet50-0676ba61.pth cannot be read .* not the published file: sha256 .*, expected 0676ba61. Delete"):
        pretrained_state("resnet50")
    published(hub, monkeypatch, partial(torch.save, dict(a=Runs(tmp_path/"ran"))))
    with pytest.raises(ValueError, match="cannot be read as weights of 'resnet18'"): pretrained_state("resnet18")
    assert not (tmp_path/"ran").exists()


@pytest.mark.parametrize("name", ["deit_s", "dino_s", "vit_s"])
def test_weights_of_timm_are_tensors_alone(hub, tmp_path, name):
    path = room.weights_place(name)[1]
    path.write_bytes(pickle.dumps(Runs(tmp_path/"ran")))
    with pytest.raises(ValueError, match="Delete it, or put https://huggingface.co/timm"): pretrained_state(name)
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


def test_a_download_ends(server, tmp_path, growth):
    with growth(10), pytest.raises(OSError, match="large.bin: it is larger than 3,000,000 bytes"):
        fetch(f"{server}/large.bin", tmp_path/"x", "0"*32, most=3_000_000)
    assert not (tmp_path/"x.part").exists()
    began = time.monotonic()
    with pytest.raises(OSError, match="slow: it took too long"): fetch(f"{server}/slow", tmp_path/"x", "", seconds=.3)
    assert time.monotonic()-began<3 and os.path.getsize(tmp_path/"x.part")<100
