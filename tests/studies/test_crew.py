import pytest

from pipeline.errors import InputError
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
