"Many processes compute what one does: every loss, batch normalisation, evaluation, and a whole run under torchrun."
import json,os,subprocess,sys
from pathlib import Path

import pytest
import torch
from processes import difference,run

here = Path(__file__).parent

@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    done = subprocess.run([sys.executable,"processes.py","losses",folder], cwd=here, capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ,"OMP_NUM_THREADS":"1"})
    assert done.returncode==0, done.stderr
    return {size:json.loads((folder/f"{size}.json").read_text()) for size in (2,4)}

@pytest.mark.parametrize("size", (2,4))
def test_every_loss_has_the_loss_the_gradients_and_the_final_weights_of_one_process(found, size):
    answers = found[size]["answers"]
    assert len(answers)==size and all("differences" in a for a in answers), answers
    for answer in answers:
        assert len(answer["differences"])=={2:30,4:15}[size]               # 15 losses, with and without HIER; with or without it in four
        for name,by in answer["differences"].items():
            assert max(by["loss"],by["gradient"],by["weights"])<1e-10, (name,by)   # 1e-6 is promised; float64 has no excuse
            assert by["among"]==0, name                                            # and no process differs from another by a bit

@pytest.mark.parametrize("size", (2,4))
def test_evaluation_samplers_and_agreements_are_those_of_one_process(found, size):
    for answer in found[size]["answers"]: assert all(answer["same"].values()), answer["same"]

@pytest.mark.parametrize("size", (2,4))
def test_a_process_that_dies_is_noticed_by_the_others(found, size):
    assert len(found[size]["orphans"])==size-1 and all(found[size]["orphans"])

@pytest.mark.filterwarnings("ignore:epoch 2. all embeddings lie at the clip radius")
def test_a_run_under_torchrun_that_is_resumed_is_the_run_of_one_process(tmp_path):
    command = [sys.executable,"-m","torch.distributed.run","--standalone","--nproc_per_node=2","processes.py","train",tmp_path/"two"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=300, check=False, env={**os.environ,"OMP_NUM_THREADS":"1"})
    assert done.returncode==0, done.stderr
    threads = torch.get_num_threads(); torch.set_num_threads(1)
    try: alone = run(tmp_path/"one", 3)                                        # without a stop
    finally: torch.set_num_threads(threads)
    first,second = (torch.load(tmp_path/"two"/f"{rank}.pt") for rank in (0,1))
    for name,one in alone.items():
        assert all(torch.equal(a, b) for a,b in zip(first[name]["weights"], second[name]["weights"], strict=True)), name
        for two in (first[name],second[name]):
            assert two["best"]==one["best"] and list(two["history"])==list(one["history"])
            assert difference(two["weights"], one["weights"])<1e-9
            for column,values in one["history"].items():
                ours = two["history"][column]
                if column in ("val_accuracy","val_recall_at_1") or column.startswith("train_anchors"): assert ours==values, (name,column)
                else: assert ours==pytest.approx(values, rel=1e-6), (name,column)
