"""CIFAR-100, NABirds and the plankton sets: the published trees and sizes, and files that are damaged in
every way hypothesis finds."""
import pickle
import re
import tempfile
import uuid
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from formats import picture,text
from hiernb.data import available,load
from hiernb.data import cifar100,nabirds,plankton
from hiernb.data import known_classes as inspecting
from hiernb.tree.formats import nfc
from hiernb.tree.taxonomy import Taxonomy
from hypothesis import given,settings
from hypothesis import strategies as st
from test_data_retrieval import cut,damage

here = Path(__file__).parent
names = dict(nabirds="nabirds", micros="MicroS", microl="MicroL", mesoz="MesoZ")

def published(name): return Taxonomy.from_csv(here/"taxonomies"/f"{names.get(name,name)}.tsv")

def quietly(name, root, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(name, root=root, **options)

def bird_lists(home, paths, images, end="\n", seed=None):
    """NABirds: lists for a tree whose leaves are `paths` in the order of their ids, and `images[k]` images of
    class k. Image path -> label."""
    inner = sorted({p[:k] for p in paths for k in range(1,len(p))}, key=lambda p: (len(p),p))
    number = {p:i for i,p in enumerate([*inner,*paths])}
    rows = sorted((str(uuid.UUID(int=(k*977+i*31+1)**9%2**128)),number[p],k)
        for k,p in enumerate(paths) for i in range(images[k]))
    found = [f"{node:04}/{image.replace('-','')}.jpg" for image,node,_ in rows]
    text(home/"classes.txt", [f"{i} {p[-1]}" for p,i in number.items()], end)
    text(home/"hierarchy.txt", [f"{i} {number[p[:-1]]}" for p,i in reversed(number.items()) if i], end)
    text(home/"images.txt", [f"{image} {path}" for (image,_,_),path in zip(rows,found)], end)
    text(home/"image_class_labels.txt", [f"{image} {node}" for image,node,_ in reversed(rows)], end)
    text(home/"train_test_split.txt", [f"{image} {int(i%2)}" for i,(image,_,_) in enumerate(rows)], end)
    for path in found:
        if seed is not None: picture(home/"images"/path, seed, (16,16))
    return dict(zip(found, (k for _,_,k in rows)))

def test_nabirds_agrees_with_the_published_tree(tmp_path):
    "555 classes with 2 to 8 tiny images: taxonomy, labels, shares of every class, and nothing twice."
    taxonomy = published("nabirds")
    truth = bird_lists(tmp_path/"nabirds", taxonomy.paths, [2+k*5%7 for k in range(555)], "\r\n", 0)
    for split in ("random","official"):
        data = quietly("nabirds", tmp_path, split=split)
        assert data.taxonomy==taxonomy
        assert data.taxonomy.level_sizes==[1,22,228,495,555]
        assert data.class_names==taxonomy.names
        seen = [("/".join(path.split("/")[-2:]),y) for part in data.splits.values()
            for path,y in zip(part.paths, part.labels.tolist())]
        assert dict(seen)==truth
        assert len(seen)==len(truth)
    assert data.splits["train"][0][0].shape==(3,128,128)
    data = quietly("nabirds", tmp_path)
    total = torch.cat([part.labels for part in data.splits.values()]).bincount()
    train = data.splits["train"].labels.bincount(minlength=555)
    assert (train-.7*total).abs().max()<1
    assert train.min()>=1

def test_published_sizes_load_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(nabirds, "require_image_files", lambda *_: None)
    taxonomy = published("nabirds")
    bird_lists(tmp_path/"nabirds", taxonomy.paths, [88]*277+[87]*278)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load("nabirds", root=tmp_path)
    assert {k:len(v) for k,v in data.splits.items()}==dict(train=33_993,val=4_856,test=9_713)
    assert data.protocol["complete"]

@pytest.mark.parametrize("name", ["micros","microl","mesoz"])
def test_plankton_agrees_with_the_published_tree(name, tmp_path):
    taxonomy = published(name)
    for k,path in enumerate(taxonomy.paths):
        for i in range(2+k%3):
            picture((tmp_path/name).joinpath(*path)/f"{k}_{i}.{'JPG' if i else 'jpeg'}", k, (16+k%5,16))
    with pytest.warns(UserWarning, match=f"{name}: images: .* published"):
        data = load(name, root=tmp_path, size=16, size_info=True)
    assert data.taxonomy==taxonomy
    assert data.class_names==taxonomy.names
    assert data.taxonomy.level_sizes==plankton.plankton_counts[name]["nodes per level"]
    for part in data.splits.values():
        for path,y in zip(part.paths, part.labels.tolist()): assert int(Path(path).name.split("_")[0])==y
    image,y,size = data.splits["train"][0]
    assert image.shape==((1 if name=="mesoz" else 3),16,16)
    assert size.tolist()==[16,16+y%5]
    assert set(data.splits["train"].labels.tolist())==set(range(taxonomy.n_classes))

@pytest.mark.parametrize("name", ["cifar100","nabirds","micros","microl","mesoz"])
def test_a_missing_set_says_what_available_says(name, tmp_path):
    row = available().set_index("name").loc[name]
    with pytest.raises(FileNotFoundError) as error: load(name, root=tmp_path)
    for part in (row.license,row["size"],row["where"],f"{row.images:,}",str(tmp_path/name)):
        assert part in str(error.value)

def test_seeds_and_strata():
    labels = torch.arange(50).repeat_interleave(20)
    splits = {(s,t):inspecting.image_splits(labels, s, t) for s in range(5) for t in (True,False)}
    for (_,stratified),parts in splits.items():
        spread = labels[parts["test"]].bincount(minlength=50)
        assert (spread==4).all() if stratified else not (spread==4).all()
    assert len({tuple(p["test"].tolist()) for p in splits.values()})==10

# --- damage -------------------------------------------------------------------------------------------------
# -----------------------------
small = [("Birds","Gulls","Mew Gull","Mew Gull"),("Birds","Ducks","Teal  (Male)"),
    ("Birds","Gulls","Heermann's Gull"),("Birds","Ducks","Smew/Goosander")]

def plainly(home):
    """What the lists say when read with no check at all: image path -> path of its class.
    Only well-formed lines count."""
    lines = {f:[x.strip().split(None,1) for x in re.split(r"\r\n|\r|\n",
        (home/f"{f}.txt").read_bytes().decode("utf-8-sig")) if x.strip()]
             for f in ("classes","hierarchy","images","image_class_labels")}
    called,above = {int(a):b for a,b in lines["classes"]},{int(a):int(b) for a,b in lines["hierarchy"]}
    def up(n): return (*up(above[n]),called[n]) if n in above else (called[n],)
    of = {a:int(b) for a,b in lines["image_class_labels"]}
    return {path:up(of[image]) for image,path in lines["images"]}

@contextmanager
def written(file, data):
    before = file.read_bytes()
    file.write_bytes(data)
    try: yield
    finally: file.write_bytes(before)

@pytest.fixture(scope="module")
def birds():
    with tempfile.TemporaryDirectory() as folder:
        bird_lists(Path(folder)/"nabirds", small, [3,2,4,2])
        yield Path(folder)/"nabirds"

@settings(max_examples=150)
@given(name=st.sampled_from(["classes","hierarchy","images","image_class_labels","train_test_split"]),
    steps=st.lists(cut, min_size=1, max_size=3))
def test_damaged_bird_lists_raise_or_mean_what_they_say(birds, name, steps):
    file = birds/f"{name}.txt"
    data = file.read_bytes()
    for step in steps: data = damage(data, *step)
    with written(file, data):
        try:
            found,ids = nabirds.read_nabirds(birds)
            nabirds.official_splits(birds, ids, torch.tensor(found.labels), 0)
        except (ValueError,FileNotFoundError) as e:
            assert not isinstance(e, UnicodeError) and re.search(r"\w+\.txt", str(e)), repr(e)
            return
        assert {p:found.taxonomy.paths[y] for p,y in zip(found.paths, found.labels)}==plainly(birds)

part = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1,
    max_size=5).filter(lambda s: s not in (".",".."))

@settings(max_examples=60)
@given(paths=st.lists(st.lists(st.one_of(part, st.sampled_from(["a","b","Copepoda sp1","train"])), min_size=1,
    max_size=3).map(tuple),
                      min_size=1, max_size=6, unique=True))
def test_any_tree_of_folders_is_read_or_refused(paths):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)/"micros"
        try:
            for k,path in enumerate(paths): picture(home.joinpath(*path)/f"{k}.jpg", None)
        except OSError: return  # no name for a folder, or longer than the disk allows
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = plankton.read_plankton("micros", Path(folder)/"micros")
        except (ValueError,FileNotFoundError) as e:
            assert str(home) in str(e), repr(e)
            return
        shown = [tuple(nfc(p.replace("|","/")) for p in path) for path in paths]
        for path,y in zip(found.paths, found.labels):
            true = shown[int(Path(path).stem)]
            assert found.taxonomy.paths[y]==true or found.home!=home and true[1:]==found.taxonomy.paths[y]
        hidden = [p for p in paths if any(x.startswith(".") for x in p)]
        if found.home==home: assert len(found.paths)==len(paths)-len(hidden)

@pytest.fixture(scope="module")
def images():
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)/"cifar100"
        home.mkdir()
        taxonomy = Taxonomy.builtin("cifar100")
        groups = taxonomy.level_labels(2)
        pixels = np.arange(200*3072).reshape(200,3072).astype(np.uint8)
        fine = [k%100 for k in range(200)]
        for name in ("train","test"):
            (home/name).write_bytes(pickle.dumps(dict(data=pixels, fine_labels=fine,
                coarse_labels=[int(groups[y]) for y in fine]), 2))
            (home/f"{name}.bin").write_bytes(np.column_stack([groups[fine],fine,
                pixels]).astype(np.uint8).tobytes())
        (home/"meta").write_bytes(pickle.dumps(dict(fine_label_names=taxonomy.names), 2))
        text(home/"fine_label_names.txt", taxonomy.names)
        yield home

@settings(max_examples=80)
@given(layout=st.sampled_from(["python","binary"]), which=st.integers(0,2),
    steps=st.lists(cut, min_size=1, max_size=2))
def test_damaged_cifar_files_raise_or_mean_what_they_say(images, layout, which, steps):
    name = cifar100.members[layout][which]
    file = images/name
    data = file.read_bytes()
    for step in steps: data = damage(data, *step)
    with written(file, data):
        try: found,called = cifar100.read_cifar100(cifar100.Place(images, layout))
        except ValueError as e:
            assert str(images) in str(e), repr(e)
            return
        if called!=Taxonomy.builtin("cifar100").names: return  # the data set refuses these, class by class
        for split,(pixels,labels) in found.items():
            assert len(pixels)==len(labels)
            assert 0<=labels.min()
            assert labels.max()<100
            if layout=="binary":
                plain = np.frombuffer((images/f"{split}.bin").read_bytes(), np.uint8).reshape(-1,3074)
                assert labels.tolist()==plain[:,1].tolist()
                assert np.array_equal(pixels.flatten(1), plain[:,2:])
                assert all(len(set(plain[plain[:,1]==y,0]))==1 for y in set(labels.tolist()))

@pytest.mark.parametrize("layout", ["python","binary"])
def test_cifar_layouts_load_alike_under_every_seed(images, layout, tmp_path):
    (tmp_path/"cifar100").mkdir()
    for name in cifar100.members[layout]: (tmp_path/"cifar100"/name).write_bytes((images/name).read_bytes())
    for seed in range(3):
        data = quietly("cifar100", tmp_path, seed=seed)
        assert data.taxonomy==published("cifar100")
        assert {k:len(v) for k,v in data.splits.items()}==dict(train=180,val=20,test=200)
        assert data.splits["val"].labels.bincount().max()==1
