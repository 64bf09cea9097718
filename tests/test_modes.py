"""Every public function of metric and tree gives the same numbers in every mode of torch, in threads, in a
forked process."""
import ctypes
import multiprocessing
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import modes
import numpy as np
import pytest
import torch
from hiernb.geometry.threads import side_by_side
from modes import call, cases, is_text, plain, public

warnings.filterwarnings("ignore")
hosts = sorted(cases)


@pytest.fixture(scope="module")
def expected():
    "What every case gives in the mode in which torch starts."
    return {name:plain(call(name)) for name in hosts}


def different(expected, run=call):
    "Cases that raise or give something else, with what happened."
    found = {}
    for name in hosts:
        try: result = plain(run(name))
        except Exception as e: found[name] = f"{type(e).__name__}: {e}"
        else:
            if result!=expected[name]: found[name] = "another value"
    return found


def test_every_function_has_a_case():
    "A new function needs a case in modes.py."
    missing = [name for name in public() if name not in cases and not is_text(name)]
    gone = sorted(set(cases)-set(public()))
    assert not missing
    assert not gone


@contextmanager
def other_dtype():
    torch.set_default_dtype(torch.float64)
    try: yield
    finally: torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("mode",
    [torch.inference_mode, torch.no_grad, lambda: torch.autocast("cpu", torch.bfloat16), other_dtype],
                         ids=["inference_mode", "no_grad", "autocast", "float64"])
def test_modes(mode, expected):
    with mode(): found = different(expected)
    assert not found


def test_default_device(expected):
    "What is computed lies where its arguments lie; meta, a device without numbers, stands for any other default."
    given = {name:cases[name]() for name in hosts}
    with torch.device("meta"): found = different(expected, lambda name: call(name, given=given[name]))
    assert not found


def test_threads(expected):
    """Four threads at once; the number of threads and the global generator stay as they are, also when one of
    them fails."""
    before,state = torch.get_num_threads(),torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(4) as pool:
            failing = [pool.submit(modes.neighbors.knn, modes.x*np.nan, None) for _ in range(4)]
            found = [f for f in pool.map(lambda _: different(expected), range(2)) if f]
        assert all("nan" in str(job.exception()) for job in failing)
        assert not found
        assert torch.get_num_threads()==2
        assert torch.equal(torch.get_rng_state(), state)
    finally: torch.set_num_threads(before)


def test_a_worker_multiplies_with_one_thread():
    "OpenMP and MKL keep their numbers apart, and torch hands both of them to a new thread."
    library,names = ctypes.CDLL(torch._C.__file__),("omp_get_max_threads", "MKL_Get_Max_Threads")
    counts = [getattr(library, name, None) for name in names]
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try: found = side_by_side(lambda _: [count() for count in counts if count], range(2))
    finally: torch.set_num_threads(before)
    assert all(n==1 for some in found for n in some)


def in_child(queue, expected): queue.put(different(expected))


def test_forked_process(expected):
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=in_child, args=(queue, expected))
    child.start()
    child.join(60)
    child.kill()   # no effect on one that has ended; one that hangs would keep pytest from ending
    assert child.exitcode==0
    assert not queue.get()


@pytest.mark.parametrize("kind", [np.int64, np.int32, torch.tensor])
def test_whole_numbers_of_other_kinds(kind, expected):
    def change(value):
        if isinstance(value, tuple) and value and all(type(v) is int for v in value):
            return tuple(map(kind, value))
        return kind(value) if type(value) is int else value
    assert not different(expected, lambda name: call(name, change))
