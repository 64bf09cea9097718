"Tests give the same answer every time and put back what they change."
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
