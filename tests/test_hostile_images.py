"Image files and folders of strangers: read right, or refused by name before anything is lost."
import os
import socket
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from hiernb.data import load,verify
from hiernb.data.images import decode, formats, original_size
from hiernb.data.own import read_folder
from hiernb.tree.taxonomy import Taxonomy


def chunk(kind, body): return struct.pack(">I", len(body))+kind+body+struct.pack(">I", zlib.crc32(kind+body))


def png(rows, width, depth=8, color=2, interlaced=0, clear=b"", height=None):
    "A PNG file whose filtered rows are given; `clear` is what its tRNS chunk holds."
    head = struct.pack(">IIBBBBB", width, height or len(rows), depth, color, 0, 0, interlaced)
    middle = chunk(b"tRNS", clear) if clear else b""
    return (
        b"\x89PNG\r\n\x1a\n"+chunk(b"IHDR", head)+middle
        +chunk(b"IDAT", zlib.compress(b"".join(rows)))+chunk(b"IEND", b""))


@pytest.fixture
def put(tmp_path):
    def write(data, name="x.png"):
        (tmp_path/name).write_bytes(data)
        return tmp_path/name
    return write


def test_a_transparent_gray_of_sixteen_bits_is_white(put):
    row = b"\0"+np.array([0, 257, 1000, 65535], ">u2").tobytes()
    assert decode(put(png([row], 4, 16, 0)), 1).tolist()==[[[0, 1, 4, 255]]]
    assert decode(put(png([row], 4, 16, 0, clear=b"\1\1")), 1).tolist()==[[[0, 255, 4, 255]]]
    assert decode(put(png([row], 4, 16, 0, clear=b"\1\1"))).tolist()==[[[0, 255, 4, 255]]]*3


def test_lab_keeps_its_colors(tmp_path):
    rgb = Image.fromarray(np.array([[[255, 0, 0], [0, 128, 255], [128, 128, 128]]], np.uint8))
    profiles = map(ImageCms.createProfile, ("sRGB", "LAB"))
    ImageCms.profileToProfile(rgb, *profiles, outputMode="LAB").save(tmp_path/"lab.tif")
    found = decode(tmp_path/"lab.tif").permute(1, 2, 0)[0].int()
    # 8 bits of Lab, and 0 is out of gamut
    assert (found-torch.tensor(np.asarray(rgb)[0].astype(int))).abs().max()<16
    gray = decode(tmp_path/"lab.tif", 1)[0, 0].int()
    assert (gray-torch.tensor(np.asarray(rgb.convert("L"))[0].astype(int))).abs().max()<6


def test_every_listed_format_is_read(tmp_path):
    image = Image.fromarray(np.full((3, 5, 3), 70, np.uint8))
    for kind in formats:
        image.save(tmp_path/"x", kind)
        found = decode(tmp_path/"x")
        assert found.shape==(3, 3, 5) and (found.int()-70).abs().max()<3, kind


page = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(ran) (w) file closefile\nshowpage\n%%EOF\n")
refused = [
    ("page.jpg", page, "no image format that is read"),
    ("page.eps", page, "it is a drawing, save it as PNG"),
    ("tree.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is a drawing, save it as PNG"),
    ("x.ico", b"\0\0\1\0\1\0\1\1\0\0\1\0\x18\0\x30\0\0\0\x16\0\0\0"+bytes(60),
    "no image format that is read"),
    ("early.png", png([b"\0"+bytes([9]*12)]*6, 4, height=12), "truncated, 78 bytes too short"),
    ("gray.png", png([b"\0"+bytes([9]*4)]*6, 4, color=0, height=12), "truncated, 30 bytes too short"),
    ("clear.png", png([b"\0"+bytes(8)*3], 4, 16, clear=b"\1\7\2\0\3\0"),
    "(263, 512, 768) of 16 bits is transparent"),
    ("large.png", png([b"\0"+bytes(1250)]*10, 10_000, 1, 0, height=9_000),
    "10000×9000 pixels, more than 89,478,485"),
    ("huge.png", png([b"\0"], 60_000, 1, 0, height=60_000), "3600000000 pixels"),
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name, data, says", refused, ids=[name for name, *_ in refused])
def test_what_is_no_whole_picture_is_refused(put, name, data, says):
    path = put(data, name)
    with pytest.raises(OSError) as e: decode(path)
    assert str(e.value).startswith(f"{path} cannot be read as an image: ") and says in str(e.value), e.value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM"])
@pytest.mark.filterwarnings("ignore")
def test_a_file_cut_anywhere_is_whole_or_refused(tmp_path, kind):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (17, 13, 3), dtype=np.uint8)).save(tmp_path/"x", kind)
    data,whole = (tmp_path/"x").read_bytes(),decode(tmp_path/"x")
    for length in range(1, len(data), 23):
        (tmp_path/"x").write_bytes(data[:length])
        try: assert torch.equal(decode(tmp_path/"x"), whole), f"{length} of {len(data)} bytes"
        except OSError as e: assert f"{tmp_path/'x'} cannot be read" in str(e)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("color, depth", [(0, 1), (0, 16), (2, 8), (3, 4), (4, 8), (6, 16)])
def test_a_black_picture_is_whole(put, color, depth, interlaced):
    "The data of an all-black picture are counted, in all kinds of PNG; a byte less is too short."
    bits = depth*{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    every = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = []
    for x, y, right, down in every:
        columns = len(range(x, 5, right))
        rows += [bytes(1+(columns*bits+7)//8)]*(len(range(y, 3, down)) if columns else 0)
    data = png(rows, 5, depth, color, interlaced, height=3)
    if color==3: data = data[:33]+chunk(b"PLTE", bytes(48))+data[33:]
    assert decode(put(data)).shape==(3, 3, 5)
    # the checksum
    with pytest.raises(OSError, match="its pixel data are damaged"):
        decode(put(data[:-14]+bytes([data[-14]^1])+data[-13:]))
    short = png([b"".join(rows)[:-1]], 5, depth, color, interlaced, height=3)
    with pytest.raises(OSError, match="cannot be read"):
        decode(put(short[:33]+chunk(b"PLTE", bytes(48))*(color==3)+short[33:]))


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path/"pipe.png")
    (tmp_path/"lost.png").symlink_to(tmp_path/"moved"/"a.png")
    (tmp_path/"zero.png").symlink_to("/dev/zero")
    for read in (decode, original_size):
        with pytest.raises(OSError, match="pipe.png cannot be read as an image: it is a pipe"):
            read(tmp_path/"pipe.png")
        with pytest.raises(OSError, match="zero.png cannot be read as an image: it is a device"):
            read(tmp_path/"zero.png")
        with pytest.raises(FileNotFoundError,
            match="lost.png is a link to .*moved/a.png, which is not there"):
            read(tmp_path/"lost.png")


@pytest.fixture
def folder(tmp_path):
    for k, name in enumerate(("a/1", "a/2", "b/c/3", "b/d/4")):
        path = tmp_path/"set"/f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 5), (k, 9, 9)).save(path)
    return tmp_path/"set"


def pipe(folder): os.mkfifo(folder/"a"/"p.jpg")
def link(folder): (folder/"a"/"z.png").symlink_to("gone.png")
def lost_class(folder): (folder/"b"/"e").symlink_to("../moved")
def device(folder): (folder/"b"/"null").symlink_to("/dev/null")
def up(folder): (folder/"a"/"up").symlink_to(folder)
def twin(folder): (folder/"twin").symlink_to("a")
def latin(folder): os.mkdir(os.fsencode(folder)+b"/caf\xe9")
def latin_file(folder): Path(os.fsdecode(os.fsencode(folder)+b"/a/\xe9.png")).touch()


def speak(folder):
    here = os.getcwd()
    os.chdir(folder/"a")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as s: s.bind("s.png")
    os.chdir(here)


def doubling(folder):
    "Thirty folders, each with two links to the next: a thousand million paths."
    for k in range(30):
        (folder/"many"/str(k)).mkdir(parents=True)
        for name in "xy": (folder/"many"/str(k)/name).symlink_to(f"../{k+1}")
    (folder/"many"/"30").mkdir()


strange = [(pipe, "p.jpg is a pipe"), (link, "z.png is a link to gone.png, which is not there"),
    (lost_class, "e is a link to ../moved, which is not there"),
           (device, "null is a device"), (up, "links to a folder above it"),
           (twin, "are one folder, reached through links"),
           (latin, r"b'caf\xe9' is not UTF-8"), (latin_file, r"b'\xe9.png' is not UTF-8"),
           (speak, "s.png is a socket"), (doubling, "are one folder")]


@pytest.mark.parametrize("make, says", strange, ids=[make.__name__ for make, _ in strange])
def test_what_is_strange_in_a_folder_is_named(folder, make, says):
    assert len(read_folder(folder).files)==4
    make(folder)
    for read in (read_folder, Taxonomy.from_folder, load):
        with pytest.raises(ValueError) as e: read(folder)
        assert says in str(e.value)
        assert len(str(e.value).splitlines())==1
    assert says in verify(folder).state.iloc[0]


def test_drawings_are_counted_as_such(folder):
    (folder/"a"/"tree.svg").write_text("<svg/>")
    with pytest.warns(UserWarning, match="1 files do not end as images do .*; 1 of them are drawings such as "
        "SVG, which are not read: save them as PNG"):
        read_folder(folder)
    (folder/"drawn").mkdir()
    (folder/"drawn"/"tree.svg").write_text("<svg/>")
    with pytest.raises(ValueError, match="1 class folders hold no image: .*drawings such as SVG"):
        read_folder(folder)


def test_a_picture_in_two_classes_is_named_before_training(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(folder, val=.25, test=.25, split="classes")
    (folder/"b"/"c"/"again.png").write_bytes((folder/"a"/"1.png").read_bytes())
    # in one class it makes no label wrong
    (folder/"a"/"again.png").write_bytes((folder/"a"/"2.png").read_bytes())
    with pytest.warns(UserWarning, match="1 pictures are in two classes, .*again.png is the same "
        "picture as .*1.png .class a and b/c"):
        load(folder, val=.25, test=.25, split="classes")
    assert verify(folder).state.str.contains("the same picture").sum()==1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_costs_no_memory(put, growth):
    """Two thousand million pixels, or far more data than pixels, in a few kilobytes: refused before memory is
    taken, or read without it."""
    wide,long = (
        put(png([b"\0"], 45_000, 8, 0, height=45_000), "wide.png"),
        put(png([b"\0"*5]*4+[bytes(50_000_000)], 4, 8, 0, height=4), "long.png"))
    with growth(25), pytest.raises(OSError, match="2025000000 pixels"): decode(wide)
    with growth(25): assert decode(long, 1).shape==(1, 4, 4)
