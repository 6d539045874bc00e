import os
import signal
import time

import pytest

from pipeline.core.errors import InputError
from studies.core.in_order import run_in_order
from studies.core.params import ExecutionParams


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """These runs are for processes of their own, also on a machine with one core, where there would be none."""
    monkeypatch.setattr("studies.core.in_order.available_cores", lambda: 2)


def squared(number):
    import torch

    if number < 0:
        raise InputError(f"{number} is negative")
    return number**2, torch.get_num_threads()


def test_outcomes_come_in_the_order_of_their_specifications_and_each_run_has_one_thread():
    outcomes = run_in_order(squared, [3, 1, 2], ExecutionParams(device="cpu", workers=2))
    assert outcomes == [(9, 1), (1, 1), (4, 1)]


def test_what_is_wrong_in_a_worker_reaches_the_person():
    with pytest.raises(InputError, match="-1 is negative"):
        run_in_order(squared, [-1], ExecutionParams(device="cpu", workers=1))


def killed(number):
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def aborted(number):
    if number == 0:
        os.abort()
    return number


def ended(number):
    if number == 0:
        os._exit(3)
    return number


def failing_early(number):
    if number == 0:
        raise InputError("no data")
    time.sleep(60)


def test_a_killed_process_is_named_and_a_failure_does_not_wait_for_the_other_runs():
    with pytest.raises(
        InputError,
        match=r"the process of run 1 of 2 died \(killed by SIGKILL\)\. SIGKILL most often means that memory ran out: set "
        r"execution.workers in studies/params.yaml to fewer than 2 and start again",
    ):
        run_in_order(killed, [0, 1], ExecutionParams(device="cpu", workers=2))
    with pytest.raises(
        InputError, match=r"died \(killed by SIGABRT\)\. SIGABRT is a fault of a compiled library"
    ) as fault:
        run_in_order(aborted, [0, 1], ExecutionParams(device="cpu", workers=2))
    assert "memory" not in str(fault.value)
    with pytest.raises(InputError, match=r"the process of run 2 of 2 died \(exit code 3\)\."):
        run_in_order(ended, [1, 0], ExecutionParams(device="cpu", workers=2))
    started = time.monotonic()
    with pytest.raises(InputError, match="no data"):
        run_in_order(failing_early, [0, 1], ExecutionParams(device="cpu", workers=2))
    assert time.monotonic() - started < 50


def test_there_are_no_more_processes_than_cores(monkeypatch):
    monkeypatch.setattr("studies.core.in_order.available_cores", lambda: 1)
    here = [os.getpid()] * 3
    assert run_in_order(process, [0, 1, 2], ExecutionParams(device="cpu", workers=40)) == here


def process(number):
    return os.getpid()
