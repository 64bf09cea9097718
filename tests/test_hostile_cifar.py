"Pickles and archives that are no CIFAR-100: refused in one line, without a crash and without memory."
import gzip
import hashlib
import pickle
import struct
import tarfile
import warnings

import numpy as np
import pytest

import hiernb.data.cifar100 as room
from hiernb.data.cifar100 import Place, find_pickles, read_pickle

array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\1btR"
kind = b"cnumpy\ndtype\n(X\2\0\0\0u1K\0K\1tR"


def entry(value, protocol=2): return b"\x80"+bytes([protocol])+b"}X\4\0\0\0data"+value+b"s."


def repeated(levels):
    "Lists of ten times the list before: a few bytes for 10 to the power of the levels."
    value = [1]
    for _ in range(levels): value = [value]*10
    return value


hostile = {
    "pointers": (entry(array+b"(K\1K\1\x85"+kind
    +b"(K\3X\1\0\0\0|NX\1\0\0\0aK\1J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89C\1atb"),
    "not of plain numbers"),
    "objects": (entry(b"cnumpy\ndtype\n(X\2\0\0\0O8K\0K\1tR"), "not of plain numbers"),
    "a record": (entry(b"cnumpy\ndtype\n(X\5\0\0\0u1,O8K\0K\1tR"), "not of plain numbers"),
    "memory": (entry(b"cnumpy\nndarray\n(\x8a\5\0\0\0\0\2\x85tR"), "not of plain numbers"),
    "another shape": (entry(array+b"(K\1J\0\0\0\x40\x85"+kind+b"\x89C\1atb"), "does not have 1 bytes"),
    "a far memo": (entry(b"K\1r\xff\xff\xff\xff")+b"", None),
    "a long text": (entry(b"X\xff\xff\xff\x7fab"), "expected"),
    "long bytes": (entry(b"\x8e"+struct.pack("<Q", 1<<40)+b"ab", 4), "expected"),
    "a byte array": (entry(b"\x96"+struct.pack("<Q", 1<<40)+b"ab", 5), "expected"),
    "repeated lists": (pickle.dumps(dict(data=repeated(30))), "nested too deeply"),
    "a deep list": (entry(b"]"*3000+b"a"*2999), "nested too deeply"),
    "an instance": (entry(b"(ios\nsystem\n"), "INST, which plain data do not need"),
    "a function": (entry(b"cos\nsystem\nX\4\0\0\0true\x85R"), "it names os.system"),
    "a new object": (entry(b"cnumpy\nndarray\n)\x81"), "NEWOBJ, which plain data do not need"),
    "nothing to take": (b"\x80\2}s.", "cannot be read"),
    "no end": (b"\x80\2}", "cannot be read"),
}


@pytest.mark.parametrize("name", hostile)
def test_a_pickle_that_is_no_plain_data_is_refused(growth, name):
    data,says = hostile[name]
    with growth(30):
        try: found = read_pickle(data, "x/train")
        except ValueError as e:
            assert str(e).startswith("x/train") and (says
                or "x/train") in str(e) and len(str(e).splitlines())==1, e
            return
    assert says is None
    assert isinstance(found, dict)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i8", "f4"])
def test_plain_arrays_are_read_as_numpy_reads_them(protocol, dtype):
    for values in (np.arange(24).reshape(2, 3, 4), np.asfortranarray(np.arange(6).reshape(2, 3))):
        values = values.astype(dtype)
        found = read_pickle(pickle.dumps(dict(data=values, more=[1, -2, 10**12, .5, True, None, "é", (1, 2)]),
            protocol), "x")
        assert np.array_equal(found["data"], values)
        assert found["data"].dtype==values.dtype
        assert found["more"]==[1, -2, 10**12, .5, True, None, "é", (1, 2)]


def archive(path, header, blocks):
    "A compressed archive that begins with a header of our own and many zeros."
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wb") as file:
        file.write(header)
        for _ in range(blocks): file.write(bytes(1<<20))
    return path


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
def test_an_archive_that_declares_too_much_is_refused(tmp_path, growth, kind):
    about = tarfile.TarInfo("cifar-100-python/train")
    about.type,about.size = kind,4_000_000_000
    path = archive(tmp_path/"cifar100"/"cifar-100-python.tar.gz", about.tobuf(tarfile.GNU_FORMAT), 1)
    with growth(60), pytest.raises(ValueError,
        match="cifar-100-python.tar.gz is damaged or not the published archive"):
        find_pickles(path.parent).read()


def test_a_file_that_is_too_long_is_not_read(tmp_path, growth):
    for name in ("train", "test", "meta"): (tmp_path/name).touch()
    with open(tmp_path/"train", "wb") as file: file.truncate(10**10)                        # a hole
    with growth(20), pytest.raises(ValueError,
        match="train has 10,000,000,000 bytes, expected at most 200,000,000"):
        Place(tmp_path, "python").read()


def test_files_that_are_not_the_published_ones_do_not_claim_to_be(tmp_path, monkeypatch):
    home = tmp_path/"cifar100"
    home.mkdir()
    names = [f"c{k}" for k in range(100)]
    monkeypatch.setattr(room.Taxonomy, "builtin",
        lambda _: room.Taxonomy.from_paths([("all",name) for name in names]))
    rows = dict(data=np.zeros((100,3072), np.uint8), fine_labels=list(range(100)), coarse_labels=[0]*100)
    for name in ("train","test"): (home/name).write_bytes(pickle.dumps(rows, 2))
    (home/"meta").write_bytes(pickle.dumps(dict(fine_label_names=names), 2))
    monkeypatch.setattr(room, "compare_counts", lambda *_: True)
    with pytest.warns(UserWarning,
        match="cifar100: train is not the published file: md5 .*; test is not .*; meta is not"):
        assert room.load_cifar100(home).protocol["complete"] is False
    # noqa: S324
    own = {home/name:hashlib.md5((home/name).read_bytes()).hexdigest() for name in ("train","test","meta")}
    monkeypatch.setattr(room, "published_md5", lambda _: own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert room.load_cifar100(home).protocol["complete"] is True
    assert set(room.check_cifar100(home).values())=={"whole"}
