"The script for a GPU runs, on the CPU and in sizes that prove nothing else."
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent/"benchmarks"))
import device

cpu = torch.device("cpu")


def test_recall_is_that_of_plain_search():
    rows = device.recall_rows(cpu, device.small["recall"])
    assert len(rows)==2
    assert "100 queries among 2,000×128" in rows[1]


def test_a_step_with_and_without_hier_is_timed():
    of = device.small
    row, = device.step_rows(cpu, of["images"], of["pixels"], of["backbone"], of["steps"])
    assert row.startswith("| training step, resnet18, batch 8")


def test_results_of_a_device_are_compared():
    assert "Recall@1, 2, 4, 8: equal" in device.same_results(cpu, draws=2)[-1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_nothing_is_written(tmp_path):
    with pytest.raises(SystemExit, match="finds no CUDA device"): device.main(file=tmp_path/"results.md")
    assert not any(tmp_path.iterdir())
