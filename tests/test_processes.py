"Many processes compute what one does: every loss, batch normalization, evaluation, and whole runs."
import json,os,subprocess,sys
from pathlib import Path

import pytest

here = Path(__file__).parent

@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    done = subprocess.run([sys.executable,"processes.py",folder], cwd=here, capture_output=True, text=True,
        timeout=300, check=False,
                          env={**os.environ,"OMP_NUM_THREADS":"1"})
    assert done.returncode==0, done.stderr
    return json.loads((folder/"found.json").read_text())

@pytest.mark.parametrize("size", (2,4))
def test_every_loss_has_the_loss_the_gradients_and_the_final_weights_of_one_process(found, size):
    answers = found[str(size)]["answers"]
    assert len(answers)==size and all("differences" in a for a in answers), answers
    for answer in answers:
        # 15 losses, with and without HIER, one of both in four; and what else a step can be
        assert len(answer["differences"])=={2:35,4:19}[size]
        for name,by in answer["differences"].items():
            # 1e-6 is promised; float64 has no excuse
            assert max(by["loss"],by["gradient"],by["weights"])<1e-10, (name,by)
            assert by["among"]==0, name  # and no process differs from another by a bit

@pytest.mark.parametrize("size", (2,4))
def test_evaluation_samplers_and_agreements_are_those_of_one_process(found, size):
    for answer in found[str(size)]["answers"]: assert all(answer["same"].values()), answer["same"]

@pytest.mark.parametrize("size", (2,4))
def test_one_process_works_for_longer_than_an_exchange_may_take(found, size):
    first,*others = (answer["worked"] for answer in found[str(size)]["answers"])
    assert first==[min(size, os.cpu_count())]
    assert others==[[]]*(size-1)  # with the threads of all

disagreements = dict(epochs="epochs is 1 there and 2 in this one", lr="lr is 0.1 there and 0.2 in this one",
                     pixels="2 changed (images of split train; images of split val)",
                     labels="2 relabeled (16 of 16 images of split train; 16 of 16 images of split val)",
                     files="1 changed (a/1.png)", reading="no folder here", folder="is not that of process 0")

@pytest.mark.parametrize("what", disagreements)
@pytest.mark.parametrize("size", (2,4))
def test_a_process_with_other_settings_or_images_is_named_before_anything_is_trained(found, size, what):
    *others,odd = (answer["disagreements"][what] for answer in found[str(size)]["answers"])
    for said in (*others,odd):
        assert disagreements[what] in said
        assert "are gone" not in said
    for said in others:
        assert f"process {size-1}" in said
        assert "process 1:" not in said.replace(f"process {size-1}", "")

@pytest.mark.parametrize("size", (2,4))
def test_a_process_that_dies_is_noticed_by_the_others(found, size):
    assert found[str(size)]["orphans"]==[True]*(size-1)

def test_a_run_begun_by_two_processes_and_ended_by_four_is_the_run_of_one(found):
    assert [a["size"] for a in found["begun"]]==[2]*2
    assert [a["size"] for a in found["ended"]]==[4]*4
    for name,one in found["alone"].items():
        for many,epochs in ((a["runs"][name],epochs)
            for part,epochs in (("begun",1),("ended",3)) for a in found[part]):
            assert len(many["history"]["epoch"])==epochs and list(many["history"])==list(one["history"]) and many["among"]==0, name
            assert epochs==1 or many["best"]==one["best"] and many["weights"]<1e-9, (name,many)
            for column,values in one["history"].items():
                ours,values = many["history"][column],values[:epochs]
                if column in ("val_accuracy","val_recall_at_1") or column.startswith("train_anchors"):
                    assert ours==values, (name,column)
                else: assert ours==pytest.approx(values, rel=1e-6), (name,column)
