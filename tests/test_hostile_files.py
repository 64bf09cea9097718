"""Files that declare more than they hold, nest without end, are encrypted or forged: one line with the path,
and no memory."""
import json
import os
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from scipy.io import savemat
from test_train_stops import go

from hiernb.run.collect import collect
from hiernb.data.base import read_json
from hiernb.data.cars import read_mat
from hiernb.data.embeddings import load_embeddings
from hiernb.run.schema import read_toml
from hiernb.train import manifest
from hiernb.train.manifest import Manifest,Part,read_manifest,save_manifest
from hiernb.run.recipe import read_recipe
from hiernb.tree.taxonomy import Taxonomy

x,y = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32),np.arange(6)%2


def npy(shape, data=b"", kind="<f4"):
    "An .npy file whose header is made up."
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0"+struct.pack("<H", len(head))+head+data


def zipped(path, method=zipfile.ZIP_DEFLATED, **members):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items(): file.writestr(f"{name}.npy", data)


def declares(path):
    zipped(path, embeddings=npy((10**6, 10**6)), labels=npy((6,), y.astype("<i8").tobytes(), "<i8"))
def short(path): zipped(path, embeddings=npy((6, 3), x.tobytes()[:-4]))
def objects(path): np.savez(path, embeddings=x, labels=np.array([None]*6, dtype=object))
def stranger(path): zipped(path, embeddings=npy((6, 3), x.tobytes()), labels=b"no array")


def bomb(path):
    "A member of two thousand million bytes, by the list of members."
    zipped(path, embeddings=npy((500_000_000,)))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")+24
    data[at:at+4] = struct.pack("<I", 2_000_000_000)
    path.write_bytes(data)


def encrypted(path):
    zipped(path, embeddings=npy((6, 3), x.tobytes()))
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)): data[data.index(mark)+at] |= 1
    path.write_bytes(data)


def stretched(path):
    torch.save(dict(embeddings=torch.ones(1, 1).expand(10**6, 10**6), labels=torch.zeros(6)), path)


def laughs(path):
    names = ["a"]*10
    for _ in range(30): names = [names]*10
    torch.save(dict(embeddings=torch.ones(6, 3), labels=names), path)


def wide(path):
    row = [1.]*10_000
    torch.save(dict(embeddings=[row]*10_000, labels=torch.zeros(6)), path)


def locked(path):
    torch.save(dict(embeddings=torch.ones(6, 3)), path)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2")+8] |= 1
    path.write_bytes(data)


def deep_names(path):
    save_file(dict(embeddings=torch.ones(6, 3), labels=torch.zeros(6).long()), path,
        dict(class_names="["*3000+"]"*3000))
def less_deep(path):
    save_file(dict(embeddings=torch.ones(6, 3), labels=torch.zeros(6).long()), path,
        dict(class_names="["*300+"]"*300))


def tall(path):
    head = json.dumps(dict(embeddings=dict(dtype="F32", shape=[10**9, 10**3],
        data_offsets=[0, 4*10**12]))).encode()
    path.write_bytes(struct.pack("<Q", len(head))+head+bytes(64))


def headless(path): path.write_bytes(struct.pack("<Q", 1<<60)+b"{}")
def equal(path):
    pd.DataFrame(dict(label=np.zeros(2*10**6, np.int8),
        **{f"e{k}": np.zeros(2*10**6, np.float32) for k in range(9)})).to_parquet(path)


def lists(path):
    from pyarrow import ListArray,array,parquet,table
    n = 2*10**7
    values = ListArray.from_arrays(array([0,n]), array(np.zeros(n, np.float32)))
    parquet.write_table(table(dict(embedding=values, label=[0])), path)


def understated(path):
    "The end of the file declares one value; the header of the page declares all."
    lists(path)
    whole = path.read_bytes()
    end = len(whole)-8-int.from_bytes(whole[-8:-4], "little")
    many,one = b"\x80\xb4\x89\x13",b"\x82\x80\x80\x00"     # 2·10⁷ and 1 as numbers of four bytes
    assert many in whole[end:]
    path.write_bytes(whole[:end]+whole[end:].replace(many, one))


def empty(path): zipped(path, embeddings=npy((6, 3), x.tobytes()), labels=npy((10**8,), kind="|S0"))


hostile = [(declares, ".npz", "embeddings.npy declares 4,000,000,000,000 bytes"),
    (short, ".npz", "declares 72 bytes"), (objects, ".npz", "array of objects"),
           (stranger, ".npz", "magic string"), (bomb, ".npz", "it declares 2,000,000,000 bytes"),
           (encrypted, ".npz", "is encrypted"),
           (stretched, ".pt", "embeddings declares more than the file holds"),
           (laughs, ".pt", "labels declares more"),
           (wide, ".pt", "embeddings declares more"),
           (locked, ".pt", "is encrypted"), (deep_names, ".safetensors", "cannot be read as .safetensors"),
           (less_deep, ".safetensors", "nested too deeply"),
           (tall, ".safetensors", "cannot be read"), (headless, ".safetensors", "cannot be read"),
           (equal, ".parquet", "it declares 160,000,"),
           (lists, ".parquet", "it declares 160,000,"),
           (understated, ".parquet", "it declares 160,000,"),
           (empty, ".npz", "labels.npy declares 100,000,000 values of type |S0 in 0 bytes each")]


@pytest.mark.parametrize("make, ending, says", hostile, ids=[make.__name__ for make, *_ in hostile])
def test_a_file_of_embeddings_costs_no_more_than_it_holds(tmp_path, growth, make, ending, says):
    if ending==".parquet": pytest.importorskip("pyarrow", reason="Parquet is optional")
    path = tmp_path/f"x{ending}"
    make(path)
    with growth(60), pytest.raises(ValueError) as e: load_embeddings(path)
    assert str(e.value).startswith(str(path)) and says in str(e.value) and len(str(e.value).splitlines())==1, e.value


@pytest.mark.parametrize("make", [equal,lists,understated])
def test_a_taxonomy_in_parquet_costs_no_more_than_it_holds(tmp_path, growth, make):
    pytest.importorskip("pyarrow", reason="Parquet is optional")
    make(tmp_path/"x.parquet")
    with growth(60), pytest.raises(ValueError, match=r"x\.parquet cannot be read as Parquet: it declares 160,000"):
        Taxonomy.from_csv(tmp_path/"x.parquet")


def test_parquet_damaged_anywhere_names_the_file(tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet is optional")
    pd.DataFrame(dict(label=y, e0=x[:, 0], e1=x[:, 1])).to_parquet(tmp_path/"x.parquet")
    whole = (tmp_path/"x.parquet").read_bytes()
    for at in range(4, len(whole)-8, 12):
        (tmp_path/"x.parquet").write_bytes(whole[:at]+bytes([whole[at]^255])+whole[at+1:])
        try: load_embeddings(tmp_path/"x.parquet")
        except ValueError as e:
            assert str(e).startswith(str(tmp_path/"x.parquet")) and len(str(e).splitlines())==1, e


def test_a_tensor_without_numbers_names_the_file(tmp_path):
    torch.save(dict(embeddings=torch.ones(6, 3, device="meta"), labels=torch.from_numpy(y)), tmp_path/"x.pt")
    with pytest.raises(ValueError, match="x.pt: embeddings .* device meta"): load_embeddings(tmp_path/"x.pt")


def test_files_that_compress_well_are_read(tmp_path):
    """Embeddings that are nearly all zero, far smaller on the disk than in memory, and tensors that share a
    storage."""
    sparse = np.zeros((3000, 1000), np.float32)
    sparse[:, 0] = np.arange(3000)
    np.savez_compressed(tmp_path/"x.npz", embeddings=sparse, labels=np.arange(3000)%7)
    assert load_embeddings(tmp_path/"x.npz").embeddings.shape==(3000, 1000)
    both = torch.from_numpy(np.concatenate([x, x]))
    torch.save(dict(embeddings=both[:6], proxies=both[6:8], labels=torch.from_numpy(y)), tmp_path/"x.pt")
    assert load_embeddings(tmp_path/"x.pt").proxies.shape==(2, 3)


recipes = [("a = "+"["*3000+"]"*3000, "nested too deeply"), ("a"+".a"*3000+" = 1", "nested too deeply"),
           ("a = "+"{a = "*3000+"1"+"}"*3000, "nested too deeply"),
           ("[a"+".a"*30+"]\nb = 1", "nested too deeply"),
           ("a = '"+"x"*1_100_000+"'", "expected at most 1,000,000"), ("a = "+"9"*5000, "no TOML")]


@pytest.mark.parametrize("text, says", recipes)
def test_a_recipe_is_read_or_refused_in_one_line(tmp_path, text, says):
    path = tmp_path/"a.toml"
    path.write_text(text)
    with pytest.raises(ValueError) as e: read_toml(path)
    assert str(e.value).startswith(f"{path} is no TOML file: ")
    assert says in str(e.value)
    assert len(str(e.value).splitlines())==1


def test_a_recipe_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path/"a.toml")
    with pytest.raises(ValueError, match="a.toml is no TOML file: it is a pipe"): read_toml(tmp_path/"a.toml")


def test_a_recipe_that_is_a_link_to_itself_is_refused(tmp_path):
    (tmp_path/"a.toml").symlink_to("a.toml")
    with pytest.raises((OSError,ValueError), match="a.toml"): read_recipe(tmp_path/"a.toml")


odd = [*(text for text, _ in recipes), "name = 'x'\nseed = inf\n[data]\nname = 'y'",
    "name = 'x'\nseed = 1\ndata = []",
       "name = 'x'\nseed = 1\n[data]\nname = 'y'\n[published]\n'a' = 1979-05-27",
       "name = 'x'\nseed = 1\n[data]\nname = 1979-05-27\nt = 07:32:00"]


@pytest.mark.parametrize("text", odd)
def test_one_run_does_not_end_a_table(tmp_path, text):
    for name, content in (("bad", text), ("good", "name = 'x'\nseed = 1\n[data]\nname = 'y'\n")):
        (tmp_path/name).mkdir()
        (tmp_path/name/"recipe.toml").write_text(content)
        (tmp_path/name/"test.csv").write_text("of,measure,value\nembeddings,Recall@1,0.5\n")
    found = collect(tmp_path).set_index("folder")
    assert found.state[str(tmp_path/"good")]=="done"
    assert found.state[str(tmp_path/"bad")].startswith("damaged: ")
    assert "\n" not in found.state[str(tmp_path/"bad")]


def test_a_list_of_matlab_that_unpacks_to_gigabytes_is_refused(tmp_path, growth):
    savemat(tmp_path/"a.mat", dict(x=np.zeros(15*10**6)), do_compression=True)
    with growth(40), pytest.raises(ValueError, match="a.mat unpacks to more than 100,000,000 bytes"):
        read_mat(tmp_path/"a.mat", "x")
    with open(tmp_path/"a.mat", "ab") as file: file.truncate(10**10)                       # a hole
    with growth(40), pytest.raises(ValueError, match="a.mat has 10,000,000,000 bytes"):
        read_mat(tmp_path/"a.mat", "x")


deep = "["*100_000+"]"*100_000


@pytest.mark.parametrize("text, says",
    [(deep,"nested too deeply"), ("{","is no JSON"), ("\xff","is no JSON"),
    (" "*200,"200 bytes, expected at most 100")])
def test_json_that_cannot_be_read_is_refused_in_one_line(tmp_path, text, says):
    path = tmp_path/"environment.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=says) as refused:
        read_json(path, 100 if says.endswith("100") else 2**24)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name, text",
    [("environment.json",deep), ("environment.json",'{"a":1}'), ("split.json",deep)])
def test_a_run_whose_files_are_damaged_is_refused_in_one_line(tmp_path, name, text):
    train = lambda: go(tmp_path, 1, n=64, tensorboard=False)
    train()
    (tmp_path/name).write_text(text)
    with pytest.raises(ValueError, match=f"{name} is damaged") as refused:
        train() if name[0]=="e" else read_manifest(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_list_of_images_that_could_not_be_read_is_not_written(tmp_path, monkeypatch):
    "As many bytes as the reader takes are written; of one byte more nothing of the run in the folder is replaced."
    images = Manifest("stamps", ["a"], [("a",)], {}, dict(train=Part([0], ["a.png"], ["0"*64], [[1,2,3]])))
    size = save_manifest(tmp_path/"list", images).stat().st_size
    monkeypatch.setattr(manifest, "most_manifest", size)
    assert read_manifest(save_manifest(tmp_path/"list", images).parent)==images
    monkeypatch.undo()
    go(tmp_path/"run", 1, n=64, tensorboard=False)
    before = {path:path.read_bytes() for path in (tmp_path/"run").rglob("*") if path.is_file()}
    monkeypatch.setattr(manifest, "most_manifest", size-1)
    with pytest.raises(ValueError, match=f"in {size} bytes, and at most {size-1}"): save_manifest(tmp_path/"list", images)
    with pytest.raises(ValueError, match=r"split\.json would list the images"):
        go(tmp_path/"run", 1, n=64, tensorboard=False, resume=False)
    assert {path:path.read_bytes() for path in (tmp_path/"run").rglob("*") if path.is_file()}==before


@pytest.mark.parametrize("name, says", [("e.csv.gz","'.gz'; it is compressed: unpack it first"),
    ("e.tsv.bz2","unpack it first"), ("e.npz.zip","unpack it first"), ("glove.txt","--delimiter ' '"),
    ("word2vec.vec","names its columns in the first line"), ("e.h5","np.savez"), ("e","'no ending'")])
def test_an_ending_that_is_not_read_says_what_to_do(tmp_path, name, says):
    (tmp_path/name).write_bytes(b"the 0.4 0.2\n")
    with pytest.raises(ValueError, match="expected a file of embeddings ending in") as refused:
        load_embeddings(tmp_path/name)
    assert says in str(refused.value)
