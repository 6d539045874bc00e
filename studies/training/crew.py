"""Runs of a study side by side: one process a run at a time, one thread each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import torch

from pipeline.core.errors import InputError
from pipeline.core.workers import available_cores, prepare_worker
from pipeline.training.device import resolve_device
from studies.params import ExecutionParams

Spec = TypeVar("Spec")
Outcome = TypeVar("Outcome")


def run_side_by_side(
    run: Callable[[Spec], Outcome], specs: Sequence[Spec], execution: ExecutionParams
) -> Iterator[Outcome]:
    """The outcomes of all runs, in the order of their specifications.

    Args:
        run: a function of a module (not a lambda); outcomes are values that can be sent between processes.
        specs: one a run.
        execution: how many at a time; `auto` is one a core on CPUs, one in all on a GPU.

    Raises:
        InputError: a run raised it, the device is not there, or a run's process was killed.
    """
    device = resolve_device(execution.device)
    automatic = available_cores() if device.type == "cpu" else 1
    workers = automatic if execution.workers == "auto" else execution.workers
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(workers, max(1, len(specs))), context, initializer=_prepare)
    outcomes = [pool.submit(run, spec) for spec in specs]
    try:
        for outcome in outcomes:
            yield outcome.result()
    except BrokenProcessPool:
        raise InputError(
            "a run's process was killed, perhaps for want of memory; set execution.workers lower and start again: "
            "finished runs are kept, and others continue from their checkpoints"
        ) from None
    finally:
        if not all(outcome.done() for outcome in outcomes):
            # After a failure or Ctrl-C a run may have hours to go; it continues from its checkpoint another time.
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
        pool.shutdown()


def _prepare() -> None:
    prepare_worker()
    torch.set_num_threads(1)
    # As the speech models: fp32 on a GPU is fp32, not TF32.
    torch.backends.cudnn.allow_tf32 = False
