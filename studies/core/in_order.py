"""Runs of a study side by side, their outcomes in order; each run has one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

import torch

from pipeline.core.errors import InputError
from pipeline.core.limits import available_cores
from pipeline.core.workers import TRAINING_LIBRARIES, WorkerDiedError, advice_after, map_in_order
from pipeline.training.device import resolve_device
from studies.core.params import ExecutionParams

Spec = TypeVar("Spec")
Outcome = TypeVar("Outcome")


def run_in_order(
    train: Callable[[Spec], Outcome],
    specs: Sequence[Spec],
    execution: ExecutionParams,
    progress: Callable[[Outcome], str] | None = None,
) -> list[Outcome]:
    """The outcomes of all runs, in the order of their specifications.

    Args:
        train: a function of a module (not a lambda), whose outcomes can be sent between processes.
        specs: specification of each run.
        execution: device and number of runs at a time; `auto` is one for each core on CPUs, and one on a GPU. With one
            at a time no other process is started.
        progress: function that gives the line to print for an outcome, called in order.

    Returns:
        The outcome of each run.

    Raises:
        InputError: a run raised it, the device does not exist, or the process of a run died.
    """
    device = resolve_device(execution.device)
    automatic = available_cores() if device.type == "cpu" else 1
    asked = automatic if execution.workers == "auto" else execution.workers
    # More processes than cores only share them, and take memory for each.
    workers = min(min(asked, automatic) if device.type == "cpu" else asked, max(1, len(specs)))
    if workers == 1:
        _reproducible()
    outcomes = []
    try:
        # After a failure or Ctrl-C, runs that may need hours are stopped; they continue from their checkpoints later.
        running = map_in_order(
            train, specs, workers, ahead=None, initialise=_reproducible, libraries=TRAINING_LIBRARIES
        )
        with closing(running):
            for outcome in running:
                outcomes.append(outcome)
                if progress is not None:
                    print(progress(outcome), flush=True)
    except WorkerDiedError as error:
        raise InputError(
            f"the process of run {len(outcomes) + 1} of {len(specs)} died ({error.reason}). "
            f"{advice_after(error.reason, 'studies/params.yaml', workers)} start again; finished runs are kept, and "
            "others continue from their checkpoints"
        ) from None
    return outcomes


def _reproducible() -> None:
    torch.set_num_threads(1)
    # As for the speech models, fp32 on a GPU is not TF32.
    torch.backends.cudnn.allow_tf32 = False
