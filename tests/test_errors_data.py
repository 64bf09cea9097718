"What a refusal of `hiernb.data` must name: bad input and the words of its message."
import gzip
import http.server
import os
import pickle
import resource
import shutil
import subprocess
import threading
import warnings
from pathlib import Path
from unittest import mock

import formats
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from formats import picture as picture_file
from refusals import refusals,refuses
from safetensors.torch import save_file
from scipy.io import savemat
from test_data_emoji import made_up,pack  # noqa: F401 - a fixture
from torch.utils.data import DataLoader

from hiernb.data import cifar100,emoji,fashion_mnist,nabirds,plankton
from hiernb.data.base import (
    Data, ImageSet, Source, fetch, load, require_writable, sources, stratified_split, verify, write_atomic)
from hiernb.data.cars import check_mat,read_cars,read_mat
from hiernb.data.cub import read_cub
from hiernb.data.embeddings import (
    as_embeddings, as_labels, as_matrix, as_names, check_plain, dimensions, label_column, label_values,
    load_embeddings, table_parts, whole_labels)
from hiernb.data.image_lists import (
    Listing, class_disjoint, compare_sizes, hold_out, locate_set, lookup, read_fields, read_lines, require_image_files)
from hiernb.data.images import (
    ImageFiles, Normalize, PixelCache, decode, flatten_alpha, hier_transforms, inspecting_transforms, original_size)
from hiernb.data.inshop import read_inshop
from hiernb.data.known_classes import Labeled,compare_counts,image_splits
from hiernb.data.own import (
    Pictures, class_path, own_splits, path_separator, read_folder, read_images_table, read_own,
    refuse_swapped, require_files, share_classes, share_images, table_rows, with_enough)
from hiernb.data.sop import read_sop
from hiernb.tree.taxonomy import Taxonomy

# files

def over_the_limit(home):
    write_atomic(home/"a.bin", b"first")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096,limits[1]))
    try: write_atomic(home/"a.bin", bytes(10_000))
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)

def below_a_file(call):
    "The call with a folder that cannot be made, because a file has its name."
    def run(home):
        (home/"file").touch()
        return call(home/"file"/"below")
    return run

@refusals(dict(
    full_disk=(over_the_limit, "could not write", "a.bin", "the file that was there is untouched"),
    no_folder=(below_a_file(lambda home: write_atomic(home, b"")),
        "could not write", "nothing was left behind"),
    not_writable=(below_a_file(lambda home: require_writable(home, "toy")), "below and cannot be put there",
        "Not a directory. Choose another folder"),
))
def test_files_that_cannot_be_written(call, words, tmp_path): refuses(lambda: call(tmp_path), words, OSError)

# downloads

body = bytes(range(256))*1200

class Breaks(http.server.BaseHTTPRequestHandler):
    "A server that breaks off after 100,000 bytes."
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100_000])
    def log_message(self, *_): pass

@pytest.fixture(scope="module")
def address():
    server = http.server.HTTPServer(("127.0.0.1",0), Breaks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x"
    server.shutdown()
    server.server_close()

@refusals(dict(
    broken=(lambda address, home: fetch(address, home/"x.gz", ""),
        "/x: the connection broke after 100,000 of 307,200 bytes"),
    too_large=(lambda address, home: fetch(address, home/"x.gz", "", most=299_999),
        "/x: it is larger than 299,999 bytes"),
    too_long=(lambda address, home: fetch(address, home/"x.gz", "", seconds=0), "/x: it took too long"),
    nowhere=(lambda _, home: fetch("http://127.0.0.1:9/x", home/"x.gz", "", timeout=1),
        "http://127.0.0.1:9/x", "refused"),
))
def test_downloads_that_fail(call, words, address, tmp_path):
    refuses(lambda: call(address, tmp_path), words, OSError)

def test_another_file_under_the_address_is_noticed(tmp_path):
    (tmp_path/"x").write_bytes(b"abc")
    address = (tmp_path/"x").as_uri()
    words = [f"{address} is not the expected file: md5 90015098","the download was removed"]
    refuses(lambda: fetch(address, tmp_path/"x.gz", "0"*32), words)

# register and splits

three = Taxonomy.from_paths([("animal","cat"),("animal","dog"),("thing","cup")])
pixels = torch.zeros(6,2,3,3, dtype=torch.uint8)
wrong_label = ImageSet(pixels, torch.tensor([0,1,2,0,3,2]), 0, 1)

def no_reader(home):
    "A path where no reader of a user's own data is registered."
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hiernb.data.base.own", {})
        load("./toys")

@refusals(dict(
    too_few=(lambda _: stratified_split(torch.zeros(9, dtype=int), dict(a=20), torch.Generator()),
        "9 images"),
    not_bytes=(lambda _: ImageSet(pixels.float(), torch.zeros(6, dtype=int), 0, 1), "uint8"),
    labels=(lambda _: ImageSet(pixels, torch.zeros(3, dtype=int), 0, 1), "(6,)"),
    order=(lambda _: Data("toy", {}, three, ["cat","cup","dog"]),
        "class 1 is 'cup' in the data and 'dog' in the taxonomy"),
    number_of_names=(lambda _: Data("toy", {}, three, ["cat","dog"]), "'cup'"),
    label=(lambda _: Data("toy", dict(val=wrong_label), three, three.names),
        "label 3 of image 4 in split 'val'"),
    unknown=(lambda _: load("toys"), "no data set is named 'toys'; known: "),
    no_reader=(no_reader, "no data set is named './toys'"),
    nothing_to_verify=(lambda home: verify(home/"none"), "no known data set"),
))
def test_data_that_cannot_be(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

# embeddings

x,y = np.random.default_rng(0).normal(size=(6,4)),np.array([0,1,2,0,1,2])
parts = dict(embeddings=x, labels=y, class_names=["cat","dog","cup"], proxies=x[:3], split=["train"]*6)

def matrix(rows): return lambda: as_matrix(rows, "x")
def given(**changes): return lambda: as_embeddings(parts|changes, "f.npz")
def labeled(*args): return lambda: as_labels(*args)

@refusals(dict(
    no_names=(lambda: as_names([], "x"), "got an empty one"),
    sparse=(matrix(torch.eye(2).to_sparse()), "x must be a dense matrix, got torch.sparse_coo"),
    integers=(matrix(torch.ones(2, 2).long()), "floating point numbers, got torch.int64"),
    complex=(matrix(np.ones((2,2), complex)), "complex"),
    objects=(matrix(np.array([[None]])), "object"),
    vector=(matrix(np.ones(3)), "matrix"),
    nan=(matrix(np.array([[1.,np.nan]])), "nan or inf"),
    beyond_float32=(matrix(np.array([[0.],[1e39]])), "first row 1"),
    half_label=(lambda: whole_labels(torch.tensor([1.,1.5])), "row 2, labels: expected whole numbers"),
    # 257 was rounded to it
    rounded_label=(lambda: whole_labels(torch.tensor([258.]).bfloat16()), "found 258.0"),
    fraction=(labeled([0.,.5], None, 2), "found 0.5"),
    few_labels=(labeled([0,1], None, 3), "shape (3,)"),
    label_beyond_names=(labeled([0,2], ["a","b"], 2), "sample 1 has 2"),
    unknown_name=(labeled(["a","x"], ["a","b"], 2), "'x' is not among the 2"),
    repeated_name=(labeled([0,1], ["a","a"], 2), "'a' comes twice"),
    negative=(labeled([-1,0], None, 2), "from 0"),
    empty_name=(labeled([0,1], ["a",""], 2), "none of them empty"),
    text_of_names=(labeled([0,1], "ab", 2), "list of names"),
    ids=(labeled([0,2**40], None, 2), "number the classes"),
    no_labels=(given(labels=None), "f.npz: expected `embeddings` and `labels`, found no `labels`; there is "
        "embeddings (6, 4)"),
    short_labels=(given(labels=y[:4]), "shape (6,)"),
    proxies=(given(proxies=x[:,:3]), "proxies have 3"),
    split=(given(split=["train"]), "split must have 6"),
    not_finite=(given(embeddings=x*np.nan), "f.npz: embeddings must hold"),
    nested=(lambda: check_plain([[[1]]], 99), "nested too deeply"),
))
def test_parts_that_are_no_embeddings(call, words): refuses(call, words, (ValueError,TypeError))

def column(*values): return lambda: label_values(pd.Series(values, name="label"))

table = pd.DataFrame(x, columns=["e0","e1","e2","e3"])
table.insert(0, "class", ["cat","dog","cup"]*2)
listed = pd.DataFrame(dict(label=y, embedding=list(x)))
no_number = table.astype({"e1":object})
no_number.loc[2,"e1"] = "n/a"

def read(frame): return lambda: table_parts(frame)
def lists(*cells): return read(listed.assign(embedding=cells))

@refusals(dict(
    fraction=(column(.5, 1.), "row 1, column label: expected whole numbers or names, found 0.5"),
    truth=(column(True), "found True"),
    mixed=(column("a", 1), "row 2, column label: expected whole numbers or names"),
    number_among_names=(column(*"abc4"), "row 4, column label: expected names as in the others, found '4'"),
    name_among_numbers=(column("0","1","n/a","0"),
        "row 3, column label: expected whole numbers as in the others, found 'n/a'"),
    misspelt=(lambda: label_column(pd.DataFrame(dict(size=[1.], kind=["a"])), "kinds"),
        "there is no column 'kinds'; did you mean 'kind'?"),
    no_dimensions=(lambda: dimensions(["a","b"]), "found none; the columns are a, b"),
    prefixes=(lambda: dimensions(["e0","f0"]), "the prefixes 'e', 'f'"),
    gap=(lambda: dimensions(["e0","e2"]), "without a gap"),
    first=(lambda: dimensions(["e2","e3"]), "from 1"),
    class_and_label=(read(table.assign(label=0)), "one of the two"),
    no_class=(read(table.drop(columns="class")), "found e0"),
    no_number=(read(no_number), "row 3, column e1"),
    no_split=(read(table.assign(split=[None]*6)), "row 1, column split"),
    no_rows=(read(table[:0]), "column names alone"),
    label=(read(listed.assign(label=.5)), "found 0.5"),
    lengths=(lists(*[[1.],[1.,2.]]*3), "lengths [1, 2]"),
    none=(lists(*[[1.]]*5, None), "row 6, column embedding: expected a list of numbers"),
    digits=(lists(*[[1.]]*5, "12"), "row 6, column embedding: expected a list of numbers"),
    names=(lists(*[[1.]]*5, ["a"]), "row 6, column embedding: expected a list of numbers"),
    empty=(lists(*[[1.]]*5, []), "row 6, column embedding: expected a list of numbers"),
    nested=(lists(*[[1.]]*5, [[1.]]), "row 6, column embedding: expected a list of numbers"),
))
def test_tables_that_are_no_embeddings(call, words): refuses(call, words, (ValueError,TypeError))

class Trap:
    def __reduce__(self): return Path.touch,(Path("sprung"),)

def objects(path): np.savez(path, embeddings=x, labels=np.array(["a",None,1,2,3,4], dtype=object))
def trap(path): torch.save(dict(embeddings=Trap(), labels=torch.tensor(y)), path)
def plain_pickle(path): path.write_bytes(pickle.dumps(dict(embeddings=Trap()), protocol=2))
def tensor(path): torch.save(torch.ones(2), path)
def nothing(path): path.write_bytes(b"no such thing")
def twice(path):
    save_file(dict(embeddings=torch.tensor(x), labels=torch.tensor(y)), path, dict(labels='["a"]'))
def text(*lines): return lambda path: path.write_text("\n".join(lines))

@refusals({
    "objects.npz":(objects, "array of objects"),
    "trap.pt":(trap, "without running code from it, or is damaged: it names "),
    "plain.pt":(plain_pickle, "without running code"),
    "tensor.pt":(tensor, "expected a dictionary"),
    "nothing.npz":(nothing, "nothing.npz cannot be read"),
    "nothing.pt":(nothing, "nothing.pt cannot be read"),
    "nothing.safetensors":(nothing, "nothing.safetensors cannot be read"),
    "twice.safetensors":(twice, "labels is a tensor and in the metadata"),
    "word.csv":(text("class,e0,e1", "NA,1,2", "null,3,oops"),
        "word.csv: row 2, column e1: expected a number, found 'oops'"),
    "blank.csv":(text("class,e0,e1", "NA,1,2", "null,3,"), "blank.csv: row 2, column e1"),
    "long.csv":(text("class,e0,e1", "NA,1,2", "null,3,4,5"), "long.csv"),
    "longer.csv":(text("class,e0,e1", "NA,1,2,3", "null,3,4,5"), "longer.csv"),
    "short.csv":(text("e0,e1,class", "1,2"), "short.csv"),
    "unnamed.csv":(text("e0,class", "1,"), "unnamed.csv"),
    "empty.csv":(text(), "empty.csv"),
    "a.txt":(text(), "ending in .npz, .pt"),
    "none.npz":(lambda path: None, "no file"),
})
def test_files_that_are_no_embeddings(call, words, tmp_path, request):
    path = tmp_path/request.node.callspec.id.split("-")[0]
    call(path)
    refuses(lambda: load_embeddings(path), words, (ValueError,FileNotFoundError))
    assert not Path("sprung").exists()

def test_parquet_without_pyarrow_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path/"a.parquet").touch()
    refuses(lambda: load_embeddings(tmp_path/"a.parquet"), ["pip install pyarrow"], ImportError)

def test_an_array_that_is_not_read_is_named():
    with pytest.warns(UserWarning, match="logits is not read"): as_embeddings(parts|dict(logits=x), "f.npz")

# images

def picture(values): return lambda _: flatten_alpha(Image.fromarray(np.array(values)))

def white_or_black(home):
    "255 in 32 bits is white, or nearly black."
    Image.fromarray(np.array([[0,255]], dtype=np.int32)).save(home/"a.tif")
    with Image.open(home/"a.tif") as image: flatten_alpha(image)

def cut(home):
    noise = np.random.default_rng(0).integers(0, 256, (40,60,3), dtype=np.uint8)
    Image.fromarray(noise).save(home/"cut.jpg")
    (home/"cut.jpg").write_bytes((home/"cut.jpg").read_bytes()[:2000])
    return home/"cut.jpg"

def page(home):
    (home/"page.jpg").write_bytes(b"<html>not found")
    return home/"page.jpg"

def empty(home):
    (home/"empty.jpg").touch()
    return home/"empty.jpg"

def files_of(prepare=None, transform=torch.Tensor.float, **options):
    def items(home):
        Image.new("RGB", (9,9)).save(home/"a.png")
        return ImageFiles([home/"a.png"], [0], prepare, transform, **options)
    return items

def loaded(workers):
    "A broken file in a batch of a loader."
    def run(home):
        items = ImageFiles([cut(home)], [0], None, torch.Tensor.float)
        return list(DataLoader(items, batch_size=1, num_workers=workers))
    return run

@refusals(dict(
    deep=(picture(np.int32([[0,70_000]])), "expected 8 or 16 bits"),
    fraction=(picture(np.float32([[.5]])), "expected 8 or 16 bits"),
    unclear=(white_or_black, "from 0 to 255 in 32 bits; expected 8 or 16 bits"),
    cut=(lambda home: decode(cut(home)), "cut.jpg cannot be read as an image", "truncated"),
    page=(lambda home: decode(page(home)), "page.jpg cannot be read as an image", "no image format"),
    empty=(lambda home: decode(empty(home)), "empty.jpg cannot be read as an image", "no image format"),
    none=(lambda home: decode(home/"none.jpg"), "none.jpg"),
    size=(lambda home: original_size(page(home)), "page.jpg cannot be read"),
    labels=(lambda _: ImageFiles(["a"], [0,1], None, torch.Tensor.float), "(1,)"),
    channels=(files_of(channels=2), "1 (gray) or 3 (color), got 2"),
    prepare=(lambda home: files_of(torch.Tensor.float)(home)[0], "prepare must give uint8"),
    loader=(loaded(0), "cut.jpg cannot be read"),
    worker=(loaded(1), "cut.jpg cannot be read"),
))
def test_images_that_cannot_be_read(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,OSError))

gray = torch.zeros(3,1,256, dtype=torch.uint8)

@refusals(dict(
    negative=(lambda: PixelCache(3, 3, -1), "cache_megabytes must be"),
    nan=(lambda: PixelCache(3, 3, float("nan")), "cache_megabytes must be"),
    infinite=(lambda: PixelCache(3, 3, float("inf")), "cache_megabytes must be"),
    memory=(lambda: PixelCache(3, 3, 1e11), "cache_megabytes=1e+11 is not available: Cannot allocate memory; "
        "choose less"),
    means=(lambda: Normalize([0.], [1.])(gray), "1 means for an image of 3 channels"),
    model=(lambda: hier_transforms("vits", True), "no transforms are known for a model named 'vits'; known: "
        "resnet18"),
    no_size=(lambda: hier_transforms("vit_s", True, size=0), "must be at least 1 pixel"),
    no_side=(lambda: hier_transforms("vit_s", True, side=0), "must be at least 1 pixel"),
    inspecting=(lambda: inspecting_transforms(False, 0), "at least 1 pixel"),
))
def test_caches_and_transforms_that_cannot_be(call, words): refuses(call, words, (ValueError,OSError))

def test_a_pickled_cache_warns_that_it_keeps_nothing():
    cache = PixelCache(3, 3, .01)
    with pytest.warns(UserWarning, match="keeps no decoded images"): pickle.loads(pickle.dumps(cache))

# lists of images

def lines_of(content): return lambda home: read_lines(written(home, content))

def written(home, content, name="list.txt"):
    (home/name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return home/name

def second_line(line):
    return lambda home: read_fields("list.txt", lines_of(f"1 a\n{line}")(home), dict(id=int, name=str))

def fields(content, columns, **options):
    return lambda home: read_fields("list.txt", lines_of(content)(home), columns, **options)

no_id = "list.txt, line 2: expected id (a whole number from 1), name; found"

@refusals(dict(
    not_utf8=(lines_of(b"1 a\n2 \xff"), "list.txt, line 2: expected UTF-8 text, found the byte 0xff"),
    control=(lines_of(b"1 a\n2 \0"), "line 2: expected text, found the control character"),
    blank=(lines_of("\n \n"), "found an empty file"),
    none=(lambda home: read_lines(home/"none.txt"), "none.txt"),
    zero=(second_line("0 a"), no_id),
    negative=(second_line("-1 a"), no_id),
    fraction=(second_line("1.5 a"), no_id),
    swapped=(second_line("a 1"), no_id),
    one_field=(second_line("7"), no_id),
    other_digits=(second_line("٣ a"), no_id),
    exponent=(second_line("1e3 a"), no_id),
    long=(second_line("9"*5000+" a"), no_id),
    header=(fields("name id\n1 a", dict(id=int, name=str), header=True),
        "expected the column names 'id name', found 'name id'"),
    short=(fields("a.jpg train", dict(path=str, item=str, split=str), wide="path"),
        "expected path, item, split"),
    repeated=(lambda _: lookup("f", [(1,7,"a"),(3,7,"a")], "class id"),
        "f, line 3: class id 7 stands on line 1 already"),
    half_there=(lambda home: require_image_files(home, ["list.txt","c/3.jpg"], written(home, "x").name),
        "1 of the 2 images that list.txt lists are not in"),
    many_absent=(lambda home: require_image_files(home, [f"{i}.jpg" for i in range(3, 30)], "list.txt"),
        "22.jpg and 7 more"),
    absolute=(lambda home: require_image_files(home, ["/etc/a.jpg"], "list.txt"),
        "list.txt: '/etc/a.jpg' leads out of"),
    up=(lambda home: require_image_files(home, ["a/../../b.jpg"], "list.txt"),
        "list.txt: 'a/../../b.jpg' leads out of"),
))
def test_lists_that_cannot_be_read(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

def test_an_absent_archive_names_what_to_get_and_where_to_put_it(monkeypatch):
    toy = Source("toy", print, 4, 8, "CC0", 20, "example.org/toy.tgz", dict, ("TOY",))
    monkeypatch.setitem(sources, "toy", toy)
    words = ["8 images (size 20 MB; license: CC0)","example.org/toy.tgz","unpack them into data/toy",
        "data/toy/TOY/images.txt is there","HIERNB_DATA"]
    refuses(lambda: locate_set("toy", Path("data/toy"), ["images.txt"]), words, FileNotFoundError)

listing = dict(file="list.txt", names=list("abcd"), groups=[("x","a"),("x","b"),("y","c"),("y","d")],
    paths=[f"{i}.png" for i in range(8)], labels=[0,0,1,1,2,2,3,3], splits=["train"]*4+["test"]*4)
published = dict(train=(4,2), test=(4,2))

def listed(**changes): return lambda _: Listing(**listing|changes)
def held(val): return lambda _: hold_out(100, val, 0)

def disjoint(gone=(), **options):
    def run(home):
        for path in set(listing["paths"])-set(gone): Image.new("L", (4,3)).save(home/path)
        class_disjoint("toy", Listing(**listing), home, published, dict(recall_at=[1]), **options)
    return run

@refusals(dict(
    no_image=(listed(labels=[0,0,0,0,2,2,3,3]), "list.txt: class 'b' has no image"),
    both_sides=(listed(splits=["train"]*5+["test"]*3), "list.txt: class 'c' is in test and train"),
    no_training=(listed(splits=["test"]*8), "expected training classes and others"),
    only_training=(listed(splits=["train"]*8), "expected training classes and others"),
    val_of_all=(held(100), "val must be a number of classes, 0 to 99"),
    negative_val=(held(-1), "val must be a number of classes, 0 to 99"),
    val_of_1=(held(1.), "val must be a number of classes, 0 to 99"),
    negative_share=(held(-.1), "val must be a number of classes, 0 to 99"),
    true_val=(held(True), "val must be a number of classes, 0 to 99"),
    nan_val=(held(float("nan")), "val must be a number of classes, 0 to 99"),
    fractional_val=(held(2.5), "val must be a number of classes, 0 to 99"),
    model=(disjoint(model="resnet"), "resnet"),
    image_gone=(disjoint(["5.png"]), "1 of the 8 images that list.txt lists are not in"),
))
def test_listings_that_cannot_be_split(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

labeled_images = dict(source="list.txt", home=Path("images"), paths=[f"{i}.png" for i in range(40)],
    labels=[0]*10+[1]*20+[2]*10, taxonomy=Taxonomy.from_paths(["x/a","x/b","c"]))

@refusals(dict(
    no_image=(lambda: Labeled(**labeled_images|dict(labels=[0,2]*20)),
        "list.txt: class 'b' has no image; expected at least one of each class"),
    few=(lambda: image_splits(torch.zeros(9, dtype=int), 0),
        "of 9 images leave a split empty; expected at least 10"),
))
def test_labeled_images_that_cannot_be_split(call, words): refuses(call, words)

def test_sets_that_are_not_the_published_ones_warn():
    sizes = published|dict(test=(4000,2))
    with pytest.warns(UserWarning) as caught:
        compare_sizes("toy", Listing(**listing), sizes)
        compare_counts("toy", Labeled(**labeled_images).counts, {"images":6738,"nodes per level":[2,4]})
    end = ". Results do not compare with published ones"
    assert [str(warning.message).removesuffix(end) for warning in caught]==[
        "toy: test has 4 images of 2 classes (published: 4,000 of 2)",
        "toy: images: 40 (published: 6,738); nodes per level: 2 3 (published: 2 4)"]
    assert all(str(warning.message).endswith(end) for warning in caught)

# Fashion-MNIST

name = "t10k-labels-idx1-ubyte.gz"
packed = gzip.compress(b"some bytes", mtime=0)

def foreign_files(*names):
    "A folder with files that are not the published ones."
    def run(home):
        for each in names: (home/each).write_bytes(packed)
        with mock.patch.object(fashion_mnist, "places", lambda folder: [home]): fashion_mnist.find_archives(home)
    return run

def out_of_reach(*_): raise OSError("out of reach")
def not_today(folder): raise OSError("not today")
not_today.__name__ = "a way"

def no_mirror(home):
    with mock.patch.object(fashion_mnist, "fetch", out_of_reach): fashion_mnist.from_mirrors(home)

def no_tools(home):
    with mock.patch.object(shutil, "which", lambda tool: None): fashion_mnist.from_debian(home)

def npm_or_apt_fails(call, message):
    "The call where each tool is there, and ends with an error."
    def broken(command, **_): raise subprocess.CalledProcessError(100, command, stderr=message)
    def run(*args):
        with mock.patch.object(shutil, "which", lambda tool: tool):
            with mock.patch.object(subprocess, "run", broken): call(*args)
    return run

def obtained(folder):
    with mock.patch.object(fashion_mnist, "places", lambda folder: [folder]):
        with mock.patch.multiple(fashion_mnist, from_mirrors=not_today, from_debian=not_today):
            fashion_mnist.obtain(folder)

def obtained_damaged(home):
    (home/name).write_bytes(packed)
    obtained(home)

def idx(data):
    def run(home):
        (home/"a.gz").write_bytes(gzip.compress(data))
        fashion_mnist.read_idx(home/"a.gz")
    return run

head = bytes([0,0,8,3, 0,0,0,3, 0,0,0,2, 0,0,0,2])

@refusals(dict(
    foreign=(foreign_files(*fashion_mnist.files),
        "train-images-idx3-ubyte.gz is not the published file (foreign"),
    one_foreign=(foreign_files(name), "t10k-labels-idx1-ubyte.gz is not the published file (foreign"),
    damaged=(obtained_damaged, "delete it or move it"),
    no_idx=(idx(b"GIF89a"), "GIF8"),
    short=(idx(head+bytes(11)), "a.gz is no IDX file"),
    val=(lambda home: fashion_mnist.load_fashion_mnist(home, val=60_000), "1…59999"),
    subset=(lambda home: fashion_mnist.load_fashion_mnist(home, subset=0), "at least 1 image of each split"),
))
def test_fashion_mnist_that_is_refused(call, words, tmp_path): refuses(lambda: call(tmp_path), words)

@refusals(dict(
    mirrors=(no_mirror, "out of reach"),
    no_tools=(no_tools, "no apt-get and no dpkg-deb"),
    no_package=(npm_or_apt_fails(fashion_mnist.from_debian, "E: Unable to locate package"),
        "update: E: Unable to locate package"),
    nowhere=(obtained, "a way: not today", "Put train-images-idx3-ubyte.gz, "),
    not_writable=(below_a_file(obtained), "cannot be put there: Not a directory. Choose another folder"),
))
def test_fashion_mnist_out_of_reach(call, words, tmp_path): refuses(lambda: call(tmp_path), words, OSError)

# emoji

_,no_emoji = pack(emoji.Package("@iconify-json/tiny","1.0.0","MIT","us",""), icons={}, chars={}, info={})

def packed_emoji(home, cut=None):
    data,package = pack(no_emoji, icons={}, chars={}, info={})
    (home/package.tarball).write_bytes(data[:cut])
    return package

def read_emoji(*names, cut=None):
    return lambda home: emoji.read_package(home, packed_emoji(home, cut), *names)

def no_npm(call):
    def run(*args):
        with mock.patch.object(shutil, "which", lambda tool: None): call(*args)
    return run

def from_npm(home): emoji.from_npm(home, [no_emoji])

def another_tarball(home):
    def run(command, cwd, **_): (Path(cwd)/no_emoji.tarball).write_bytes(b"?")
    with mock.patch.object(shutil, "which", lambda tool: tool), mock.patch.object(subprocess, "run", run):
        from_npm(home)

def obtained_emoji(home):
    package = packed_emoji(home) if home.is_dir() else no_emoji
    with mock.patch.object(emoji, "packages", dict(tiny=package)): emoji.obtain(home)

def damaged_emoji(home):
    package = packed_emoji(home, -9)
    with mock.patch.object(emoji, "packages", dict(tiny=package)): emoji.obtain(home)

@refusals(dict(
    no_npm=(no_npm(from_npm), "no npm here"),
    npm=(npm_or_apt_fails(from_npm, "npm error network"), "npm pack: npm error network"),
    another=(another_tarball, "tiny-1.0.0.tgz than was published (foreign"),
    nowhere=(no_npm(obtained_emoji), "1 of 2 emoji packages", "npm pack emojibase-data@17.0.0\nand put into ",
        "\n  emojibase-data-17.0.0.tgz\n"),
    not_writable=(below_a_file(obtained_emoji),
        "cannot be put there: Not a directory. Choose another folder"),
    damaged=(damaged_emoji, "delete it or move it"),
    no_table=(read_emoji("icons", "colors"), "tiny-1.0.0.tgz: cannot read package/colors.json"),
    cut=(read_emoji("info", cut=-30), "cannot read package/info.json"),
    gone=(lambda home: emoji.read_package(home, no_emoji, "info"), "load('emoji') gets it"),
))
def test_emoji_packages_that_cannot_be_had(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,OSError))

icons = dict(prefix="tiny", width=16, height=16, icons=dict(wave=dict(body="")))
many = emoji.Drawings(torch.zeros(60, 3, 8, 8, dtype=torch.uint8), torch.arange(60)//3, torch.arange(60)%3,
    ["x"]*60, [("g",f"s{i//5}",str(i)) for i in range(21)], [])

def aliases(**given): return lambda: emoji.read_icons(icons|dict(aliases=given))
def chosen(min_images, subset=None): return lambda: emoji.choose_icons(many, min_images, subset, torch.Generator())

@refusals(dict(
    unknown_parent=(aliases(a=dict(parent="b")), "leads to 'b'"),
    circle=(aliases(a=dict(parent="b"), b=dict(parent="a")), "which is no icon"),
    turned=(aliases(a=dict(parent="wave", rotate=1)), "'rotate'"),
    no_share=(lambda: emoji.split_classes([("a",)]*9, dict(val=0.,test=.5), torch.Generator()),
        "sizes must be positive"),
    empty_split=(lambda: emoji.split_images(torch.arange(30).repeat_interleave(4), dict(val=.15,test=.05),
        torch.Generator().manual_seed(0)), "no image in test: raise min_images"),
    too_many_images=(chosen(4), "the most that one has is 3"),
    no_images=(chosen(0), "at least 1"),
    subset=(chosen(3, 21), "1…20 emoji"),
))
def test_emoji_that_cannot_be_split(call, words): refuses(call, words)

def drawn(**options): return lambda home: emoji.load_emoji(home/"emoji", **dict(size=16,min_images=1)|options)

def renamed(home):
    drawn()(home)
    cached = emoji.cache_path(home/"emoji", 16)
    emoji.Drawings.read(cached.rename(cached.with_name("emoji-17-00000000.npz")))

def cached(change):
    def run(home):
        drawn()(home)
        path = emoji.cache_path(home/"emoji", 16)
        path.write_bytes(change(path.read_bytes()))
        drawn()(home)
    return run

@refusals(dict(
    split=(drawn(split="all"), "('classes', 'images'), got 'all'"),
    level=(drawn(level="kind"), "got 'kind'"),
    shares=(drawn(val=.6), "sum to less than 1"),
    min_images=(drawn(min_images=9), "the most that one has is 5"),
    few=(drawn(split="images",test=.05), "classes have no image in test: raise min_images"),
    subset=(drawn(subset=99), "1…24"),
    small=(drawn(size=7), "8…512"),
    large=(drawn(size=1000), "8…512"),
    fraction=(drawn(size=64.), "8…512"),
    renamed=(renamed, "emoji-17-00000000.npz was written as emoji-16-"),
    cut=(cached(lambda data: data[:-100]), "is damaged"),
    flipped=(cached(lambda data: data[:100]+bytes([data[100]^1])+data[101:]), "is damaged"),
    empty=(cached(lambda data: b""), "is damaged"),
    head=(cached(lambda data: b"PK"), "is damaged"),
))
def test_emoji_that_cannot_be_loaded(call, words, made_up):  # noqa: F811 - the fixture
    refuses(lambda: call(made_up), words)

# a user's own images

def tree(*paths, read=read_folder):
    "A folder with images; a path that ends in / is an empty folder."
    def run(home):
        for path in paths:
            if path.endswith("/"): (home/path).mkdir(parents=True)
            else: picture_file(home/path)
        return read(home)
    return run

@refusals(dict(
    empty_class=(tree("train/a/1.png", "test/a/1.png", "test/d/"), "1 class folders hold no image"),
    beside=(tree("train/a/1.png", "test/a/1.png", "bus/1.png"), "beside 'bus' at the top"),
    twice=(tree("train/x/1.png", "val/x/1.png", "validation/x/1.png"), "val and validation all mean val"),
    no_training=(tree("test/x/1.png", "val/x/1.png"), "without train"),
    nowhere=(lambda home: read_folder(home/"nowhere"), "no folder or table"),
    embeddings=(lambda home: read_own(home/"e.npz"), "e.npz` examines one"),
))
def test_folders_of_images_that_are_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

def own_table(content, read=table_rows): return lambda home: read(written(home, content, "list.csv"))
def own_rows(*lines):
    return own_table("\n".join(["path,class,split,taxonomy",*lines,""]), read_images_table)

row = "0.png,x,train,a"

@refusals(dict(
    empty=(own_table(""), "empty file"),
    short=(own_table("path,class\na.png\n"), "line 2: 1 cells under 2"),
    quote=(own_table("path,class\n\"a.png,x\n"), "line 2: unexpected end"),
    not_utf8=(own_table(b"path,class\na.png,\xff\n"), "line 2: expected UTF-8 text, found the byte 0xff"),
    control=(own_table("path,class\na\0.png,x"), "line 2: expected text"),
    cells=(own_rows("0.png,x"), "2 cells under 4"),
    no_path=(own_rows(",x,train,a"), "line 2, column path: expected an image"),
    no_class=(own_rows("0.png,,train,a"), "line 2, column class"),
    split=(own_rows(row, "1.png,x,tset,a"), "line 3, column split: expected one of train, training"),
    no_split=(own_rows(row, "1.png,y,,a"), "line 3, column split: empty"),
    two_places=(own_rows(row, "1.png,x,train,b"),
        "line 3, column taxonomy: class 'x' is b/x here and a/x on line 2"),
    empty_group=(own_rows("0.png,x,train,a//b"), "empty one in 'a//b'"),
    repeated=(own_rows(row, "./0.png,y,test,a"), "line 3, column path: './0.png' stands on line 2 already"),
    no_rows=(own_rows(""), "column names alone"),
    semicolons=(own_table("path;class\n0.png;x\n", read_images_table),
        "path and class not in ['path;class']"),
    class_twice=(own_table("path,class,Class\n0.png,x,x\n", read_images_table), "class stands twice"),
    absent=(own_table("path,class\nlost.png,disk\n", lambda file: require_files(read_own(file))),
        "1 of 1 images are not there: line 2, column path: "),
    load_absent=(own_table("path,class\nlost.png,disk\n", load),
        "1 of 1 images are not there: line 2, column path: "),
))
def test_tables_of_images_that_are_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

@refusals({
    **{f"groups {cell}":(lambda cell=cell: class_path("t.csv, line 2", cell, "c"),
        "t.csv, line 2: expected names joined by '/'") for cell in ("/a","/c","a//c","a/","/")},
    "separator":(lambda: path_separator("t.csv", ["a|b","c"]),
        "t.csv: expected names joined by ' > ' or '/' in the column taxonomy, found 'a|b'"),
    "swapped":(lambda: refuse_swapped(Path("t.csv"), [(2,("a","x"),True),(3,("a","x","y"),False)]),
        "t.csv, line 3, column taxonomy: class 'y'"),
})
def test_groups_of_classes_that_are_refused(call, words): refuses(call, words)

pictures = Pictures(Path("mine"), list("abcde"), [("cat",)]*3+[("dog",)]*2, [], list("abcde"))
mixed = ["train","test","val","train","train"]*16
seen = ["train"]*60+["test"]*20

def own_split(given=(), split=None, val=None, test=None):
    labels,groups = torch.arange(8).repeat_interleave(10),[("a",)]*4+[("b",)]*4
    return lambda: own_splits(labels, groups, given, split, val, test, torch.Generator().manual_seed(0))

@refusals(dict(
    min_images=(lambda: with_enough(pictures, 4), "no class has 4 images, the largest has 3"),
    few_images=(lambda: share_images(torch.tensor([0,0,1,2]), dict(test=.5), torch.Generator()),
        "4 images of 3 classes, one of each kept"),
    few_classes=(lambda: share_classes([("a",)]*3, dict(test=.5,val=.5), torch.Generator()),
        "3 classes do not give {'test': 2, 'val': 2}"),
    unknown=(own_split(split="half"), "'images', 'classes' or None"),
    another=(own_split(mixed, "classes"), "the given splits divide images"),
    val_given=(own_split(mixed, val=.1), "val=0.1, but splits are given: test, train, val"),
    test_given=(own_split(seen, test=.1), "test=0.1, but"),
    no_training=(own_split(["test"]*80), "no image is in the split train"),
    shares=(own_split(val=.5, test=.5), "sum to less than 1"),
    negative=(own_split(val=-.1), "≥ 0"),
))
def test_own_images_that_cannot_be_split(call, words): refuses(call, words)

def test_what_is_passed_over_is_named(tmp_path):
    tree("a/1.png", "b/1.png")(tmp_path)
    (tmp_path/"a"/"notes.txt").touch()
    with pytest.warns(UserWarning, match="1 files do not end as images"): read_folder(tmp_path)
    file = written(tmp_path, "path,class,who\na/1.png,x,me\n", "list.csv")
    with pytest.warns(UserWarning, match=r"\['who'\] are not read"): read_images_table(file)
    for seed in range(3): picture_file(tmp_path/f"{seed}.png", seed)
    lines = "path,class,split\n0.png,x,train\n1.png,x,test\n2.png,y,train\n"
    file = written(tmp_path, lines, "list.csv")
    with pytest.warns(UserWarning, match="have no image to test on"): load(file, val=0)

# CIFAR-100

cifar_names = Taxonomy.builtin("cifar100").names
cifar_groups = Taxonomy.builtin("cifar100").level_labels(2).tolist()
fine = [k%100 for k in range(200)]
coarse = [cifar_groups[label] for label in fine]
images_of_cifar = np.arange(200*3072).reshape(200,3072).astype(np.uint8)

def cifar(home, names=cifar_names, **changes):
    "The python layout; `changes` of a file replace entries, None leaves one out."
    home = home/"cifar100"
    home.mkdir()
    entries = dict(data=images_of_cifar, fine_labels=fine, coarse_labels=coarse)
    for split in ("train","test"):
        kept = {k:v for k,v in (entries|changes.get(split, {})).items() if v is not None}
        (home/split).write_bytes(pickle.dumps(kept, 2))
    (home/"meta").write_bytes(pickle.dumps(dict(fine_label_names=names), 2))
    return home

def read_cifar(**changes): return lambda home: cifar100.read_cifar100(cifar100.find_pickles(cifar(home, **changes)))

def cifar_binary(home):
    for split in ("train","test"): (home/f"{split}.bin").write_bytes(bytes(3074)+b"0")
    (home/"fine_label_names.txt").write_text("\n".join(cifar_names))
    cifar100.read_cifar100(cifar100.Place(home, "binary"))

def torn(home):
    (home/"cifar-100-python.tar.gz").write_bytes(gzip.compress(bytes(9000))[:-20])
    cifar100.find_pickles(home).read()

def part_of_cifar(home):
    (cifar(home)/"test").unlink()
    cifar100.find_pickles(home/"cifar100")

def instruction(name):
    def run(_):
        follower = cifar100.Follower()
        follower.marks.append(0)
        follower.simple(name)
    return run

def plain(data): return lambda _: cifar100.read_pickle(data, "x/train")

class Shell:
    def __reduce__(self): return os.system,("echo trapped",)

@refusals(dict(
    short_array=(lambda _: cifar100.Made().fill(b"\0", cifar100.Made(np.dtype("u2")), (2,), "C"),
        "an array of shape (2,) does not have 1 bytes"),
    instance=(instruction("INST"), "it holds the instruction INST, which plain data do not need"),
    program=(plain(pickle.dumps(dict(data=Shell()))),
        f"x/train cannot be read as a pickle of plain data: it names {os.system.__module__}.system"),
    list=(plain(pickle.dumps([1])), "x/train: expected a dictionary, found list"),
    nothing=(plain(b""), "x/train cannot be read"),
    nonsense=(plain(b"nonsense"), "x/train cannot be read"),
    cut=(plain(pickle.dumps(dict(a=1))[:-3]), "x/train cannot be read"),
    torn=(torn, "cifar-100-python.tar.gz is damaged or not the published archive"),
    part=(part_of_cifar, "cifar100 lacks test; unpack"),
    no_labels=(read_cifar(train=dict(fine_labels=None)),
        "cifar100/train: no fine_labels, only data, coarse_labels"),
    no_data=(read_cifar(test=dict(data=None)), "cifar100/test: no data"),
    label=(read_cifar(test=dict(fine_labels=[100]*200)), "cifar100/test: image 0 has fine_labels 100"),
    names=(read_cifar(names="x"), "meta: expected fine_label_names to be a list"),
    records=(cifar_binary, "train.bin: expected records of 3,074 bytes, found 3,075 bytes"),
))
def test_files_of_cifar_that_are_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

def changed(values, at, value): return [*values[:at],value,*values[at+1:]]
def checked_images(data=images_of_cifar, fine=fine, coarse=coarse):
    return lambda: cifar100.check_pixels(data, fine, coarse, "train")

@refusals(dict(
    columns=(checked_images(images_of_cifar[:,:9]),
        "train: expected data of shape (N, 3072), uint8, found uint8 (200, 9)"),
    floats=(checked_images(images_of_cifar/1), "found float64 (200, 3072)"),
    text=(checked_images("x"), "found str"),
    few_labels=(checked_images(fine=fine[1:]), "train: expected fine_labels to be 200 whole numbers"),
    fraction=(checked_images(fine=changed(fine, 0, .5)), "fine_labels to be"),
    nested=(checked_images(fine=changed(fine, 0, [0])), "fine_labels to be"),
    beyond=(checked_images(fine=changed(fine, 3, 100)),
        "train: image 3 has fine_labels 100; expected 0…99"),
    negative=(checked_images(fine=changed(fine, 3, -1)), "image 3 has fine_labels -1"),
    coarse=(checked_images(coarse=changed(coarse, 9, 20)), "image 9 has coarse_labels 20; expected 0…19"),
    disagree=(checked_images(fine=changed(fine, 3, 4)), "train: image 3 is of class 4 and superclass"),
))
def test_images_of_cifar_that_are_refused(call, words): refuses(call, words)

def loaded_cifar(names=cifar_names, **options):
    def run(home):
        cifar(home, names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load("cifar100", root=home, **options)
    return run

def unreachable(home):
    with mock.patch.object(cifar100.CIFAR100, "url", (home/"nowhere.tar.gz").as_uri()):
        cifar100.obtain(home, download=True)

no_val = "val must be 0…199 of the 200 training images"

@refusals(dict(
    not_asked=(cifar100.obtain, "it is downloaded only with download=True"),
    unreachable=(unreachable, "its download failed", "(size 169 MB; license: not stated)"),
    not_writable=(below_a_file(unreachable), "cannot be put there: Not a directory"),
    nowhere=(lambda home: load("cifar100", root=home/"none"), "download=True. Get its 60,000 images",
        "cifar.html (load('cifar100', download=True) does) and put"),
    all=(loaded_cifar(val=200), no_val),
    fraction=(loaded_cifar(val=1.5), no_val),
    true=(loaded_cifar(val=True), no_val),
    negative=(loaded_cifar(val=-1), no_val),
    order=(loaded_cifar(cifar_names[1:]+cifar_names[:1]),
        "class 0 is 'aquarium_fish' in the data and 'apple' in the taxonomy"),
))
def test_cifar_that_cannot_be_loaded(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,OSError))

# NABirds

gulls = "Heermann's Gull (Adult)"
nodes = ["0 Birds","1 Gulls","2 Ducks","20 Mew Gull","21 Wood Duck","446 Mew Gull",f"300 {gulls}",
    "314 Wood Duck (Breeding male)","990 Wood Duck (Female/Eclipse male)"]
links = ["446 20","20 1","1 0","2 0","300 1","21 2","314 21","990 21"]
bird_ids = [f"id{n:02}" for n in range(22)]
bird_nodes = [446]*6+[300]*5+[314]*7+[990]*4
bird_paths = [f"{node:04}/{n:02}.jpg" for n,node in enumerate(bird_nodes)]
bird_files = {"classes":nodes, "hierarchy":links,
    "images":[f"{i} {path}" for i,path in zip(bird_ids, bird_paths)],
    "image_class_labels":[f"{i} {node}" for i,node in zip(bird_ids, bird_nodes)],
    "train_test_split":[f"{i} {int(n%2==0)}" for n,i in enumerate(bird_ids)]}

def birds(read=nabirds.read_nabirds, **changes):
    "Read the small lists; `changes` are functions of the lines of a file."
    def run(home):
        for name,lines in bird_files.items():
            content = changes.get(name, lambda lines: lines)(lines)
            written(home, "\n".join([*content,""]), f"{name}.txt")
        return read(home)
    return run

def tree_of(classes=(), hierarchy=(), links=links):
    "The tree with further lines."
    return birds(nabirds.nabirds_tree, classes=lambda lines: [*lines,*classes],
        hierarchy=lambda _: [*links,*hierarchy])

def line(at, text): return lambda lines: changed(lines, at, text)
def first_gone(lines): return lines[1:]
def last_gone(lines): return lines[:-1]
def without_gulls(lines): return [row for row in lines if " 0300/" not in row and not row.endswith(" 300")]

def bird_id(line):
    return lambda home: nabirds.read_ids(written(home, f"3 0\n{line}\n"), child_id=int, parent_id=int)

second = "list.txt, line 2: expected "
another_folder = "images.txt, line 1: 0446/00.jpg is in another folder"

@refusals(dict(
    negative=(bird_id("-1 0"), second),
    fraction=(bird_id("1.0 0"), second),
    other_digits=(bird_id("² 0"), second),
    letter=(bird_id("a 0"), second),
    three=(bird_id("1 0 0"), second),
    id_twice=(tree_of(["446 Other"]), "classes.txt, line 10: class_id 446 stands on line 6"),
    child_twice=(tree_of(hierarchy=["446 2"]), "hierarchy.txt, line 9: child_id 446 stands on line 1"),
    no_class=(tree_of(hierarchy=["77 0"]), "hierarchy.txt, line 9: class_id 77 is not in classes.txt"),
    no_parent=(tree_of(["77 X"]), "classes.txt, line 10: class_id 77 (X) is not in hierarchy.txt"),
    link_gone=(tree_of(links=links[:-1]), "is not in hierarchy.txt"),
    cycle=(tree_of(hierarchy=["0 446"]), "hierarchy.txt: cycle"),
    orphan=(tree_of(["77 X","78 Y"], ["78 77"]), "hierarchy.txt: orphan"),
    path_twice=(tree_of(["3 Ducks"], ["3 0"]),
        "classes.txt, line 10: path 'Birds > Ducks' stands on line 3"),
    image_twice=(birds(images=line(1, "id00 0446/01.jpg")),
        "images.txt, line 2: image_id 'id00' stands on line 1"),
    no_path=(birds(images=line(1, "id01")), "images.txt, line 2: expected image_id, path"),
    path_of_two=(birds(images=line(1, "id01 0446/00.jpg")),
        "images.txt, line 2: image '0446/00.jpg' stands on line 1"),
    no_image=(birds(images=first_gone), "image_class_labels.txt, line 1: image_id id00 is not in"),
    folder=(birds(images=line(0, "id00 0001/a.jpg")),
        "images.txt, line 1: 0001/a.jpg is in another folder than that of its class"),
    class_id=(birds(image_class_labels=line(0, "id00 x")),
        "image_class_labels.txt, line 1: expected class_id (a whole number from 0), found 'x'"),
    no_leaf=(birds(image_class_labels=line(0, "id00 1")),
        "image_class_labels.txt, line 1: expected class_id of a leaf of hierarchy.txt, found 1"),
    another_class=(birds(image_class_labels=line(0, "id00 300")), another_folder),
    no_label=(birds(image_class_labels=last_gone), "images.txt, line 22: image_id id21 has no line"),
    empty_class=(birds(images=without_gulls, image_class_labels=without_gulls),
        f'images.txt: class "{gulls}" has no image'),
))
def test_lists_of_nabirds_that_are_refused(call, words, tmp_path): refuses(lambda: call(tmp_path), words)

def official(change):
    labels = torch.tensor(bird_nodes)
    def split(home): return nabirds.official_splits(home, bird_ids, labels, 0)
    return birds(split, train_test_split=change)

def in_folder(home, gone=()):
    "The small set, with images."
    birds(lambda home: home)(home)
    for path in set(bird_paths)-set(gone): picture_file(home/"images"/path)
    return home

@refusals(dict(
    two=(official(line(3, "id03 2")), "line 4: expected is_training to be 0 or 1, found 2"),
    twice=(official(line(3, "id00 1")), "line 4: image_id"),
    gone=(official(last_gone), "no line for image_id id21"),
    unknown=(official(lambda lines: [*lines,"b 1"]), "line 23: image_id b is not in images.txt"),
    all=(official(lambda lines: [row[:-1]+"1" for row in lines]), "22 of 22 images are for training"),
    split=(lambda home: nabirds.load_nabirds(in_folder(home), split="halves"),
        "split must be 'random' or 'official', got 'halves'"),
    image=(lambda home: nabirds.load_nabirds(in_folder(home, bird_paths[:1])), "1 of the 22 images that"),
    nowhere=(lambda home: load("nabirds", root=home/"none"), "so that", "none/nabirds/images.txt is there"),
))
def test_nabirds_that_cannot_be_loaded(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

# plankton

def plankton_tree(*paths, name="micros"):
    def read(home):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plankton.read_plankton(name, home)
    return tree(*paths, read=read)

def broken_plankton(home):
    paths = [f"{group}/{i}.png" for group in "ab" for i in range(10)]
    tree(*paths, read=lambda home: home)(home/"mesoz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = load("mesoz", root=home).splits["test"]
    Path(part.paths[0]).write_bytes(b"\x89PNG")
    part[0]

@refusals(dict(
    empty=(plankton_tree("a/1.jpg", "Empty/"), "Empty"),
    blank=(plankton_tree("a/1.jpg", " /a.jpg"), "' '"),
    top=(plankton_tree("a/1.jpg", "top.jpg"), "top.jpg"),
    splits=(plankton_tree("train/a/1.jpg", "test/a/1.jpg", name="mesoz"), "found the splits test, train"),
    nowhere=(lambda home: load("mesoz", root=home/"none"),
        "6,653 images (size not known; license: not stated) from doi.org/10.21335"),
    broken=(broken_plankton, "mesoz/", ".png cannot be read as an image"),
))
def test_plankton_that_is_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,OSError))

def test_files_beside_plankton_are_named(tmp_path):
    tree("a/1.jpg", read=lambda home: home)(tmp_path)
    (tmp_path/"a"/"counts.csv").touch()
    with pytest.warns(UserWarning, match="counts.csv"): plankton.read_plankton("micros", tmp_path)

# CUB-200-2011

species = ["001.Black_footed_Albatross","002.Laysan_Albatross","003.Western_Gull","004.Heermann's_Gull"]
cub_labels = [0,0,1,1,2,2,3,3]

def cub_files(home, file=None, change=None, **options):
    "A small set with one file changed; its paths."
    paths = list(formats.cub(home, cub_labels, species, **dict(seed=None)|options))
    if file: rewrite(home/file, lambda lines: change(lines, paths))
    return paths

def rewrite(file, change): file.write_text("\n".join([*change(file.read_text().splitlines()),""]))

def cub_with(file, change):
    def run(home):
        cub_files(home, file, change)
        read_cub(home)
    return run

def at(index, line):
    "Another line, which may hold the first path of an image as {first}."
    return lambda lines, paths: changed(lines, index, line.format(first=paths[0]))

def without_taxonomy(home):
    cub_files(home)
    (home/"taxonomy.csv").write_text(f"family,class\nLaridae,{species[2]}\n")
    read_cub(home)

def image_gone(name, build):
    "Load a set that lacks an image, which its builder tells."
    def run(home):
        gone = build(home/name)
        gone.unlink()
        load(name, root=home)
    return run

def whole_cub(home): return home/"images"/cub_files(home, seed=0)[0]

first_bird = "001.Black_footed_Albatross/Black_footed_Albatross_0000_0.jpg"

@refusals(dict(
    id_twice=(cub_with("images.txt", at(2, "2 a.jpg")),
        "images.txt, line 3: image_id 2 stands on line 2 already"),
    short=(cub_with("images.txt", at(2, "3")), "images.txt, line 3: expected image_id"),
    gone=(cub_with("images.txt", lambda lines, _: lines[1:]),
        "image_class_labels.txt, line 1: image_id 1 is not in images.txt"),
    image_twice=(cub_with("images.txt", at(1, "2 {first}")),
        f"images.txt, line 2: image {first_bird!r} stands on line 1"),
    folder=(cub_with("images.txt", at(0, "1 001.Black_footed_Albatross/x/y.jpg")), "in another folder"),
    another=(cub_with("image_class_labels.txt", at(0, "1 2")),
        f"images.txt, line 1: {first_bird} is in another folder"),
    zero=(cub_with("image_class_labels.txt", at(0, "1 0")),
        "image_class_labels.txt, line 1: expected image_id (a whole number from 1), class_id"),
    unknown=(cub_with("image_class_labels.txt", at(0, "1 9")),
        "image_class_labels.txt, line 1: class_id 9 is not in classes.txt"),
    no_label=(cub_with("image_class_labels.txt", lambda lines, _: lines[:-1]),
        "images.txt, line 8: image_id 8 has no line"),
    class_twice=(cub_with("classes.txt", at(1, f"2 {species[0]}")),
        "classes.txt, line 2: class '001.Black_footed_Albatross' stands on line 1 already"),
    ghost=(cub_with("classes.txt", lambda lines, _: [*lines,"5 005.Ghost"]),
        "class '005.Ghost' has no image"),
    taxonomy=(without_taxonomy, "no class '001.Black_footed_Albatross' among the taxonomy's 1"),
    image=(image_gone("cub", whole_cub), "1 of the 8 images that"),
    nowhere=(lambda home: load("cub", root=home/"none"), "CUB_200_2011/images.txt is there"),
))
def test_cub_that_is_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

# Cars-196

models = ["AM General Hummer SUV 2000","Audi S4 Sedan 2012","Audi S4 Sedan 2007"]
cars_rows = [dict(relative_im_path=f"car_ims/{i+1:06}.jpg")|{"class":i%3+1} for i in range(6)]

def annotated(names=models, at=0, **changes):
    "The first layout, with one entry changed."
    rows = changed(cars_rows, at, cars_rows[at]|changes)
    def read(home):
        content = dict(annotations=formats.structs(rows), class_names=formats.cells(names))
        savemat(home/"cars_annos.mat", content)
        read_cars(home)
    return read

def mat(*fields, cut=None):
    "Read a struct array with the fields fname and k."
    def read(home):
        savemat(home/"a.mat", dict(rows=formats.structs([dict(fname=f"{i}.jpg", k=i) for i in (1,2,3)])))
        (home/"a.mat").write_bytes((home/"a.mat").read_bytes()[:cut])
        read_mat(home/"a.mat", *fields)
    return read

def bomb(home):
    savemat(home/"a.mat", dict(x=np.zeros(10**5)), do_compression=True)
    check_mat(home/"a.mat", 10**5)

def devkit_without_test(home):
    formats.cars(home, [0,0,1,1,2,2], models, "devkit", None)
    (home/"cars_test_annos_withlabels.mat").unlink()
    read_cars(home)

def whole_cars(home): return home/list(formats.cars(home, [0,0,1,1,2,2], models))[1]

@refusals(dict(
    bomb=(bomb, "a.mat unpacks to more than 100,000 bytes"),
    field=(mat("rows", "class"),
        "a.mat, entry 1 of rows: expected a struct with class, found ['fname', 'k']"),
    struct=(mat("rows"), "expected a name, found ['fname', 'k']"),
    variable=(mat("annotations"), "expected a MATLAB 5 file with the variable 'annotations'"),
    cut=(mat("rows", cut=300), "a.mat: expected a MATLAB 5 file"),
    none=(lambda home: read_mat(home/"none.mat", "rows"), "none.mat; unpack the archive again"),
    no_test=(devkit_without_test, "no cars_test_annos_withlabels.mat in"),
    zero=(annotated(at=3, **{"class":0}),
        "cars_annos.mat: expected a class from 1 to 3 for car_ims/000004.jpg, found 0"),
    beyond=(annotated(at=3, **{"class":7}), "found 7"),
    image_twice=(annotated(at=3, relative_im_path="car_ims/000001.jpg"), "comes 2 times"),
    no_path=(annotated(at=3, relative_im_path=""), "expected the path of an image"),
    class_twice=(annotated([*models[:2],models[0]]), "comes 2 times"),
    ghost=(annotated([*models,"Ghost 2000"]), "class 'Ghost 2000' has no image"),
    few_names=(annotated(models[:2]), "expected a class from 1 to 2"),
    image=(image_gone("cars", whole_cars), "car_ims/000002.jpg"),
    nowhere=(lambda home: load("cars", root=home/"none"), "cars/cars_annos.mat is there"),
))
def test_cars_that_are_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

# Stanford Online Products

def sop_files(home, seed=None):
    return list(formats.sop(home, [0,0,1,1], [0,0,1,1], ["bicycle","mug"], seed=seed))

def sop_with(index, line):
    "Read the lists with another line for training; fields of the old one by name."
    def run(home):
        paths = sop_files(home)
        rewrite(home/"Ebay_train.txt", lambda lines: changed(lines, index, line.format(*paths)))
        read_sop(home)
    return run

def offer_on_both_sides(home):
    sop_files(home)
    rewrite(home/"Ebay_test.txt", lambda lines: [*lines,"99 1 1 bicycle_final/1_9.JPG"])
    read_sop(home)

def half_of_sop(home):
    sop_files(home)
    (home/"Ebay_test.txt").unlink()
    read_sop(home)

def whole_sop(home): return home/sop_files(home, 0)[3]

@refusals(dict(
    category=(sop_with(3, "3 1 2 {2}"), "line 4: class_id 1 is in super_class_id 1 before and in 2 here"),
    id_twice=(sop_with(3, "2 2 2 {2}"), "Ebay_train.txt, line 4: image_id 2 stands on line 3 already"),
    image_twice=(sop_with(3, "3 1 1 {1}"),
        "line 4: image 'bicycle_final/111000000000_1.JPG' stands on line 3"),
    zero=(sop_with(3, "3 0 2 {2}"),
        "line 4: expected image_id (a whole number from 1), class_id (a whole number from 1)"),
    another=(sop_with(3, "3 3 1 {2}"), "super_class_id"),
    path=(sop_with(3, "3 2 2 a.JPG"), "expected a path such as"),
    head=(sop_with(0, "id class path"),
        "line 1: expected the column names 'image_id class_id super_class_id path'"),
    both_sides=(offer_on_both_sides, "class 'bicycle 1' is in test and train"),
    half=(half_of_sop, "Ebay_test.txt"),
    image=(image_gone("sop", whole_sop), "mug_final/111000000001_3.JPG"),
    nowhere=(lambda home: load("sop", root=home/"none"), "Stanford_Online_Products/Ebay_train.txt is there"),
))
def test_sop_that_is_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

# In-Shop

garments = [(0,"train")]*3+[(1,"train"),(2,"query"),(2,"gallery"),(3,"query"),(3,"gallery")]
dress = "img/WOMEN/Dresses/id_00000001/"

def inshop_files(home, seed=None):
    return list(formats.inshop(home, garments, ["WOMEN/Dresses","MEN/Jackets_Vests"], seed=seed))

def inshop_with(*changes):
    "Read the list with other lines, as (index, line)."
    def run(home):
        inshop_files(home)
        def change(lines):
            for index,line in changes: lines = changed(lines, index, line)
            return lines
        rewrite(home/"Eval"/"list_eval_partition.txt", change)
        read_inshop(home)
    return run

def bare_inshop(home):
    inshop_files(home)
    rewrite(home/"Eval"/"list_eval_partition.txt", lambda _: ["9"])
    read_inshop(home)

def whole_inshop(home): return home/"Img"/inshop_files(home, 0)[3]

third = f"{dress}03_1_front.jpg id_00000001"

@refusals(dict(
    count=(inshop_with((0,"7")),
        "list_eval_partition.txt, line 1: expected the number of images, 8, found '7'"),
    no_count=(inshop_with((0,"image_name item_id")), "line 1: expected the number of images"),
    head=(inshop_with((1,"a b c")), "line 2: expected the column names"),
    split=(inshop_with((4,f"{third} val")), "line 5: expected train, query or gallery, found 'val'"),
    item=(inshop_with((4,f"{dress}03_1_front.jpg id_00000002 train")),
        "line 5: expected a path such as img/WOMEN/Dresses/id_00000002"),
    image_twice=(inshop_with((4,f"{dress}02_1_front.jpg id_00000001 train")),
        f"line 5: image '{dress}02_1_front.jpg' stands on line 4"),
    query=(inshop_with((4,f"{third} query")), "item id_00000001 has a query and nothing in the gallery"),
    both_sides=(inshop_with((4,f"{third} gallery")), "class 'id_00000001' is in gallery and train"),
    bare=(bare_inshop, "expected the number of images, 0"),
    image=(image_gone("inshop", whole_inshop), "04_1_front.jpg"),
    nowhere=(lambda home: load("inshop", root=home/"none"),
        "In-shop Clothes Retrieval Benchmark/Eval/list_eval_partition.txt is there"),
))
def test_inshop_that_is_refused(call, words, tmp_path):
    refuses(lambda: call(tmp_path), words, (ValueError,FileNotFoundError))

@pytest.mark.parametrize("name,build,words", [
    ("cub", whole_cub, "cub: train has 4 images of 2 classes .published: 5,864 of 100"),
    ("sop", whole_sop, "sop: train has 4 images of 2 classes .published: 59,551 of 11,318"),
    ("inshop", whole_inshop, "inshop: train has 4 images of 2 classes .published: 25,882 of 3,997")])
def test_a_small_set_warns_with_the_published_sizes(name, build, words, tmp_path):
    build(tmp_path/name)
    with pytest.warns(UserWarning, match=words): load(name, root=tmp_path)
