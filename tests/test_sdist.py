"A source distribution holds every file of the repository that its tests read."
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
left_out = {".ci"}      # what only the repository's host reads


def test_the_source_distribution_holds_the_repository(tmp_path):
    listed = subprocess.run(["git","-C",root,"ls-files","-z"], capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git repository (an unpacked source distribution, for example): nothing to "
            "compare with")
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    copy = tmp_path/"copy"
    names = {name for name in listed.stdout.split("\0") if name and Path(name).parts[0] not in left_out
        and (root/name).is_file()}
    for name in names:
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        (copy/name).symlink_to(root/name)
    subprocess.run([sys.executable,"-c",code,str(tmp_path)], cwd=copy, capture_output=True, check=True)
    archive, = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file: packed = {name.partition("/")[2] for name in file.getnames()}
    assert not names-packed
