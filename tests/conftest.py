"Tests give the same answer every time and put back what they change."
import os
from contextlib import contextmanager
from pathlib import Path

# MKL's pool of buffers can spin for ever in a process forked after threads that multiplied matrices have
# ended; without the pool it cannot. Read when MKL is loaded, so before torch.
os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")

import matplotlib
import pytest
import torch
from hypothesis import settings

matplotlib.use("Agg")
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def as_it_was():
    "Fail the test that leaves another default dtype or other plot settings behind."
    before = torch.get_default_dtype(),dict(matplotlib.rcParams)
    yield
    assert (torch.get_default_dtype(),dict(matplotlib.rcParams))==before


@pytest.fixture
def growth():
    """A context that fails where memory grows by more than some megabytes, even for a moment; Linux alone can
    tell."""
    peak = Path("/proc/self/clear_refs")

    def kilobytes(what):
        return int(next(line for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith(what)).split()[1])

    @contextmanager
    def limit(megabytes):
        if not peak.exists(): pytest.skip("the peak of memory is read from /proc")
        peak.write_text("5")                                  # from now on the peak counts anew
        before = kilobytes("VmRSS")
        yield
        assert (kilobytes("VmHWM")-before)/1024<megabytes
    return limit
