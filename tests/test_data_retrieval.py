"""CUB, Cars, SOP and In-Shop: the published sizes, class-disjoint splits, and lists that are damaged in every
way hypothesis finds."""
import hashlib
import re
import warnings
from collections import Counter
from pathlib import Path

import formats
import pytest
from hiernb.data import available,load,verify
from hiernb.data import image_lists as tables
from hiernb.data.cars import car_annotations,cars_md5,cars_sizes,make_of,read_cars
from hiernb.data.cub import cub_sizes,read_cub
from hiernb.data.inshop import inshop_sizes,read_inshop
from hiernb.data.sop import read_sop,sop_sizes
from hypothesis import HealthCheck,assume,given,settings
from hypothesis import strategies as st

birds = [f"{k+1:03}.Bird's_{'abcdef'[k%6]}{k}" for k in range(200)]
makes = ["AM General","Aston Martin","Land Rover","Ram C/V","smart","Rolls-Royce","Lada '4x4'"]
models = [f"{makes[k%7]} Model {k} Sedan 2012" for k in range(196)]
kinds = ["bicycle","cabinet","chair","coffee_maker","fan","kettle","lamp","mug","sofa","stapler","table",
    "toaster"]
clothes = ["WOMEN/Dresses","WOMEN/Jackets_Coats","MEN/Jackets_Vests"]

def sized(train, test, classes):
    "Classes of images, training classes first, with the published numbers of each."
    return formats.spread(train, classes[0])+[classes[0]+k for k in formats.spread(test, classes[1])]

def whole_set(name, home, seed=None):
    "A set with the published number of classes and images. Without a seed the image files are empty."
    if name=="cub": return formats.cub(home/"CUB_200_2011", sized(5864,5924,(100,100)), birds, "\r\n", seed)
    if name=="cars": return formats.cars(home, sized(8054,8131,(98,98)), models, "first", seed)
    if name=="devkit": return formats.cars(home, sized(8054,8131,(98,98)), models, "devkit", seed)
    if name=="sop":
        return formats.sop(home/"Stanford_Online_Products", formats.spread(59_551,11_318),
            formats.spread(60_502,11_316), kinds, "\r\n", seed)
    rows = [(k,"train") for k in formats.spread(25_882,3_997)]
    for split,n in (("query",14_218),("gallery",12_612)):
        rows += [(3_997+k,split) for k in formats.spread(n,3_985)]
    return formats.inshop(home/"In-shop Clothes Retrieval Benchmark", rows, clothes, "\r\n", seed)

def small_set(name, home, seed=1):
    "A few classes of a few images, whole files."
    of = [k for k in range(6) for _ in range(3+k%2)]
    if name=="cub": return formats.cub(home, of, birds[:6], seed=seed)
    if name in ("cars","devkit"):
        return formats.cars(home, of, models[:6], "first" if name=="cars" else name, seed)
    if name=="sop": return formats.sop(home, of, of, kinds[:2], seed=seed)
    rows = [(k,"train" if k<4 else ("query","gallery")[i%2]) for k in range(8) for i in range(4)]
    return formats.inshop(home, rows, clothes, seed=seed)

def quietly(name, root, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(name, root=root, **options)

published = {"cub":(cub_sizes,[1,2,4,8],[200]), "cars":(cars_sizes,[1,2,4,8],[7,196]),
    "devkit":(cars_sizes,[1,2,4,8],[7,196]),
             "sop":(sop_sizes,[1,10,100,1000],[12,22_634]), "inshop":(inshop_sizes,[1,10,20,30],[2,3,7_982])}

# both layouts of Cars become the same rows, as the small sets show
@pytest.mark.parametrize("name", ["cub","devkit","sop","inshop"])
def test_published_sizes(name, tmp_path, monkeypatch):
    """As many images and classes in each split as the papers say, no warning, classes apart, and every label
    the class that was written."""
    monkeypatch.setattr(formats, "picture", lambda *_: None)
    monkeypatch.setattr(tables, "absent", lambda home,paths: [])
    call,(sizes,ks,levels) = "cars" if name=="devkit" else name,published[name]
    truth = whole_set(name, tmp_path/call)
    # ours has the place of the published one
    for file in (tmp_path/call).rglob("cars_test_annos_withlabels.mat"):
        # noqa: S324 - no secret
        monkeypatch.setitem(cars_md5, file.name, hashlib.md5(file.read_bytes()).hexdigest())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paper,ours = load(call, root=tmp_path),load(call, root=tmp_path, val=.1)
    assert {s:(len(d),len(d.labels.unique())) for s,d in paper.splits.items()}==sizes
    assert paper.protocol["recall_at"]==ks
    assert paper.protocol["complete"]
    assert paper.taxonomy.level_sizes==levels
    held = ours.protocol["val"]
    assert held==round(.1*sizes["train"][1])
    for data in (paper,ours):
        start = 0
        # labels run on from split to split
        for split in ("train","val","gallery" if name=="inshop" else "test"):
            if split in data.splits:
                found = data.splits[split].labels.unique().tolist()
                assert found==list(range(start,start+len(found)))
                start += len(found)
        assert start==len(data.class_names)==len(set(data.class_names))
        if name=="inshop":
            assert (data.splits["query"].labels.unique()==data.splits["gallery"].labels.unique()).all()
        seen,depth = Counter(),next(iter(truth)).count("/")+1
        for part in data.splits.values():
            for path,y in zip(part.paths, part.labels.tolist()):
                key = "/".join(path.split("/")[-depth:])
                assert truth[key]==data.class_names[y]
                seen[key] += 1
        assert seen==Counter(truth.keys())  # every image once

@pytest.mark.parametrize("name", published)
def test_small_set_loads_decodes_and_verifies(name, tmp_path):
    call = "cars" if name=="devkit" else name
    truth = small_set(name, tmp_path/call)
    with pytest.warns(UserWarning, match=f"{call}: train has .* published"):
        data = load(call, root=tmp_path, size=32, model="deit_s", cache_megabytes=1)
    image,label = data.splits["train"][0]
    assert image.shape==(3,32,32)
    assert label in range(len(data.class_names))
    assert not data.protocol["complete"]
    assert sum(len(d) for d in data.splits.values())==len(truth)
    state = verify(tmp_path/call).set_index("file").state
    assert state["images"]=="whole"
    victims = [Path(p) for p in data.splits["train"].paths[:2]]
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:80])
    state = verify(tmp_path/call).set_index("file").state
    assert state[str(victims[0])]=="missing"
    assert "images" not in state.index
    assert len(state)==3+(name=="devkit")  # two lists
    with pytest.raises(FileNotFoundError, match=re.escape(victims[0].name)): quietly(call, tmp_path)

@pytest.mark.parametrize("layout, file",
    [("cars","cars_annos.mat"),("devkit","cars_test_annos_withlabels.mat")])
def test_a_list_of_cars_that_is_not_the_published_one_is_told(layout, file, tmp_path, monkeypatch):
    small_set(layout, tmp_path/"cars")
    (there,) = (tmp_path/"cars").rglob(file)
    monkeypatch.setattr(tables, "compare_sizes", lambda *_: True)
    with pytest.warns(UserWarning,
        match=f"cars: {file} is not the published file: md5 .*, expected {cars_md5[file]}"):
        assert load("cars", root=tmp_path).protocol["complete"] is False
    state = verify(tmp_path/"cars").set_index("file").state[file]
    assert state!="whole"
    monkeypatch.setitem(cars_md5, file, hashlib.md5(there.read_bytes()).hexdigest())  # noqa: S324 - no secret
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load("cars", root=tmp_path).protocol["complete"] is True
    state = verify(tmp_path/"cars").set_index("file").state.get(file, "whole")
    assert "not the published file" not in state

@pytest.mark.parametrize("name", ["cub","cars","sop","inshop"])
def test_a_missing_set_says_what_available_says(name, tmp_path):
    row = available().set_index("name").loc[name]
    with pytest.raises(FileNotFoundError) as error: load(name, root=tmp_path)
    for part in (row.license,row["size"],row["where"],f"{row.images:,}",str(tmp_path/name)):
        assert part in str(error.value)

@pytest.mark.parametrize("name", ["cub","cars","sop","inshop"])
def test_seed_and_share_decide_validation_classes(name, tmp_path):
    small_set(name, tmp_path/name)
    held = {s:[quietly(name, tmp_path, seed=s, val=1).class_names for _ in range(2)] for s in range(5)}
    assert all(a==b for a,b in held.values())
    assert len({tuple(a) for a,_ in held.values()})>1
    with pytest.raises(ValueError, match="val must be a number of classes"): quietly(name, tmp_path, val=100)
    with pytest.raises(ValueError, match="no transforms are known for a model named 'resnet'"):
        quietly(name, tmp_path, model="resnet")

# --- damaged lists ------------------------------------------------------------------------------------------
# -----------------------------
readers = dict(cub=(read_cub,["images.txt","image_class_labels.txt","classes.txt"]),
    sop=(read_sop,["Ebay_train.txt","Ebay_test.txt"]),
               inshop=(read_inshop,["Eval/list_eval_partition.txt"]))

def plainly(name, home):
    """What the lists say when read with no check at all: image path -> class name.
    Only well-formed lines count."""
    lines = {f:[x.split() for x in re.split(r"\r\n|\r|\n",
        (home/f).read_bytes().decode("utf-8-sig")) if x.strip()] for f in readers[name][1]}
    if name=="cub":
        names = {int(a):" ".join(b) for a,*b in lines["classes.txt"]}
        of = {int(a):int(b) for a,b in lines["image_class_labels.txt"]}
        return {" ".join(b):names[of[int(a)]] for a,*b in lines["images.txt"]}
    if name=="sop":
        return {" ".join(p):f"{p[0].split('/')[0].removesuffix('_final')} {int(c)}" for f in lines.values()
            for _,c,_,*p in f[1:]}
    return {" ".join(row[:-2]):row[-2] for row in lines["Eval/list_eval_partition.txt"][2:]}

cut = st.tuples(st.sampled_from(["delete line","double line","swap lines","change byte","insert byte",
    "delete byte","truncate"]),
                st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True),
                st.sampled_from([b"0",b"1",b"9",b" ",b"\t",b"\n",b"\r",b"a",b"-",b"/",b".",b"\0",b"\xff",
                b"\xc2\xa0","²".encode(),"٣".encode(),b"'"]))

def damage(data:bytes, kind:str, a:float, b:float, byte:bytes)->bytes:
    "One thing that happens to files."
    lines = data.split(b"\n")
    i,j,at = int(a*len(lines)),int(b*len(lines)),int(a*len(data))
    if kind=="delete line": return b"\n".join(lines[:i]+lines[i+1:])
    if kind=="double line": return b"\n".join([*lines[:j],lines[i],*lines[j:]])
    if kind=="swap lines":
        lines[i],lines[j] = lines[j],lines[i]
        return b"\n".join(lines)
    if kind=="truncate": return data[:at]
    return data[:at]+(b"" if kind=="delete byte" else byte)+data[at+(kind!="insert byte"):]

@pytest.mark.parametrize("name", readers)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_lists_raise_or_mean_what_they_say(name, tmp_path, data):
    read,files = readers[name]
    home = tmp_path/name
    if not home.exists(): small_set(name, home, seed=None)
    file = home/data.draw(st.sampled_from(files))
    before = file.read_bytes()
    text = before
    for step in data.draw(st.lists(cut, min_size=1, max_size=3)): text = damage(text, *step)
    file.write_bytes(text)
    try:
        try: listing,_ = read(home)
        except (ValueError,FileNotFoundError) as e:
            assert not isinstance(e, UnicodeError) and re.search(r"\.txt|class", str(e)), repr(e)
            return
        one = lambda text: " ".join(text.split())  # blanks within a path are not the point here
        assert {one(p):one(listing.names[y]) for p,y in zip(listing.paths, listing.labels)}==plainly(name,
            home)
        assert len(set(listing.paths))==len(listing.paths)
        assert len(set(listing.names))==len(listing.names)
    finally: file.write_bytes(before)

@pytest.mark.parametrize("layout", ["first","devkit"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, 20), field=st.sampled_from(["path","class","name"]),
    value=st.one_of(st.integers(0, 9), st.text(max_size=3), st.floats(), st.none()))
def test_damaged_annotations_raise_or_mean_what_they_say(layout, tmp_path, row, field, value):
    home = tmp_path/layout
    if not home.exists(): small_set("cars" if layout=="first" else layout, home, seed=None)
    marker = home/("cars_annos.mat" if layout=="first" else "devkit/cars_meta.mat")
    where,names,rows = car_annotations(marker)
    file,path,label = rows[row]
    if field=="name":
        assume(str(value).strip())
        names[row%6] = str(value)  # `read_mat` has refused blank names
    else: rows[row] = (file,value,label) if field=="path" else (file,path,value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hiernb.data.cars.car_annotations", lambda _: (where,names,rows))
        try: listing,_ = read_cars(home)
        except ValueError as e:
            assert re.search(r"\.mat|cars_annos|devkit|first", str(e)), repr(e)
            return
    assert dict(zip(listing.paths, (listing.names[y] for y in listing.labels)))=={p:names[int(k)-1]
        for _,p,k in rows}
    assert all(g==(make_of(n),n) for g,n in zip(listing.groups, listing.names))

@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True))
def test_a_cut_mat_file_is_named(tmp_path, at):
    home = tmp_path/"cars"
    if not home.exists(): small_set("cars", home, seed=None)
    file = home/"cars_annos.mat"
    before,whole = file.read_bytes(),read_cars(home)
    file.write_bytes(before[:int(at*len(before))])
    try:
        try: assert read_cars(home)==whole  # nothing was cut but padding
        except ValueError as e: assert "cars_annos.mat" in str(e)
    finally: file.write_bytes(before)
