"""Runs of a study side by side: one process a run at a time, one thread each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch

from pipeline.processes import available_cores, prepare_worker
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
        InputError: a run raised it, or the device is not there.
    """
    device = resolve_device(execution.device)
    automatic = available_cores() if device.type == "cpu" else 1
    workers = automatic if execution.workers == "auto" else execution.workers
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, max(1, len(specs))), context, initializer=_prepare)
    try:
        yield from pool.map(run, specs)
    finally:
        # After a failure or Ctrl-C, runs that have not begun are dropped; those under way have their checkpoints.
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    prepare_worker()
    torch.set_num_threads(1)
