"""The last batch of an epoch, classes with too few images, and networks built and images drawn in several
threads at once."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from hiernb.train.checkpoint import describe_module,describe_pixels
from hiernb.train.sampling import Seeded, Views, batch_sizes, batches, in_bytes, on_device
from hiernb.data.base import Data, ImageSet
from hiernb.data.cifar100 import Augmented
from hiernb.data.images import ImageFiles, Normalize, hier_transforms, inspecting_transforms
from hiernb.loss.corr import CORR
from hiernb.loss.hier import HIER
from hiernb.model.backbones import build
from hiernb.train.loop import train
from hiernb.tree.taxonomy import Taxonomy

names = ["ash", "birch", "cedar"]


class Plain(nn.Module):
    n_classes,dim = 3,4

    def __init__(self):
        super().__init__()
        self.proxies = nn.Parameter(torch.eye(3, 4))

    def logits(self, embeddings): return embeddings@self.proxies.T
    def forward(self, embeddings, labels): return F.cross_entropy(self.logits(embeddings), labels)


def images(labels)->ImageSet:
    g = torch.Generator().manual_seed(0)
    return ImageSet(torch.randint(256, (len(labels), 1, 28, 28), generator=g, dtype=torch.uint8),
        torch.tensor(labels), .5, .3)


def go(folder, labels, **options):
    flat = Taxonomy.from_paths(names)
    data = Data("trees", dict(train=images(labels), val=images([0, 1, 2]*2)), flat, flat.names)
    return train(build("resnet18", 4, 1), Plain(), data, folder, epochs=1, progress=False, accelerator="cpu",
        tensorboard=False, **options)


def test_last_batch_of_one_image(tmp_path):
    "Batch normalization of one value per channel would raise: the image joins the batch before."
    log = go(tmp_path, [0, 1, 2]*3, batch_size=4).history
    assert len(log)==1
    assert log.train_loss.notna().all()


@pytest.mark.parametrize("n", range(1, 40))
def test_batches_hold_every_image_once(n):
    for size in (1, 2, 3, 8):
        sizes = batch_sizes(n, size)
        assert sum(sizes)==n
        assert size==1 or n==1 or min(sizes)>1
        assert max(sizes)<=size+1


def test_class_with_too_few_images_is_named(tmp_path):
    with pytest.raises(ValueError,
        match=r"class 'cedar' has 1 images, a batch needs 2 of each class \(1 of 3 .*min_images=2"):
        go(tmp_path, [0, 1, 0, 1, 2], batch_size=4, images_per_class=2)


class Noise(Dataset):
    labels = torch.arange(40)
    def __len__(self): return 40
    def __getitem__(self, i): return torch.rand(3),i


made = {"build":lambda seed: build("small_cnn", 4, 1,
    generator=torch.Generator().manual_seed(seed)).net[0].weight.detach(),
        "Seeded":lambda seed: torch.stack([Seeded(Noise(), seed)[i][0] for i in range(9)])}


@pytest.mark.parametrize("make", made.values(), ids=made)
def test_draws_in_threads(make):
    state = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool: together = list(pool.map(make, range(12)))
    assert all(torch.equal(x, make(seed)) for seed,x in enumerate(together))
    assert torch.equal(torch.get_rng_state(), state)


def test_hier_of_another_default_dtype():
    "Its value depends on the dtype of what comes in alone."
    def value():
        embeddings = torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float32)/4
        loss = HIER(8, 4, topk=4, generator=torch.Generator().manual_seed(1))
        return loss(embeddings, torch.arange(12)//2, torch.Generator().manual_seed(2)).detach()
    expected = value()
    torch.set_default_dtype(torch.float64)
    try: assert torch.equal(value(), expected) and value().dtype==torch.float32
    finally: torch.set_default_dtype(torch.float32)


def test_an_epoch_without_a_batch_is_refused(tmp_path):
    "Three images with replacement fill no batch of three classes by two images."
    with pytest.raises(ValueError, match="an epoch would have no batch: lower batch_size"):
        go(tmp_path, [0, 1, 2], batch_size=6, images_per_class=2, replacement=True)


@pytest.mark.parametrize("mean, std, says", [(.4, .3, "mean [0.5]"), (.5, .2, "std [0.30000001192092896]")])
def test_images_normalized_otherwise_are_another_run(tmp_path, mean, std, says):
    go(tmp_path, [0, 1, 2]*4)
    flat = Taxonomy.from_paths(names)
    splits = {name:images(y) for name,y in (("train", [0, 1, 2]*4), ("val", [0, 1, 2]*2))}
    for split in splits.values(): split.mean,split.std = mean,std
    again = Data("trees", splits, flat, flat.names)
    with pytest.raises(ValueError, match="pixels of train is") as e:
        train(build("resnet18", 4, 1), Plain(), again, tmp_path, epochs=1, progress=False, tensorboard=False,
            accelerator="cpu")
    assert says in str(e.value)


def test_a_transform_that_is_a_function_is_known_by_its_name():
    "Its address changes from process to process, and a run of yesterday would not resume."
    class Shifted(ImageSet):
        def __init__(self, transform):
            super().__init__(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.arange(2), .5, .2)
            self.transform = transform
        def method(self, x): return x
    items = Shifted(None)
    for transform in (torch.flip, items.method, lambda x: x):
        items.transform = transform
        assert " at 0x" not in describe_pixels(items)
        assert transform.__qualname__ in describe_pixels(items)


def test_a_loss_that_places_classes_by_another_taxonomy_is_another_run():
    "Two taxonomies with the same names; the proxies that they place have one shape."
    one,other = (Taxonomy.from_paths([(group,name) for group,name in zip(groups,names)]) for groups in ("aab","abb"))
    assert describe_module(CORR(3, 4, one))!=describe_module(CORR(3, 4, other))
    assert describe_module(CORR(3, 4, one))==describe_module(CORR(3, 4, one))


class Halved(ImageSet):
    def normalize(self, images): return super().normalize(images)/2

def pictures(folder, n=6):
    "Files of several sizes."
    for i in range(n):
        size = (3, 40+i, 50)
        pixels = torch.randint(256, size, generator=torch.Generator().manual_seed(i), dtype=torch.uint8)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder/f"{i}.png")
    return [folder/f"{i}.png" for i in range(n)]

def kinds(folder):
    "Every data set of the library, some with draws of their own."
    pixels,labels = images(range(6)).images.expand(-1, 3, -1, -1),torch.arange(6)
    means = torch.tensor([.4,.5,.6]).view(3, 1, 1)
    crops = dict(zip(("prepare","transform"), hier_transforms("resnet18", True, 32)))
    plain = dict(zip(("prepare","transform"), inspecting_transforms(False, 24, 3)))
    return dict(one_mean=ImageSet(pixels, labels, .5, .2), three_means=ImageSet(pixels, labels, means, means/2),
        augmented=Augmented(pixels, labels, 0., 1., inspecting_transforms(True, None)[1]),
        crops=ImageFiles(pictures(folder), labels, **crops, with_size=True),
        files=ImageFiles(pictures(folder), labels, **plain, cache_megabytes=1))

@pytest.mark.parametrize("name", ["one_mean", "three_means", "augmented", "crops", "files"])
@pytest.mark.parametrize("workers", [0, 1])
def test_bytes_become_the_same_numbers(tmp_path, name, workers):
    "To the last bit, with the same random crops."
    items = Seeded(kinds(tmp_path)[name], seed=3)
    held,to_numbers = in_bytes(items)
    order = [[4, 1, 3],[0, 2]]
    numbers = list(batches(items, sampler=order, workers=workers))
    in_memory = batches(held, sampler=order, workers=workers)
    assert {batch[0].dtype for batch in in_memory}=={torch.uint8}
    found = list(on_device(in_memory, torch.device("cpu"), to_numbers))
    assert len(found)==2
    for one,other in zip(numbers, found):
        assert all(torch.equal(a, b) for a,b in zip(one, other, strict=True))

def test_what_reads_otherwise_stays_as_it_is(tmp_path):
    pixels,labels = images(range(6)).images,torch.arange(6)
    class Own(ImageFiles):
        def __getitem__(self, i): return super().__getitem__(i)
    plain = ImageSet(pixels, labels, .5, .2)
    own = Own(pictures(tmp_path), labels, None, Normalize((.5,)*3, (.2,)*3))
    for items in (Halved(pixels, labels, .5, .2), own, Views(plain, torch.clone), [1, 2]):
        assert in_bytes(items) is None
    other = ImageFiles(pictures(tmp_path), labels, None, lambda image: image/255)
    assert in_bytes(other) is None
    held,_ = in_bytes(ImageFiles(pictures(tmp_path), labels, None, Normalize((.5,)*3, (.2,)*3)))
    assert held[0][0].dtype==torch.uint8
