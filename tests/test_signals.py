"""A run that somebody stops: which signals save it, what is left of its loaders, and streams and clocks that
have stopped."""
import errno
import io
import multiprocessing
import os
import signal
import sys
import threading
import time

import pytest
import torch
from test_train_stops import Dropped,go,last
from torch.utils.data import DataLoader

from hiernb.train import sampling as rooms
from hiernb.cli import main as cli
from hiernb.train.sampling import batches,loading
from hiernb.train.checkpoint import checkpoints
from hiernb.data.base import ImageSet
from hiernb.train.health import Terminable,Terminated
from hiernb.train.signals import held_back
from hiernb.train.trainer import Trainer

@pytest.fixture(autouse=True)
def signals():
    "As in a terminal, whatever the tests were started with; and as before in the end."
    numbers = (signal.SIGINT,signal.SIGTERM,signal.SIGHUP)
    before = [signal.signal(n,
        signal.default_int_handler if n==signal.SIGINT else signal.SIG_DFL) for n in numbers]
    yield
    for number,was in zip(numbers, before): signal.signal(number, was)

def short(folder, **options):
    return go(folder, 2, n=64, model=Dropped(), batch_size=16, tensorboard=False, **options)

def after_steps(monkeypatch, n, act):
    "Do something in the n-th step of a run."
    step,left = Trainer.advance,[n]
    def advance(self, *about):
        step(self, *about)
        left[0] -= 1
        if left[0]==0: act()
    monkeypatch.setattr(Trainer, "advance", advance)

@pytest.mark.parametrize("number", [signal.SIGTERM,signal.SIGHUP])
def test_a_signal_saves_the_run_and_ends_it_with_its_code(tmp_path, monkeypatch, capsys, number):
    after_steps(monkeypatch, 6, lambda: signal.raise_signal(number))
    with pytest.raises(SystemExit) as ended: short(tmp_path)
    assert ended.value.code==128+number
    assert signal.getsignal(number) is signal.SIG_DFL
    assert (last(tmp_path)["epoch"],last(tmp_path)["step"]) == (1,2)
    assert capsys.readouterr().err.startswith(f"{number.name}: stopped. The last whole checkpoint is "
        f"{checkpoints(tmp_path)[-1]}")

def test_a_hangup_that_nohup_ignores_stays_ignored(tmp_path, monkeypatch):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    after_steps(monkeypatch, 6, lambda: signal.raise_signal(signal.SIGHUP))
    assert len(short(tmp_path).history)==2
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

class Gone(io.StringIO):
    "A terminal that has closed, or a pipe whose reader has ended."
    def __init__(self, number):
        super().__init__()
        self.number = number
    def isatty(self): return self.number==errno.EIO
    def write(self, text): raise OSError(self.number, os.strerror(self.number))
    flush = lambda self: self.write("")

@pytest.mark.parametrize("number", [errno.EIO,errno.EPIPE])
def test_a_run_is_saved_also_where_nobody_reads_any_more(tmp_path, monkeypatch, number):
    def close():
        monkeypatch.setattr(sys, "stderr", Gone(number))
        signal.raise_signal(signal.SIGHUP)
    after_steps(monkeypatch, 3, close)
    with pytest.raises(SystemExit) as ended: short(tmp_path)
    assert ended.value.code==129
    assert last(tmp_path)["step"]==3

def test_a_closed_standard_error_ends_no_run_and_no_command(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert len(go(tmp_path, 1, n=64, model=Dropped(), tensorboard=False).history)==1
    assert cli.main(["recipes","no/such*"])==1
    assert cli.main(["recipes"])==0
    assert sys.stderr is not None

def test_a_clock_that_stands_still_changes_no_number_but_the_pace(tmp_path, monkeypatch):
    whole = short(tmp_path/"a").history
    for name in ("time","monotonic","perf_counter"): monkeypatch.setattr(time, name, lambda: 1e9)
    still = short(tmp_path/"b").history
    assert still.images_per_second.isna().all()
    assert (still.seconds==0).all()
    assert still.drop(columns=["seconds",
        "images_per_second"]).equals(whole.drop(columns=["seconds","images_per_second"]))

few = ImageSet(torch.zeros(8,1,4,4,dtype=torch.uint8), torch.zeros(8,dtype=torch.long), 0, 1)

def stopped(work):
    "Whether a signal at any time ends a block, as in a validation; and how many processes are left then."
    with pytest.raises(Terminated), Terminable() as stop:
        stop.at_once = True
        work()
    return multiprocessing.active_children()

def load():
    with loading(batches(few, 2, workers=2)) as items: return list(items)

def test_a_signal_while_loaders_are_born_leaves_none_behind(monkeypatch):
    begin = DataLoader.__iter__
    def born(self):
        items = begin(self)
        # the system may hand it to any thread
        other = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGTERM))
        other.start()
        other.join()
        time.sleep(.01)
        return items
    monkeypatch.setattr(DataLoader, "__iter__", born)
    assert stopped(load)==[]

def test_a_signal_while_loaders_are_ended_leaves_none_behind(monkeypatch):
    end = rooms.end_loaders
    def ended(processes):
        signal.raise_signal(signal.SIGTERM)
        end(processes)
    monkeypatch.setattr(rooms, "end_loaders", ended)
    assert stopped(load)==[]

def test_loaders_of_which_one_cannot_be_started_leave_none_behind(monkeypatch):
    start,left = multiprocessing.Process.start,[1]
    def second_fails(self):
        left[0] -= 1
        if left[0]<0: raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        start(self)
    monkeypatch.setattr(multiprocessing.Process, "start", second_fails)
    # torch's own __del__ of a loader that is half made
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    with pytest.raises(OSError, match="temporarily"): load()
    assert multiprocessing.active_children()==[]

def test_a_loader_killed_with_the_lock_that_it_shares_does_not_hold_up_the_end():
    def late(*_): raise TimeoutError
    before = signal.signal(signal.SIGALRM, late)
    try:
        with loading(batches(few, 2, workers=2)) as items:
            items._workers_done_event._cond.acquire()          # as a process leaves it that dies with it
        signal.alarm(20)
        items._shutdown_workers()  # what PyTorch does when the batches are forgotten
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert multiprocessing.active_children()==[]

def test_signals_at_any_moment_leave_no_loaders(capsys):
    for i in range(9):
        timer = threading.Timer(.016*i, lambda: os.kill(os.getpid(), signal.SIGTERM))
        def work(timer=timer):
            timer.start()
            while True: load()
        assert stopped(work)==[]
        timer.join()

def test_what_comes_in_a_passage_is_raised_at_its_end_and_handlers_are_put_back():
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    thread = threading.Thread(target=lambda: held_back().__enter__())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

@pytest.mark.parametrize("number", [signal.SIGTERM,signal.SIGHUP])
def test_a_command_that_is_stopped_ends_with_the_signal_s_code(monkeypatch, number):
    monkeypatch.setattr(cli.Recipes, "run", lambda self: signal.raise_signal(number))
    assert cli.main(["recipes"])==128+number
    assert signal.getsignal(number) is signal.SIG_DFL
