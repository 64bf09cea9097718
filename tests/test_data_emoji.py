"""The emoji set from packages made up in the published format, fetched by an npm that is a shell script; and
the real one where it lies."""
import base64
import hashlib
import io
import json
import os
import tarfile
from collections import Counter

import numpy as np
import pytest
import torch
from hiernb.data import available,load,verify
from hiernb.data import emoji as room
from hypothesis import given
from hypothesis import strategies as st

shortcodes = ("cldr", "emojibase", "emojibase-legacy", "github", "iamcal", "joypixels")


def pack(package, **members):
    "A tarball as `npm pack` writes it, and the package with its checksum."
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name,content in members.items():
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(f"package/{name}.json")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    data = buffer.getvalue()
    return data,package._replace(sha512=base64.b64encode(hashlib.sha512(data).digest()).decode())


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Five styles of 24 emoji in 6 subgroups of 2 groups, one broken, one blank; `npm` is a script that hands
    out their tarballs."""
    shelf = tmp_path/"shelf"
    shelf.mkdir()
    chart = [dict(order=i, hexcode=f"1F{600+i}", label=f"thing {i:02d}", group=i//12,
        subgroup=i//4) for i in range(24)]
    groups = dict(groups={0:"smileys-emotion", 1:"objects"}, subgroups={k:f"sub-{k}" for k in range(6)})
    tables = {"en/data":chart, "meta/groups":groups, "meta/unicode-names":{},
        **{f"en/shortcodes/{n}":{} for n in shortcodes}}
    data,table = pack(room.taxonomy_package, **tables)
    (shelf/table.tarball).write_bytes(data)
    packages = {}
    for s in range(5):
        icons = {f"thing-{i:02d}":dict(body=f'<path fill="#{10*i:02x}{40*s:02x}80" d="M{s} {s}h9v9h-9z"/>')
            for i in range(24)}
        if s==0:
            icons["thing-00"] = dict(body="<path d='M0")
            icons["thing-01"] = dict(body='<path fill="#fff" d="M0 0h9v9z"/>')
        data,package = pack(room.Package(f"@iconify-json/style{s}", "1.0.0", "MIT", "us", ""),
            icons=dict(icons=icons, width=16, height=16), chars={}, info={})
        (shelf/package.tarball).write_bytes(data)
        packages[f"style{s}"] = package
    monkeypatch.setattr(room, "packages", packages)
    monkeypatch.setattr(room, "taxonomy_package", table)
    tools = tmp_path/"tools"
    tools.mkdir()
    (tools/"npm").write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\nexec /bin/cp "{shelf}"/*.tgz .\n')
    (tools/"npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    return tmp_path


def test_an_absent_set_is_fetched_drawn_and_kept(made_up):
    root = made_up/"with a space"
    data = load("emoji", root, size=16)
    assert (made_up/"asked").read_text().split()[:4] == ["pack", "--silent", "emojibase-data@17.0.0",
        "@iconify-json/style0@1.0.0"]
    assert sorted(p.suffix for p in (root/"emoji").iterdir()) == [".npz"]+[".tgz"]*6  # nothing else is left
    assert set(verify(root).state) == {"whole"}
    assert data.taxonomy.level_sizes == [2, 6, 24]
    assert data.protocol["not_rendered"] == 2
    assert sum(map(len, data.splits.values())) == 5*24-2
    again = load("emoji", root, size=16)
    assert len((made_up/"asked").read_text().splitlines()) == 1  # npm was asked once
    assert all(torch.equal(again.splits[k].images, data.splits[k].images) for k in data.splits)
    load("emoji", root, size=24)
    assert len(list((root/"emoji").glob("emoji-24-*.npz"))) == 1  # another size is another file,
    assert len((made_up/"asked").read_text().splitlines()) == 1  # from the same tarballs
    left = room.left_out(room.read_drawings(root/"emoji", 16))
    assert left[["style", "icon", "reason"]].values.tolist() == [["style0", "thing-00", "does not render"],
        ["style0", "thing-01", "blank"]]
    assert left.detail[0]  # says what the renderer said


def test_without_npm_the_error_says_what_to_put_where(made_up, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError) as e: load("emoji", made_up/"root", size=16)
    for said in ("6 of 6 emoji packages", "no npm here",
        "npm pack emojibase-data@17.0.0 @iconify-json/style0@1.0.0", f"put into {made_up/'root'/'emoji'}:",
                 "\n  iconify-json-style4-1.0.0.tgz\n", "HIERNB_DATA"): assert said in str(e.value)
    for tarball in (made_up/"shelf").iterdir(): os.link(tarball, made_up/"root"/"emoji"/tarball.name)
    # tarballs put there by hand are used
    assert len(load("emoji", made_up/"root", size=16).class_names) == 24


def test_an_npm_that_hands_out_something_else_is_named(made_up):
    wrong = made_up/"shelf"/"iconify-json-style3-1.0.0.tgz"
    wrong.write_bytes(wrong.read_bytes()[:-20])
    with pytest.raises(FileNotFoundError,
        match="npm gave another iconify-json-style3-1.0.0.tgz than was published .truncated"):
        load("emoji", made_up, size=16)
    assert not (made_up/"emoji"/wrong.name).exists()


@pytest.mark.parametrize("damage",
    [lambda data:data[:-50], lambda data:data[:200]+b"!"+data[201:], lambda data:b"<html>not found</html>"])
def test_damaged_tarballs_and_caches_are_refused_by_name(made_up, damage):
    load("emoji", made_up, size=16)
    cache = room.cache_path(made_up/"emoji", 16)
    cache.write_bytes(damage(cache.read_bytes()))
    with pytest.raises(ValueError, match=f"{cache.name} is damaged"): load("emoji", made_up, size=16)
    cache.unlink()
    tarball = made_up/"emoji"/"iconify-json-style1-1.0.0.tgz"
    tarball.write_bytes(damage(tarball.read_bytes()))
    with pytest.raises(ValueError, match="style1-1.0.0.tgz is not the published file"):
        load("emoji", made_up, size=16)
    states = verify(made_up/"emoji").set_index("file").state
    assert states.drop(tarball.name).eq("whole").all()
    assert states[tarball.name].startswith(("truncated", "foreign"))


def test_a_cache_of_other_packages_is_not_taken_for_this_one(made_up, monkeypatch):
    load("emoji", made_up, size=16)
    old = room.cache_path(made_up/"emoji", 16)
    monkeypatch.setitem(room.packages, "style0", room.packages["style0"]._replace(version="1.0.1"))
    new = room.cache_path(made_up/"emoji", 16)
    assert new != old
    new.write_bytes(old.read_bytes())
    with pytest.raises(ValueError, match=f"was written as {old.name}"): load("emoji", made_up, size=16)


def pictures(data):
    return {k:[(v.styles[i].item(), data.taxonomy.paths[v.labels[i]]) for i in range(len(v))]
        for k,v in data.splits.items()}


@pytest.mark.parametrize("level,seed", [("class", 0), ("class", 1), ("subgroup", 0), ("subgroup", 2)])
def test_whole_classes_are_split_in_label_order(made_up, level, seed):
    data = load("emoji", made_up, size=16, level=level, seed=seed)
    n = dict([("class", 24), ("subgroup", 6)])[level]
    sizes = dict(val=round(.1*n), test=n//2)
    sizes = dict(train=n-sum(sizes.values()), **sizes)
    at = 0
    order = [e for e in room.read_drawings(made_up/"emoji", 16).paths]
    for name,size in sizes.items():
        # training classes first, then val, then test
        assert data.splits[name].labels.unique().tolist() == list(range(at, at+size))
        ours = [data.taxonomy.paths[c] for c in range(at, at+size)]
        # inside a split in taxonomy order
        assert ours == sorted(ours, key=[p[:len(ours[0])] for p in order].index)
        at += size
    if level=="class":
        tested = Counter(data.taxonomy.paths[c][1] for c in data.splits["test"].labels.unique())
        assert tested == {f"sub-{k}":2 for k in range(6)}  # half of each subgroup's four
    other = load("emoji", made_up, size=16, level=level, seed=seed+10)
    assert pictures(load("emoji", made_up, size=16, level=level,
        seed=seed)) == pictures(data) != pictures(other)
    both = [sorted(sum(pictures(d).values(), [])) for d in (data, other)]
    assert both[0] == both[1]  # the seed moves pictures, it loses none


@pytest.mark.parametrize("level,n", [("class", 24), ("subgroup", 6), ("group", 2)])
def test_images_are_split_inside_each_class(made_up, level, n):
    data = load("emoji", made_up, size=16, split="images", level=level)
    # 118 images: ceil(.25·118), round(.15·118), the rest
    assert {k:len(v) for k,v in data.splits.items()} == dict(train=70, val=18, test=30)
    assert [p[-1] for p in data.taxonomy.paths] == dict([("class", [f"thing {i:02d}" for i in range(24)]),
        ("subgroup", [f"sub-{k}" for k in range(6)]),
                                                         ("group", ["smileys & emotion", "objects"])])[level]
    total = torch.cat([v.labels for v in data.splits.values()]).bincount()
    for name,share in dict(train=.6, val=.15, test=.25).items():
        counts = data.splits[name].labels.bincount(minlength=n)
        assert ((counts-share*total).abs() < 2).all()
        assert name=="val" or (counts >= 1).all()
    seen = [p for k in pictures(data).values() for p in k]
    assert level!="class" or len(set(seen)) == len(seen)  # a style draws a class once


def test_a_subset_keeps_each_subgroups_share(made_up):
    data = load("emoji", made_up, size=16, subset=12)
    assert Counter(p[1] for p in data.taxonomy.paths) == {f"sub-{k}":2 for k in range(6)}
    assert set(load("emoji", made_up, size=16, subset=24).taxonomy.paths) == set(load("emoji", made_up,
        size=16).taxonomy.paths)
    few = load("emoji", made_up, size=16, min_images=5)
    assert len(few.class_names) == 22  # two emoji have a style less


@given(sizes=st.lists(st.integers(1, 9), min_size=3, max_size=12), val=st.floats(.1, .4),
    test=st.floats(.1, .5), seed=st.integers(0, 9))
def test_classes_divide_in_proportion(sizes, val, test, seed):
    parents = [(f"p{k}",) for k,n in enumerate(sizes) for _ in range(n)]
    n = len(parents)
    if min(round(val*n), round(test*n), n-round(val*n)-round(test*n)) < 1: return
    parts = room.split_classes(parents, dict(val=val, test=test), torch.Generator().manual_seed(seed))
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(n))
    assert [len(parts[k]) for k in ("val", "test")] == [round(val*n), round(test*n)]
    for part in parts.values():
        for j,m in enumerate(sizes): assert abs(sum(parents[i]==(f"p{j}",) for i in part)-m*len(part)/n) < 2


@given(sizes=st.lists(st.integers(4, 11), min_size=2, max_size=40), seed=st.integers(0, 9))
def test_every_class_trains_and_tests(sizes, seed):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    parts = room.split_images(labels, dict(val=.15, test=.25), torch.Generator().manual_seed(seed))
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(len(labels)))
    for k in ("train", "test"): assert labels[parts[k]].unique().tolist() == list(range(len(sizes)))


def test_the_real_set():
    try: data = load("emoji")
    except (FileNotFoundError, OSError) as error: pytest.skip(f"the emoji cannot be had here: {error}")
    known = available().set_index("name").loc["emoji"]
    assert (len(data.class_names), sum(map(len, data.splits.values()))) == (known.classes, known.images)
    assert data.taxonomy.level_sizes == [9, 97, known.classes]
    assert set(data.taxonomy.names) >= {"grinning face", "red apple", "flag: France", "hot dog"}
    for split in data.splits.values():
        assert split.images.shape[1:] == (3, 64, 64)
        assert (split.labels.bincount()[split.labels.unique()] >= 4).all()
        # once by each artist
        assert (np.unique(torch.stack([split.labels, split.styles]).numpy(), axis=1,
            return_counts=True)[1] == 1).all()
    tested,all_ = (Counter(p[1] for p in paths)
        for paths in ([data.taxonomy.paths[c] for c in data.splits["test"].labels.unique()],
        data.taxonomy.paths))
    assert all(abs(tested[k]-all_[k]/2) < 1.5 for k in all_)

def test_a_folder_that_is_read_only_does_not_cost_the_drawings(made_up, monkeypatch):
    "The packages of a shared folder are drawn in memory, and loaded as from the file."
    folder,cached = made_up/"emoji",room.cache_path(made_up/"emoji", 16)
    room.obtain(folder)
    with monkeypatch.context() as shut:
        shut.setattr("hiernb.data.base.os.access", lambda place, mode: False)
        with pytest.warns(UserWarning, match=r"could not write .*\.npz: Permission denied .*draws the emoji anew"):
            drawn = room.read_drawings(folder, 16)
    assert not cached.exists()
    written = room.read_drawings(folder, 16)
    read = room.read_drawings(folder, 16)
    for other in (written,read):
        for name,value in vars(drawn).items():
            there = getattr(other, name)
            assert torch.equal(there, value) if isinstance(value, torch.Tensor) else there==value, name
