"""Every recipe: it resolves, says what the paper's table says, and takes one step of training on small
folders in the published formats."""
import ast
import inspect
import json
import pickle
import re
import warnings
from functools import lru_cache,partial
from pathlib import Path

import formats
import hiernb.run.experiment as room
import hiernb.train.learner as step
import numpy as np
import pytest
import torch
from hiernb.train.checkpoint import describe_module
from hiernb.data import load
from hiernb.data.base import Data,ImageSet,sources
from hiernb.run.grid import plan
from hiernb.model.head import Head
from hiernb.run.schema import section_keys,toml_value
from hiernb.run.merge import make_loss_of
from hiernb.loss.hier import HIER
from hiernb.loss.configurations import inspecting_losses
from hiernb.loss.metric import ProxyAnchor,SupCon
from hiernb.loss.regularized import Regularized
from hiernb.model.backbones import Embedder,architectures,check_build
from hiernb.train.config import Options
from hiernb.run.recipe import books,override,read_recipe,recipe_names
from hiernb.run.experiment import assemble,recipes_apart
from hiernb.train.loop import Trainer
from hiernb.train.sampling import batches,on_device
from hiernb.tree.taxonomy import Taxonomy
from hypothesis import given,settings
from hypothesis import strategies as st
from test_data_inspecting import bird_lists
from torch import nn

names = recipe_names()
hier,inspecting = (recipe_names(f"{n}/*") for n in ("hier","inspecting"))

# --- what the papers say ------------------------------------------------------------------------------------
# -----------------------------
# in all, warm-up; weight decay
epochs = dict(cub=(100,1,1e-2), cars=(100,1,1e-2), sop=(150,5,1e-4), inshop=(150,5,1e-4))
# rate; its decay: factor, every
resnet = dict(cub=(1e-4,.5,5), cars=(1e-4,.5,10), sop=(6e-4,.3,25), inshop=(6e-4,.3,20))
rates = dict(deit_s=1e-5, dino_s=5e-6, vit_s=1e-5)
anchor = dict(name="ProxyAnchor", geometry="sphere", c=None, alpha=32., margin=.1, start="published")
similarity = dict(name="MultiSimilarity", geometry=None, c=None, alpha=2., beta=50., base=.5)
losses = dict(  # all that a row's [loss] says
    pa=anchor, pnca=anchor|dict(name="ProxyNCA"), ms=similarity,
    contrastive=dict(name="SupCon", geometry=None, c=.1, tau=.2, as_published=True),
    softtriple=dict(name="SoftTriple", geometry="sphere", c=None, n_centers=10, scale=20., gamma=.1,
    margin=.01, start="published"))
losses |= {f"{name}-hier":loss for name,loss in losses.items()}
reported = {"resnet50-pa-hier":(70.1,88.2,80.2,92.4), "deit-s-128-pa-hier":(75.2,85.1,82.5,91.0),
    "dino-s-128-pa-hier":(78.5,88.4,84.9,92.6),
            "vit-s-128-pa-hier":(84.2,86.4,85.6,92.7), "deit-s-384-pa-hier":(78.7,88.9,83.0,90.6),
            "dino-s-384-pa-hier":(81.1,91.3,85.7,92.5),
            "vit-s-384-pa-hier":(85.7,88.3,86.1,92.8)}  # of HIER with Proxy-Anchor; others trained the rest

@pytest.mark.parametrize("name", epochs)
def test_hier_says_what_the_paper_says(name):
    for recipe in map(read_recipe, recipe_names(f"hier/{name}-*")):
        data,model,training,loss = (recipe.sections[s] for s in ("data","model","training","loss"))
        vit,kind = model["name"]!="resnet50",recipe.name.split("-",1)[1]
        assert (data["name"],data["model"],data["size"],data["side"],recipe.seed)==(name,model["name"],224,
            None,0)
        assert data["val"]==(8 if name=="cars" else .1)  # of 98 classes 90 are left: 180 images, two of each
        assert loss==losses[next(k for k in sorted(losses, key=len, reverse=True) if kind.endswith(f"-{k}"))]
        assert [training[k] for k in ("select","select_on_test","augment","views","clip_norm",
            "ema_decay")]==[None,False,None,1,None,None]
        assert tuple(training[k] for k in ("epochs","warmup_epochs","weight_decay"))==epochs[name]
        assert training["warmup_frozen"]==("model.net",)
        hyp = loss["name"]=="SupCon"
        times = 2 if hyp else 1  # eight images a class, twice the batch and the rate
        assert [training[k] for k in ("batch_size","images_per_class")]==([360,8] if hyp else [180,2])
        assert [training[k] for k in ("optimizer","eps","clip_value","precision")]==["adamw",1e-4,10,
            "16-mixed"]
        # one over the processes of their scripts
        assert training["replacement"]
        assert training["model_gradient_scale"]==(.25 if hyp else .5)
        assert (model["pretrained"],model["head"],model["c"],model["clip_r"])==(True,"poincare",.1,2.3)
        factors = training["lr_factors"] or {}
        if vit:
            assert training["lr"]==rates[model["name"]]*times
            assert training["schedule"] is None
            assert model["freeze"]==("patch_embed",)
            assert model["pool"]=="avg"
            assert model["dim"]==int(kind.split("-")[2])
            assert factors.get("model.head")==(100 if name in ("sop","inshop") else None)
        else:
            lr,factor,every = resnet[name]
            assert training["lr"]==lr*times
            assert training["schedule"]==dict(name="step", every=every, factor=factor)
            assert (model["dim"],model["pool"],model["freeze"])==(512,"avg+max",("batch_norm_statistics",))
            assert "model.head" not in factors
        proxies = {"ProxyAnchor":"proxies","ProxyNCA":"proxies","SoftTriple":"centers"}.get(loss["name"])
        with_hier = "regularizer" in recipe.sections
        assert with_hier==kind.endswith("-hier")
        if proxies: assert factors[f"loss.{'loss.' if with_hier else ''}{proxies}"]==1e4
        if with_hier:
            said = recipe.sections["regularizer"]
            assert factors["loss.regularizer"]==50
            assert [said[k] for k in ("weight","n_proxies","topk","tau","margin","triplets_per_anchor","c",
                "clip_r")]==[.5,512,20,.1,.1,50,.1,2.3]
        numbers = reported.get(kind, ())
        at = list(epochs).index(name)
        assert recipe.published==({"Recall@1":pytest.approx(numbers[at]/100)} if at<len(numbers) else {})

four = Taxonomy.from_paths([("a","b"),("a","c"),("d","e"),("d","f")])
draw = lambda: torch.Generator().manual_seed(0)

def loss_as_described(recipe):
    "What tells the loss of a recipe from others."
    return describe_module(loss_for_four(recipe))

def loss_for_four(recipe):
    return make_loss_of(recipe.sections, 4, recipe.sections["model"]["dim"], four, draw())

def test_inspecting_says_what_the_paper_says():
    configurations = {name:describe_module(make(draw()))
        for name,make in inspecting_losses(4, 128, four).items()}
    pixels = dict(cifar100=None, fashion_mnist=None)
    networks = dict(cifar100="resnet50", nabirds="resnet50", micros="inception_v3", microl="inception_v3",
        mesoz="inception_v3", fashion_mnist="resnet50")
    configurations["random"] = configurations["normface"]  # never trained: its proxies are random points
    assert len(inspecting)==6*15
    assert set(inspecting)=={f"inspecting/{name}-{c}" for name in networks for c in configurations}
    for recipe in map(read_recipe, inspecting):
        data,model,training,loss = (recipe.sections[s] for s in ("data","model","training","loss"))
        words = recipe.name.split("-")[1:]
        plankton = data["name"] in ("micros","microl","mesoz")
        untrained = words==["random"]
        assert (model["name"],model["dim"],model["head"],model["pretrained"])==(networks[data["name"]],128,
            "linear",not untrained)
        assert model["size_info"]==plankton==data.get("size_info", False)
        assert model["channels"]==(1 if data["name"] in ("mesoz","fashion_mnist") else 3)
        assert training["epochs"]==(0 if untrained else 50 if plankton else 100)
        assert [training[k] for k in ("batch_size","optimizer","lr","weight_decay","schedule",
            "precision")]==[32,"adam",1e-4,0.,None,"32-true"]
        assert (training["select"],training["select_on_test"],training["warmup_epochs"])==("accuracy",False,0)
        assert not any(training[k] for k in ("lr_factors","images_per_class","clip_value","clip_norm"))
        assert data.get("size")==pixels.get(data["name"], 128)
        assert data.get("stratified", True)
        assert data.get("split", "random")=="random"
        assert data.get("augment")==dict(cifar100=True, nabirds=True, fashion_mnist=None).get(data["name"],
            False)
        assert data.get("val")==dict(cifar100=.1, fashion_mnist=5000).get(data["name"])
        assert loss_as_described(recipe)==configurations["-".join(words)]
        if "ProxyDR" in loss["name"] or "NormFace" in loss["name"]:
            assert loss["proxies"]==next((w for w in words if w in ("ema","mds")), "learned")
            assert loss["scale"]==("dynamic" if "dynamic" in words else 10.)
            assert loss["distance"]=="euclidean"
            assert loss["ema_alpha"]==.01
            assert loss["beta"]==1
        assert training["eps"]==1e-8
        assert loss.get("start", "published")=="published"

def study(name, *names, **given):
    "What a study's notebook calls by these names."
    path = Path(__file__).parent.parent/"nbs/90_study"/f"{name}.ipynb"
    found = dict(given)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"]!="code" or not any(f"{n} = " in text or f"{n}," in text or f"def {n}(" in text
            for n in names):
            continue
        for node in ast.parse(re.sub(r"(?m)^[%!].*$", "", text)).body:
            made = {getattr(node, "name", None)}
            if isinstance(node, ast.Assign):
                made = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx,
                    ast.Store)}
            if made&set(names): exec(compile(ast.Module([node], []), str(path), "exec"), found)
    assert set(names)<=set(found)
    return found

def settings_of(recipe): return {k:v for k,v in recipe.flat().items() if v is not None}

def test_fashion_mnist_says_what_study_90_does():
    there = study("01_fashion_mnist", "sizes", "dim")
    of = inspecting_losses(4, there["dim"], four)
    for name in recipe_names("fashion_mnist/*"):
        recipe = read_recipe(name)
        said = settings_of(recipe)
        assert loss_as_described(recipe)==describe_module(of[name.split("/")[1]](draw()))
        assert [said[k] for k in ("model.name","model.dim","model.channels","model.pretrained",
            "training.epochs","training.batch_size","training.lr")]==[
            "small_cnn",there["dim"],1,False,there["sizes"]["full"]["epochs"],there["batch_size"],there["lr"]]

def test_emoji_says_what_study_92_does():
    there = study(
        "03_emoji_retrieval", "sizes", "dim", "options", "losses", "rates",
        partial=partial, ProxyAnchor=ProxyAnchor, HIER=HIER, Regularized=Regularized, SupCon=SupCon)
    made = there["losses"](4, draw())
    assert set(recipe_names("emoji/*"))=={f"emoji/{name}" for name in made}
    epochs = there["sizes"]["full"]["epochs"]
    for name in made:
        recipe = read_recipe(f"emoji/{name}")
        said = settings_of(recipe)
        loss = there["losses"](4, draw())[name]()
        # how it starts
        for one,two in zip(loss.state_dict().values(), loss_for_four(recipe).state_dict().values(),
            strict=True):
            assert one.equal(two)
        assert loss_as_described(recipe)==describe_module(loss)
        assert said["training.lr_factors"]==there["rates"](loss)
        assert {k:said[f"training.{k}"] for k in there["options"]}==there["options"]
        assert said["training.schedule"]==dict(name="cosine", epochs=epochs)
        assert [said[k] for k in ("training.epochs","model.dim","model.c","model.clip_r")]==[epochs,
            there["dim"],there["c"],there["clip_r"]]

def test_inspect_emoji_says_what_study_93_does():
    there = study("04_inspect_emoji", "sizes", "dim", "options")
    of = inspecting_losses(4, there["dim"], four)
    assert set(recipe_names("inspect_emoji/*"))=={f"inspect_emoji/{level}-{name}"
        for level in there["levels"] for name in there["configurations"]}
    for name in recipe_names("inspect_emoji/*"):
        recipe = read_recipe(name)
        said = settings_of(recipe)
        level,loss = name.split("/")[1].split("-")
        assert loss_as_described(recipe)==describe_module(of[loss](draw()))
        assert {k:said[f"training.{k}"] for k in there["options"]}==there["options"]
        assert [said[k] for k in ("data.level","data.split","training.epochs","model.dim")]==[level,"images",
            there["sizes"]["full"]["epochs"],there["dim"]]

def test_zero_shot_trains_nothing():
    wide = dict(resnet50=("resnet50",2048,"avg+max"),
        **{f"{k}-s":(f"{k}_s",384,"avg") for k in ("deit","dino","vit")})
    rows = recipe_names("zero_shot/*")
    assert set(rows)=={f"zero_shot/{name}-{model}" for name in epochs for model in wide}
    for recipe in map(read_recipe, rows):
        data,model = recipe.sections["data"],recipe.sections["model"]
        assert (model["name"],model["dim"],model["pool"])==wide[recipe.name.partition("-")[2]]
        assert (model["pretrained"],model["head"],recipe.sections["training"]["epochs"])==(True,"none",0)
        assert (data["model"],data["size"])==(model["name"],224)
        assert not recipe.published

def test_every_recipe_resolves_prints_and_reads_back(tmp_path):
    for name in names:
        recipe = read_recipe(name)
        path = tmp_path/"copy.toml"
        path.write_text(recipe.to_toml(origins=True), encoding="utf-8")
        copy = read_recipe(path)
        assert recipe.name==name
        assert copy==recipe
        assert copy.published==recipe.published
        assert not recipes_apart(copy, recipe)
        assert set(recipe.origins)=={"seed"}|{f"{s}.{k}" for s,part in recipe.sections.items() for k in part}
        for section,part in recipe.sections.items():
            assert set(part)==set(section_keys(section, part.get("name"))), section

# --- one step of each ---------------------------------------------------------------------------------------
# -----------------------------
birds = [("Birds",family,f"{family} {k}") for family in ("Gulls","Ducks","Owls") for k in range(4)]

def write_sets(home):
    "Small folders in the published formats, twelve classes or more."
    of = [k for k in range(12) for _ in range(4)]
    formats.cub(home/"cub", of, [f"{k+1:03}.Bird_{k}" for k in range(12)], seed=1)
    formats.cars(home/"cars", of, [f"Make{k%3} Model {k}" for k in range(12)], seed=1)
    formats.sop(home/"sop", of[:24], of[:24], ["chair","sofa"], seed=1)
    rows = [(k,"train" if k<8 else ("query","gallery")[i%2]) for k in range(12) for i in range(4)]
    formats.inshop(home/"inshop", rows, ["WOMEN/Dresses","MEN/Vests"], seed=1)
    bird_lists(home/"nabirds", birds, [8]*12, seed=1)
    for name in ("micros","microl","mesoz"):
        for k,path in enumerate(birds):
            for i in range(6): formats.picture((home/name).joinpath(*path)/f"{i}.png", k, (16+k%3,12))
    (home/"cifar100").mkdir()
    taxonomy = Taxonomy.builtin("cifar100")
    fine = [k%100 for k in range(200)]
    coarse = taxonomy.level_labels(2)[fine].tolist()
    rows = dict(data=np.arange(200*3072).reshape(200,3072).astype(np.uint8), fine_labels=fine,
        coarse_labels=coarse)
    for name in ("train","test"): (home/"cifar100"/name).write_bytes(pickle.dumps(rows, 2))
    (home/"cifar100"/"meta").write_bytes(pickle.dumps(dict(fine_label_names=taxonomy.names), 2))

def stand_in(name, seed, **protocol):
    """Fashion-MNIST and emoji cannot be made up without their checksums: noise in their shapes, after a look
    at what their loaders are told."""
    inspect.signature(sources[name].loader).bind(Path(), seed=seed, **protocol)
    channels = 1 if name=="fashion_mnist" else 3
    taxonomy = Taxonomy.builtin("fashion_mnist") if channels==1 else Taxonomy.from_paths(birds)
    n = taxonomy.n_classes
    classes = (
        dict(train=range(8), val=(8,9), test=(10,11)) if protocol.get("split")=="classes"
        else dict.fromkeys(("train","val","test"), range(n)))
    def some(of):
        y = torch.tensor(list(of)).repeat(4)
        size = 28 if channels==1 else 16
        return ImageSet(torch.randint(0, 256, (len(y),channels,size,size), dtype=torch.uint8,
            generator=torch.Generator().manual_seed(seed)), y, .5, .5)
    return Data(name, {split:some(of) for split,of in classes.items()}, taxonomy, taxonomy.names)

class Tiny(nn.Module):
    "A network with the parts that recipes freeze, under their names."
    def __init__(self, channels):
        super().__init__()
        self.patch_embed,self.conv_stem,self.bn1 = (
            nn.Conv2d(channels, 8, 4, 4),nn.Conv2d(8, 8, 1),nn.BatchNorm2d(8))
        self.blocks = nn.ModuleList([nn.Conv2d(8,8,1) for _ in range(7)])
    def forward(self, x):
        return nn.Sequential(self.patch_embed, self.conv_stem, self.bn1, *self.blocks)(x).mean((2,3))

def tiny_build(name, dim=128, channels=3, pretrained=False, size_info=False, head="linear", c=.1, clip_r=2.3,
    pool="avg", freeze=(), generator=None):
    "`build` with a tiny network in place of the real one."
    check_build(name, dim, channels, pretrained, size_info, head, pool)
    torch.manual_seed(0)
    known = architectures[name]
    last = (
        dict(linear=nn.Linear(8, dim), none=nn.Identity()).get(head)
        or Head(8, dim, head, c, clip_r, generator))
    return Embedder(Tiny(channels), last, dim, channels, known.image_size, known.mean, known.std, size_info,
        freeze)

@pytest.fixture(scope="module")
def small_sets(tmp_path_factory):
    "`load` from small folders, each combination of options once."
    home = tmp_path_factory.mktemp("sets")
    write_sets(home)
    @lru_cache(maxsize=None)
    def from_folder(name, seed, protocol):
        protocol = pickle.loads(protocol)
        if name in ("fashion_mnist","emoji"): return stand_in(name, seed, **protocol)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load(name, root=home, seed=seed, **protocol)
    return lambda name, root=None, seed=0, **protocol: from_folder(name, seed, pickle.dumps(protocol))

@pytest.fixture(autouse=True)
def one_fabric(monkeypatch):
    "A Fabric reads the packages that are installed each time: one is enough."
    monkeypatch.setattr(step, "local_fabric", lru_cache(maxsize=None)(step.local_fabric))

def one_step(recipe, folder):
    "Take the first step of a recipe; the trainer, with what was learned before and after."
    data,model,loss = assemble(recipe)
    options = Options(seed=recipe.seed, **{k:v for k,v in recipe.sections["training"].items() if k!="epochs"})
    trainer = Trainer(model, loss, data, folder, options, "cpu")
    warm = options.warmup_epochs
    before = {k:p.detach().clone() for k,p in trainer.learner.named.items()}
    parts,held = trainer.begin(warm)  # the first epoch in which everything may move
    loaded = batches(trainer.dataset, sampler=parts[:1])
    batch = next(on_device(loaded, torch.device("cpu"), trainer.to_numbers))
    assert not held
    trainer.advance(parts[0], batch)
    return trainer,{k for k,p in trainer.learner.named.items() if not p.equal(before[k])}

changes = ["model.pretrained=false","training.precision=32-true","training.batch_size=8"]

def dry_run(name, folder, more=()):
    "A recipe with small images and batches: its rates, what is frozen, what moves."
    smaller = ["data.size=16"]*("cifar100" not in name and "fashion" not in name)
    # the sets here have six or eight classes to train on
    if "hier/" in name: smaller += ["data.val=0.1","training.images_per_class=2"]
    if "-hier" in name: smaller += ["regularizer.n_proxies=32","regularizer.triplets_per_anchor=2"]
    recipe = read_recipe(name, [*changes,*smaller,*more])
    trainer,moved = one_step(recipe, folder)
    training = recipe.sections["training"]
    factors = training["lr_factors"] or {}
    named = trainer.learner.named
    lr_of = {}
    for optimizer in trainer.learner.optimizers:
        for group in optimizer.param_groups:
            lr_of |= dict.fromkeys(map(id, group["params"]), group["initial_lr"])
    for prefix,factor in factors.items():
        mine = [p for k,p in named.items() if k.startswith(prefix+".") or k==prefix]
        assert mine and all(lr_of[id(p)]==pytest.approx(training["lr"]*factor) for p in mine), prefix
    still = {k for k,p in named.items() if not p.requires_grad}
    assert not still&moved
    assert any(k.startswith("model.head") for k in moved)
    # scales and shifts learn
    assert bool(still)==bool(set(recipe.sections["model"]["freeze"])-{"batch_norm_statistics"})
    for k,p in named.items():
        if k.startswith("loss.") and p.requires_grad and "dynamic" not in k: assert k in moved, k
    return trainer

@pytest.mark.parametrize("start",
    ["hier/cub","hier/cars","hier/sop","hier/inshop","inspecting/cifar100","inspecting/nabirds",
    "inspecting/micros",
                                   "inspecting/microl","inspecting/mesoz","inspecting/fashion_mnist",
                                   "fashion_mnist","emoji","inspect_emoji"])
def test_every_recipe_takes_a_step(start, small_sets, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "load", small_sets)
    monkeypatch.setattr(room, "build", tiny_build)
    mine = [name for name in names if re.match(f"{start}[-/]", name)]
    assert mine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in mine: dry_run(name, tmp_path)

@pytest.mark.parametrize("name,size",
    [("hier/cub-resnet50",32), ("hier/cars-deit-s-128",32), ("hier/sop-dino-s-384-contrastive",32),
    ("hier/inshop-vit-s-384-softtriple",32), ("inspecting/mesoz-proxydr-dynamic",80),
    ("fashion_mnist/corr",None), ("emoji/pa-hier-depth",32)])
def test_every_network_takes_a_step(name, size, small_sets, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "load", small_sets)
    trainer = dry_run(name, tmp_path, ["training.batch_size=4"]+([f"data.size={size}"] if size else []))
    assert type(trainer.learner.model.net).__name__!="Tiny"

def test_all_of_the_network_stands_still_while_it_warms_up(small_sets, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "load", small_sets)
    monkeypatch.setattr(room, "build", tiny_build)
    recipe = read_recipe("hier/cub-resnet50", [*changes,"data.size=16"])
    data,model,loss = assemble(recipe)
    trainer = Trainer(model, loss, data, tmp_path,
        Options(**{k:v for k,v in recipe.sections["training"].items() if k!="epochs"}), "cpu")
    always = {id(p) for p in model.net.parameters() if not p.requires_grad}
    assert {id(p) for p in trainer.begin(0)[1]}=={id(p) for p in model.net.parameters()}-always

@pytest.mark.parametrize("name, changed", [
    ("zero_shot/cub-dino-s", ["data.size=28","model.dim=1024"]),
    ("inspecting/micros-random", ["data.size=28","model.dim=16"])])
def test_no_epochs_measure_the_weights_of_the_start(name, changed, small_sets, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "load", small_sets)
    quick = ["model.name=small_cnn","model.pretrained=false","evaluation.n_permutations=59",
        "evaluation.n_resamples=19"]
    recipe = read_recipe(name, [*quick,*changed])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = room.run(recipe, tmp_path/"run", progress=False, accelerator="cpu")
        _,_,model,loss = room.restore(folder)
        _,fresh,as_it_starts = assemble(recipe)
    for one,two in ((model,fresh),(loss,as_it_starts)):
        for ours,theirs in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
            assert ours.equal(theirs)
    assert "Nothing was trained" in (folder/"report.html").read_text()
    assert not (folder/"log.csv").exists()
    assert (folder/"test.csv").is_file()
    assert not (folder/"figures"/"training.svg").exists()
    assert room.finished(recipe, folder)

@pytest.mark.parametrize("name, dim, says", [
    ("small_cnn",128,"head='none' keeps the 1024 features of small_cnn: set dim=1024, got 128")])
def test_no_head_keeps_the_width_of_the_features(name, dim, says):
    with pytest.raises(ValueError, match=re.escape(says)): room.build(name, dim, head="none")
    images = torch.rand(2, 3, 28, 28, generator=draw())
    net = room.build(name, 1024, head="none").eval()
    torch.testing.assert_close(net(images), net.net(images), rtol=0, atol=0)

# --- misuse -------------------------------------------------------------------------------------------------
# -----------------------------
@pytest.mark.parametrize("bad",
    ["training.precision=fp16","training.batch_size=181","training.augment={siz=224}","model.name=resnet51",
    "loss.margin=nan",
                                 "data.val=2.5","training.schedule={name='step', evry=5}",
                                 "evaluation.recall_at=[true]","regularizer=none"])
def test_a_grid_with_a_recipe_that_cannot_be_is_refused_before_any_run(bad, tmp_path):
    with pytest.raises(ValueError, match="command line|"+re.escape("hier.toml [loss.pa-hier]")):
        plan(["hier/cub-resnet50"], [0], tmp_path, [bad])

word = st.text("abelnoprsty._-= \"'[]{}\n019é", max_size=12)
key = word|st.sampled_from(["training.epochs","training.lr","training.lr_factors","loss.name","data.name",
    "data","model.freeze","regularizer.topk",
                            "evaluation.most","seed"])

def test_a_setting_of_five_thousand_levels_is_text():
    value = "["*5000+"]"*5000
    assert override(f"training.lr={value}").content==dict(training=dict(lr=value))


@settings(max_examples=100)
@given(key=key,
    value=word|st.integers().map(str)|st.sampled_from(["none","true","1e-3","[1]","{a=1}","inf","nan","[]",
    "1979-05-27"]))
def test_any_override_is_taken_or_refused_by_name(key, value):
    try: recipe = read_recipe("hier/cub-resnet50", [f"{key}={value}"])
    except ValueError as e:
        assert "command line" in str(e) or repr(f"{key}={value}") in str(e) or "hier/cub" in str(e), repr(e)
        return
    assert (
        any("command line" in x for x in recipe.origins.values()) or "regularizer" not in recipe.sections
        or re.fullmatch(r"\{\s*\}", value.strip()))

@settings(max_examples=60)
@given(cuts=st.lists(st.tuples(st.integers(0, 2000),
    st.sampled_from(["", "[", "=", "\n", "\"", "x", "{", "1"])), min_size=1, max_size=3))
def test_any_damaged_file_is_read_or_refused_by_name(cuts, tmp_path_factory):
    path = tmp_path_factory.getbasetemp()/"damaged.toml"
    text = read_recipe("inspecting/micros-proxydr-ema").to_toml()
    for at,what in cuts:
        at %= len(text)
        text = text[:at]+what+text[at+1:]
    path.write_text(text, encoding="utf-8")
    try: recipe = read_recipe(path)
    except (ValueError,FileNotFoundError) as e:
        assert "damaged" in str(e) or recipe_of(text) in str(e), repr(e)
        return
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert read_recipe(path)==recipe

def recipe_of(text):
    "The name that a file gives itself."
    found = re.search(r'^name ?= ?"(.*?)"', text, re.M)
    return found[1] if found else "damaged"

def test_the_files_read_like_tables():
    for name,path in books().items():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ") and len(lines)<70 and max(map(len, lines))<=160, name
        assert path.parent.name=="recipes"
        assert f"{name}/" in "\n".join(lines[:3])
    assert json.loads(toml_value("a\"b"))=="a\"b"
