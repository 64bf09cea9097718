"Epochs between those that are judged: no score, no part in the choice, and the same weights."
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from test_train_stops import Dropped, go, last, same

from hiernb.train.checkpoint import best_checkpoint, checkpoints, progress_of, read_checkpoint
from hiernb.train.logs import line
from hiernb.plot.figures import training_curves
from hiernb.run.recipe import read_recipe, recipe_names
from hiernb.run.experiment import what_was_trained

HOW = dict(n=64, batch_size=16, checkpoint_minutes=0, keep_checkpoints=100, lr=1e-2)
EPOCHS = 7


def short(folder, epochs=EPOCHS, **how):
    return go(folder, epochs, model=Dropped(), **HOW|how)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    "A run that judges all epochs, and one that judges the third, the fifth and the last."
    home = tmp_path_factory.mktemp("judged")
    some = short(home/"some", judge_from=3, judge_every=2)
    return home, short(home/"all", tensorboard=False), some


def test_only_judged_epochs_have_a_score_and_training_is_the_same(runs):
    home,every,some = runs
    judged = [3,5,7]
    scores = [column for column in some.history if column.startswith("val_")]
    assert scores==["val_accuracy","val_variance"]
    assert list(some.history)==list(every.history)
    for column in scores:
        assert some.history[some.history[column].notna()].epoch.tolist()==judged
    weights = [last(home/name)["model"] for name in ("all","some")]
    assert same(*weights)
    best = every.history[every.history.epoch.isin(judged)].val_accuracy.idxmax()+1
    assert some.best_epoch==best==read_checkpoint(best_checkpoint(home/"some"))["epoch"]
    pd.testing.assert_frame_equal(pd.read_csv(home/"some"/"log.csv"), some.history)
    first = (home/"some"/"log.csv").read_text().splitlines()[1].split(",")
    assert [value for name,value in zip(some.history, first) if name in scores]==["",""]


@pytest.mark.parametrize("place", [(1,2), (3,0), (3,1), (4,0), (6,3)])
def test_a_run_stopped_between_judged_epochs_ends_in_the_same_bits(runs, tmp_path, place):
    whole = runs[0]/"some"
    part = shutil.copytree(whole, tmp_path/"part")
    for path in checkpoints(part):
        if progress_of(path)>place: path.unlink()
    if place[0]<3: best_checkpoint(part).unlink()
    short(part, judge_from=3, judge_every=2, tensorboard=False)
    assert same(last(whole), last(part))
    assert same(*(read_checkpoint(best_checkpoint(folder)) for folder in (whole,part)))
    timed = ["seconds","images_per_second"]
    logs = [pd.read_csv(folder/"log.csv").drop(columns=timed) for folder in (whole,part)]
    pd.testing.assert_frame_equal(*logs, check_exact=True)


def test_the_last_epoch_is_always_judged(runs, tmp_path):
    assert short(tmp_path, 2, judge_from=41, judge_every=5).best_epoch==2
    with pytest.warns(UserWarning, match="epoch 2 was judged as the last of an earlier command"):
        more = short(tmp_path, 3, judge_from=41, judge_every=5)
    assert more.history.val_accuracy.notna().tolist()==[False,True,True]
    part = shutil.copytree(runs[0]/"some", tmp_path/"part")
    for path in checkpoints(part):
        if progress_of(path)>(4,0): path.unlink()
    with pytest.raises(ValueError, match="epochs=4 would end .* not judged: give more epochs"):
        short(part, 4, judge_from=3, judge_every=2)


def test_curves_lines_and_events_leave_out_what_was_not_judged(runs):
    home,_,some = runs
    score = training_curves(some.history)[1].lines[0]
    assert score.get_xdata().tolist()==[3,5,7]
    assert not np.isnan(score.get_ydata()).any()
    assert score.get_marker()=="."
    rows = last(home/"some")["history"]
    assert "val_" not in line(rows[0], EPOCHS)
    assert "val_accuracy" in line(rows[2], EPOCHS)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(home/"some"/"tensorboard")).Reload()
    assert [event.step for event in events.Scalars("val/accuracy")]==[3,5,7]


def test_a_report_counts_what_was_judged(runs):
    _,every,some = runs
    assert f"Epoch {some.best_epoch} of 7 has" in what_was_trained(some)
    assert "among the 3 epochs that were judged; its weights" in what_was_trained(some)
    assert "judged" not in what_was_trained(every)


@pytest.mark.parametrize("name, first, every", [("cub",2,1), ("cars",2,1), ("sop",41,5), ("inshop",41,1)])
def test_recipes_judge_the_epochs_that_the_published_program_judges(name, first, every):
    names = recipe_names(f"hier/{name}-*")
    found = {tuple(read_recipe(recipe).sections["training"][k] for k in ("judge_from",
        "judge_every")) for recipe in names}
    assert found=={(first,every)}


@pytest.mark.parametrize("option", ["judge_from","judge_every"])
@pytest.mark.parametrize("value", [0, -3])
def test_epochs_to_judge_are_counted_from_one(option, value, tmp_path):
    with pytest.raises(ValueError, match=f"{option} must be at least 1, got {value}"):
        short(tmp_path, **{option:value})


def test_a_collapse_is_warned_of_once_whatever_lies_between(tmp_path):
    model = Dropped()
    torch.nn.init.constant_(model[1].weight, 1e-6)
    with pytest.warns(UserWarning, match="collapsed") as caught:
        go(tmp_path, 4, model=model, **HOW|dict(lr=1e-12, judge_every=2, tensorboard=False))
    assert [str(w.message)[:8] for w in caught if "collapsed" in str(w.message)]==["epoch 1:"]
