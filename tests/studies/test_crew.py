import os
import signal
import time

import pytest

from pipeline.core.errors import InputError
from studies.params import ExecutionParams
from studies.training.crew import run_side_by_side


def squared(number):
    import torch

    if number < 0:
        raise InputError(f"{number} is negative")
    return number**2, torch.get_num_threads()


def test_outcomes_come_in_the_order_of_their_specifications_and_each_run_has_one_thread():
    outcomes = list(run_side_by_side(squared, [3, 1, 2], ExecutionParams(device="cpu", workers=2)))
    assert outcomes == [(9, 1), (1, 1), (4, 1)]


def test_what_is_wrong_in_a_worker_reaches_the_person():
    with pytest.raises(InputError, match="-1 is negative"):
        list(run_side_by_side(squared, [-1], ExecutionParams(device="cpu", workers=1)))


def killed(number):
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def failing_early(number):
    if number == 0:
        raise InputError("no data")
    time.sleep(60)


def test_a_killed_process_is_told_and_a_failure_does_not_wait_for_the_other_runs():
    with pytest.raises(InputError, match="process was killed, perhaps for want of memory"):
        list(run_side_by_side(killed, [0, 1], ExecutionParams(device="cpu", workers=1)))
    started = time.monotonic()
    with pytest.raises(InputError, match="no data"):
        list(run_side_by_side(failing_early, [0, 1], ExecutionParams(device="cpu", workers=2)))
    assert time.monotonic() - started < 50
