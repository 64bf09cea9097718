"Debian's package, fetched for real into an empty folder as an ordinary user would."
import shutil

import pytest
from hiernb.data import verify
from hiernb.data.fashion_mnist import files,from_debian,obtain

def test_debian_gives_the_published_files_byte_for_byte(tmp_path):
    if not shutil.which("apt-get"): pytest.skip("no apt-get here")
    folder = tmp_path/"with a space"/"fashion_mnist"
    try: from_debian(folder)
    except OSError as e:
        if "apt-get" not in str(e): raise
        pytest.skip(f"Debian's mirror is out of reach: {e}")
    assert sorted(p.name for p in folder.iterdir()) == sorted(files)  # and nothing else is left
    assert verify(folder).state.tolist() == ["whole"]*4
    cut = folder/"train-images-idx3-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:1_000_000])
    assert verify(folder.parent).set_index("file").state[cut.name].startswith("truncated: 1000000 bytes")
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz is not the published file .truncated"):
        obtain(folder)
