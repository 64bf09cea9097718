"Many processes compute what one does: every loss, batch normalisation, evaluation, and a whole run under torchrun."
import json,os,subprocess,sys
from pathlib import Path

import pytest

here = Path(__file__).parent

@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    done = subprocess.run([sys.executable,"processes.py",folder], cwd=here, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ,"OMP_NUM_THREADS":"1"})
    assert done.returncode==0, done.stderr
    return {size:json.loads((folder/f"{size}.json").read_text()) for size in (2,4)}

@pytest.mark.parametrize("size", (2,4))
def test_every_loss_has_the_loss_the_gradients_and_the_final_weights_of_one_process(found, size):
    answers = found[size]["answers"]
    assert len(answers)==size and all("differences" in a for a in answers), answers
    for answer in answers:
        assert len(answer["differences"])==30                              # 15 losses, with and without HIER
        for name,by in answer["differences"].items():
            assert max(by["loss"],by["gradient"],by["weights"])<1e-10, (name,by)   # 1e-6 is promised; float64 has no excuse
            assert by["among"]==0, name                                            # and no process differs from another by a bit

@pytest.mark.parametrize("size", (2,4))
def test_evaluation_samplers_and_agreements_are_those_of_one_process(found, size):
    for answer in found[size]["answers"]: assert all(answer["same"].values()), answer["same"]

@pytest.mark.parametrize("size", (2,4))
def test_a_process_that_dies_is_noticed_by_the_others(found, size):
    assert len(found[size]["orphans"])==size-1 and all(found[size]["orphans"])
