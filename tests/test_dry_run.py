"""Every recipe of both papers with the true numbers of classes and images of its set, and no image.

Labels are enough for the loss, the sampler, the steps of an epoch, the schedule, the rates and the lists that
are evaluated. The published
totals are true; how many images each class has is published for CIFAR-100 and Fashion-MNIST alone. Elsewhere
the images are shared
out evenly, except that one training class of the retrieval sets gets a single image and its neighbor the
rest.
"""
import math
import warnings
from functools import lru_cache
from pathlib import Path

import hiernb.data.cars
import hiernb.data.cifar100
import hiernb.data.cub
import hiernb.data.fashion_mnist
import hiernb.data.inshop
import hiernb.data.nabirds
import hiernb.data.plankton
import hiernb.data.sop
import hiernb.loss.proxies
import hiernb.train.manifest
import hiernb.train.trainer
import pytest
import torch
from formats import spread
from hiernb.train.sampling import ClassBalancedSampler
from hiernb.data import load
from hiernb.data.known_classes import Labeled
from hiernb.data.image_lists import Listing
from hiernb.run.schema import Evaluation
from hiernb.metric.retrieval_null import readable_lengths
from hiernb.run.evaluation import check_measurable, parts_of
from hiernb.train.optim import schedule_factor
from hiernb.train.config import Options
from hiernb.run.recipe import read_recipe, recipe_names
from hiernb.run.experiment import make_loss
from hiernb.train.trainer import Trainer
from hiernb.tree.taxonomy import Taxonomy
from test_recipes import one_fabric, tiny_build  # noqa: F401 - a fixture

retrieval = dict(                                              # split -> images, classes
    cub=dict(train=(5_864,100), test=(5_924,100)),
    cars=dict(train=(8_054,98), test=(8_131,98)),
    sop=dict(train=(59_551,11_318), test=(60_502,11_316)),
    inshop=dict(train=(25_882,3_997), query=(14_218,3_985), gallery=(12_612,3_985)))
inspected = dict(cifar100=(60_000,100), nabirds=(48_562,555), micros=(6_738,109), microl=(8_348,102),
    mesoz=(6_653,52))
splits = dict(  # images to train on, to choose the epoch by, to test
    cifar100=(45_000,5_000,10_000), nabirds=(33_993,4_856,9_713), micros=(4_716,673,1_349),
    microl=(5_843,834,1_671), mesoz=(4_657,665,1_331), fashion_mnist=(55_000,5_000,10_000))
lists = dict(cub=[1,2,4,8], cars=[1,2,4,8], sop=[1,10,100,1000], inshop=[1,10,20,30])              # Recall@
taxonomies = Path(__file__).parent/"taxonomies"


def uneven(images:int, classes:int)->list[int]:
    "The class of each image: as even as it goes, but the first class has one image."
    return sorted(1 if i and k==0 else k for i,k in enumerate(spread(images, classes)))


def listing(name:str)->Listing:
    "A retrieval set without files."
    labels,where,first = [],[],0
    for split,(images,classes) in retrieval[name].items():
        labels += [first+k for k in (uneven if split=="train" else spread)(images, classes)]
        where += [split]*images
        if split!="query": first += classes                    # queries and gallery are of the same classes
    names = [f"class {k}" for k in range(first)]
    paths = [f"{i}.jpg" for i in range(len(labels))]
    return Listing(Path("list"), paths, labels, where, names,
        [(f"group {k%12}",n) for k,n in enumerate(names)])


def labeled(name:str)->Labeled:
    "A set of the Inspecting paper with its published tree, without files."
    images,classes = inspected[name]
    taxonomy = (
        Taxonomy.from_csv(taxonomies/f"{dict(micros='MicroS', microl='MicroL', mesoz='MesoZ').get(name, name)}.tsv"))
    assert taxonomy.n_classes==classes
    return Labeled(Path("list"), Path("."), [f"{i}.jpg" for i in range(images)], spread(images, classes),
        taxonomy)


def pixels(n:int, classes:int)->tuple[torch.Tensor,torch.Tensor]:
    "Images of one pixel, as many of each class."
    return torch.zeros(n, 3, 1, 1, dtype=torch.uint8),torch.arange(n)%classes


@pytest.fixture(scope="module")
def true_sets():
    "`load` with the readers of lists and images replaced; each set, and each protocol of it, once."
    with pytest.MonkeyPatch.context() as patch:
        for name in retrieval:
            patch.setattr(getattr(hiernb.data, name), f"read_{name}",
                lambda folder: (listing(folder.name),folder))
        for module in (hiernb.data.image_lists, hiernb.data.nabirds):
            patch.setattr(module, "require_image_files", lambda *_: None)
        patch.setattr(hiernb.data.nabirds, "read_nabirds", lambda folder: (labeled("nabirds"),[]))
        patch.setattr(hiernb.data.plankton, "read_plankton", lambda name,folder: labeled(name))
        parts = dict(train=pixels(50_000, 100), test=pixels(10_000, 100))
        patch.setattr(hiernb.data.cifar100, "obtain", lambda *_: None)
        patch.setattr(hiernb.data.cifar100, "published_md5", lambda _: {})  # there are no files to compare
        patch.setattr(hiernb.data.cars, "changed_lists", lambda *_: {})
        patch.setattr(hiernb.data.cifar100, "read_cifar100",
            lambda _: (parts,Taxonomy.builtin("cifar100").names))
        def idx(name):
            images,labels = pixels(60_000 if "train" in name else 10_000, 10)
            return images[:,0] if "images" in name else labels.to(torch.uint8)
        files = {f"{part}-{kind}-ubyte.gz" for part in ("train","t10k") for kind in ("images-idx3",
            "labels-idx1")}
        patch.setattr(hiernb.data.fashion_mnist, "obtain", lambda _: {name:name for name in files})
        patch.setattr(hiernb.data.fashion_mnist, "read_idx", idx)
        patch.setattr(hiernb.train.manifest, "hash_files",
            lambda paths,_: ([[0,0]]*len(paths),[""]*len(paths)))
        manifests,whole = {},hiernb.train.trainer.Manifest.of
        def manifest(data, earlier):
            if id(data) not in manifests: manifests[id(data)] = data,whole(data, earlier)
            return manifests[id(data)][1]
        patch.setattr(hiernb.train.trainer.Manifest, "of", manifest)
        samplers = {}
        def sampler(labels, *how, **more):  # ten thousand classes take a while
            # less the names
            key = id(labels),how,tuple((k,v) for k,v in more.items() if not isinstance(v, list))
            if key not in samplers: samplers[key] = labels,ClassBalancedSampler(labels, *how, **more)
            return samplers[key][1]
        patch.setattr(hiernb.train.trainer, "ClassBalancedSampler", sampler)
        # a thousand steps, and no arithmetic
        patch.setattr(hiernb.loss.proxies, "refine", lambda points,*_: points)
        @lru_cache(maxsize=None)
        def once(name, seed, options): return load(name, seed=seed, **dict(options))
        # `model` is left out: it decides the transforms
        yield lambda name,seed,model=None,**options: once(name, seed, tuple(sorted(options.items())))


def check_lists(recipe, data)->list[int]:
    "Every list that a protocol asks for can be read, from one end to the other."
    settings = Evaluation(**recipe.sections["evaluation"])
    parts = [data.splits[name].labels for name in parts_of(data)]
    asked = settings.recall_at or data.protocol["recall_at"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert readable_lengths(asked, len(parts[-1])-(len(parts)==1), data.name)==list(asked)
    return list(asked)


losses = {}  # the last one: recipes with the same loss stand side by side


def dry_run(recipe, data, folder)->Trainer:
    "All of a run that needs no image."
    options = Options(seed=recipe.seed, **{k:v for k,v in recipe.sections["training"].items() if k!="epochs"})
    model = recipe.sections["model"]
    key = str((data.name, model["dim"], recipe.sections["loss"], recipe.sections.get("regularizer")))
    if key not in losses:
        losses.clear()
        losses[key] = make_loss(recipe, data, torch.Generator().manual_seed(recipe.seed))
    trainer = Trainer(tiny_build(**model|dict(pretrained=False)), losses[key], data, folder, options, "cpu")
    check_measurable(data, Evaluation(**recipe.sections["evaluation"]), "regularizer" in recipe.sections)
    for epoch in range(recipe.sections["training"]["epochs"]):
        assert schedule_factor(options.schedule, epoch)>0
    return trainer


def ways(names:list[str])->list:
    "Recipes, those with the same loss side by side."
    recipes = [read_recipe(name) for name in names]
    return sorted(recipes,
        key=lambda r: (r.sections["model"]["dim"], str(r.sections["loss"]),
        str(r.sections.get("regularizer"))))


@pytest.mark.parametrize("name", retrieval)
def test_hier_with_the_true_numbers(name, true_sets, one_fabric, tmp_path):  # noqa: F811
    classes = dict(cub=90, cars=90, sop=10_186, inshop=3_597)
    batches = set()
    for recipe in ways(recipe_names(f"hier/{name}-*")):
        given = dict(recipe.sections["data"])
        data = true_sets(given.pop("name"), recipe.seed, **given)
        trainer = dry_run(recipe, data, tmp_path)
        labels,o = data.splits["train"].labels,trainer.options
        assert len(labels.unique())==classes[name], recipe.name
        assert getattr(trainer.learner.loss, "n_classes", classes[name])==classes[name], recipe.name
        assert trainer.steps==len(labels)//o.batch_size and trainer.steps>0, recipe.name
        assert check_lists(recipe, data)==lists[name]
        if "regularizer" in recipe.sections: assert recipe.sections["regularizer"]["topk"]<o.batch_size
        if (o.batch_size,o.images_per_class) in batches: continue
        batches.add((o.batch_size,o.images_per_class))
        drawn = labels[next(iter(trainer.sampler))]
        assert (
            drawn.unique(return_counts=True)[1].tolist()
            ==[o.images_per_class]*(o.batch_size//o.images_per_class))
    assert batches=={(180,2),(360,8)}


@pytest.mark.parametrize("name", splits)
def test_inspecting_with_the_true_numbers(name, true_sets, one_fabric, tmp_path):  # noqa: F811
    for recipe in ways(recipe_names(f"inspecting/{name}-*")):
        given = dict(recipe.sections["data"])
        data = true_sets(given.pop("name"), recipe.seed, **given)
        trainer = dry_run(recipe, data, tmp_path)
        assert tuple(len(part.labels) for part in data.splits.values())==splits[name]==tuple(
            len(data.splits[k].labels) for k in ("train","val","test"))
        assert trainer.select=="accuracy"
        assert trainer.learner.loss.n_classes==len(data.class_names)
        assert trainer.steps==math.ceil(splits[name][0]/32)


@pytest.mark.parametrize("name", retrieval)
def test_zero_shot_with_the_true_numbers(name, true_sets, one_fabric, tmp_path):  # noqa: F811
    for recipe in ways(recipe_names(f"zero_shot/{name}-*")):
        given = dict(recipe.sections["data"])
        data = true_sets(given.pop("name"), recipe.seed, **given)
        dry_run(recipe, data, tmp_path)
        assert check_lists(recipe, data)==lists[name]


@pytest.mark.parametrize("change, says", [
    (["data.val=0.1"], "a batch needs 90 classes, there are 88"),
    (["training.images_per_class=1"], "a batch needs 180 classes, there are 90"),
    (['training.lr_factors."model.neck"=2'], "model.neck"),
    (["training.schedule={name='cosine', epochs=50}"], "cosine schedule ends after 50 epochs"),
    (["evaluation.recall_at=[1,10000]"], "Recall@10000 is left out")])
def test_a_recipe_that_does_not_add_up_fails_here(change, says, true_sets, one_fabric, tmp_path):  # noqa: F811
    with pytest.raises((ValueError,UserWarning), match=says):
        recipe = read_recipe("hier/cars-deit-s-128-ms", change)
        given = dict(recipe.sections["data"])
        data = true_sets(given.pop("name"), recipe.seed, **given)
        dry_run(recipe, data, tmp_path)
        check_lists(recipe, data)
