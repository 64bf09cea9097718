"The package's types are what `py.typed` promises: an ordinary script passes mypy, and stubs are up to date."
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/"docs"))
from stubs import stubs  # noqa: E402


def test_ordinary_calls_have_the_types_that_mypy_expects(request, tmp_path):
    "Wrong calls in the script carry `type: ignore` comments, and one that ignores nothing is reported."
    pytest.importorskip("mypy", reason="mypy checks the types and is not installed: pip install mypy")
    cache = request.config.cache.mkdir("mypy") if hasattr(request.config, "cache") else tmp_path/"cache"
    typed = root/"tests"/"typed"
    command = [sys.executable, "-m", "mypy", "--config-file", typed/"mypy.ini", "--cache-dir", cache,
        typed/"ordinary.py"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode==0, done.stdout+done.stderr


def test_stubs_are_those_of_the_modules():
    made = stubs(root)
    by_hand = set((root/"hiernb").rglob("__init__.pyi"))
    assert set(made)|by_hand==set((root/"hiernb").rglob("*.pyi")), "run `make export`"
    old = [file.name for file,text in made.items() if file.read_text(encoding="utf-8")!=text]
    assert not old, f"{old} are not those of their modules: run `make export`"


room = '''
from __future__ import annotations
from fastcore.basics import patch

class Box(dict):
    "A box."
    lid:bool
    def __init__(self, lid:bool): self.lid,self.size = lid,1

@patch(as_prop=True)
def volume(self:Box)->int:
    "Its volume."
    return self.size**3

@patch(cls_method=True)
def of(cls:Box, size:int=1)->Box: return cls(True)
'''
later = '''
from fractions import Fraction
from fastcore.basics import patch
from .box import Box

@patch
def share(self:Box, by:Fraction)->Fraction:
    self.shared = by
    return by
'''
expected = '''
class Box(dict):
    shared: Any
    size: Any
    lid: bool

    def __init__(self, lid: bool):
        ...

    @property
    def volume(self) -> int:
        ...

    @classmethod
    def of(cls, size: int=1) -> Box:
        ...

    def share(self, by: Fraction) -> Fraction:
        ...
'''


def test_a_stub_has_the_methods_that_patches_give(tmp_path):
    """Of its own room and of a later one, whose imports come along; a module without a patched class needs no
    stub."""
    package = tmp_path/"hiernb"
    package.mkdir()
    for name,text in dict(box=room, later=later, plain="x = 1\n").items():
        (package/f"{name}.py").write_text(text)
    made = stubs(tmp_path)
    assert [file.name for file in made]==["box.pyi"]
    text = made[package/"box.pyi"]
    assert "from fractions import Fraction\n" in text
    assert text.endswith(expected)


def test_a_patch_that_no_stub_can_show_is_refused(tmp_path):
    package = tmp_path/"hiernb"
    package.mkdir()
    (package/"box.py").write_text(room.replace("as_prop=True", "set_prop=True"))
    with pytest.raises(ValueError,
        match="volume: expected @patch with as_prop or cls_method, found .'set_prop'."):
        stubs(tmp_path)


@pytest.mark.parametrize("stub", sorted((root/"hiernb").rglob("__init__.pyi")),
    ids=lambda path: path.parent.name)
def test_packages_hand_on_what_they_list(stub):
    package = importlib.import_module(".".join(stub.parent.relative_to(root).parts))
    lines = [re.fullmatch(r"from \.([\w.]+) import (\w+) as \2",
        line) for line in stub.read_text().splitlines() if "import" in line]
    for module,name in (line.groups() for line in lines):
        made = importlib.import_module(f"{package.__name__}.{module}")
        assert getattr(package, name) is getattr(made, name)
    modules = {module.name for module in pkgutil.iter_modules([str(stub.parent)])}
    assert not modules & {line[2]
        for line in lines}, "a package cannot hand on a name that is also one of its modules"
