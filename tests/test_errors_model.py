"What heads, backbones and `build` refuse, and what their messages name."
from unittest.mock import patch

import torch
from refusals import refusals,refuses
from torch import nn

import hiernb.model.backbones as backbones
from hiernb.model.backbones import Embedder,build,frozen_parts,pretrained_state,small_cnn
from hiernb.model.head import Head,orthogonal_linear

head = Head(40, 16)
features = torch.ones(5, 40)

@refusals({
    "no dimensions": (lambda: orthogonal_linear(6, 0, torch.Generator()), "at least 1, got 6 and 0"),
    "geometry": (lambda: Head(40, 16, "torus"), "'torus'"),
    "c of 0": (lambda: Head(40, 16, c=0.), "c must be positive"),
    "negative c": (lambda: Head(40, 16, c=-1.), "c must be"),
    "clip_r": (lambda: Head(40, 16, clip_r=0.), "clip_r must be in"),
    "no features": (lambda: Head(0, 16), "got 0 and 16"),
    "other features": (lambda: head(features[:,:7]), "(B,40), got (5, 7)"),
    "a single sample": (lambda: head(features[0]), "got (40,)"),
})
def test_heads(call, words): refuses(call, words)

net = small_cnn(1)

@refusals({
    "an unknown part": (lambda: frozen_parts(net, ("layer9",)), "cannot freeze 'layer9'", "it has 0, 1, 2"),
    "no name": (lambda: frozen_parts(net, ("",)), "cannot freeze ''"),
    "a text": (lambda: frozen_parts(net, "bn1"), "write ('bn1',)"),
    "no batch normalization": (lambda: frozen_parts(nn.Sequential(nn.ReLU()), ["batch_norm"]), "it has 0"),
})
def test_frozen_parts(call, words): refuses(call, words)

def toy(**options): return Embedder(small_cnn(1), nn.Linear(1024, 8), 8, 1, 28, [.5]*3, [.5]*3, **options)
plain,sized = toy(),toy(size_info=True)
images,sizes = torch.rand(3, 1, 28, 28),torch.full((3,2), 20)

@refusals({
    "no sizes": (lambda: sized(images), "needs sizes"),
    "idle sizes": (lambda: plain(images, sizes), "without size_info"),
    "sizes of 0": (lambda: sized(images, 0*sizes), "positive"),
    "sizes too few": (lambda: sized(images, sizes[:2]), "(3,2)"),
    "color": (lambda: plain(images.expand(-1, 3, -1, -1)), "(B,1,H,W), got (3, 3, 28, 28)"),
})
def test_images(call, words): refuses(call, words)

@refusals({
    "name": (lambda: build("vgg"), "known: small_cnn, resnet18"),
    "channels": (lambda: build("resnet18", channels=4), "got 4"),
    "pretrained": (lambda: build("small_cnn", pretrained=True), "no pretrained"),
    "no dimensions": (lambda: build("small_cnn", 0), "at least 1"),
    "head": (lambda: build("small_cnn", head="torus"), "got 'torus'"),
    "c": (lambda: build("small_cnn", head="poincare", c=0.), "c must be positive"),
    "clip_r": (lambda: build("small_cnn", head="poincare", clip_r=-1.), "clip_r must be in"),
    "sizes on the sphere": (lambda: build("small_cnn", head="sphere", size_info=True), "leave the sphere"),
    "pool": (lambda: build("small_cnn", pool="max"), "got 'max'"),
    "pool without maps": (lambda: build("vit_s", pool="avg+max"), "is for resnet18, resnet50"),
    "freeze": (lambda: build("small_cnn", freeze=("blocks",)), "cannot freeze 'blocks'"),
})
def test_builds(call, words): refuses(call, words)

def test_weights_out_of_reach(tmp_path):
    "The message names the file and the place that it belongs in."
    offline = patch.object(backbones, "fetch", side_effect=OSError("no route"))
    files = dict(resnet50="resnet50-0676ba61.pth", dino_s="vit_small_patch16_224.dino.safetensors")
    with offline,patch.object(torch.hub, "get_dir", lambda: str(tmp_path)):
        for name,file in files.items():
            words = [f"Put that file at {tmp_path}/checkpoints/{file}"]
            refuses(lambda name=name: pretrained_state(name), words, FileNotFoundError)

def test_weights_of_another_network():
    "The message says so."
    with patch.object(backbones, "pretrained_state", lambda name: dict(a=torch.ones(1))):
        refuses(lambda: backbones.bare_net("resnet18", 3, True, "avg"), ["another network's"])
