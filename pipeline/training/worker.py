"""A worker process: it trains the runs that it is sent, one after another, and tells how they go."""

from __future__ import annotations

import ctypes
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from pipeline.errors import InputError
from pipeline.files import write_text
from pipeline.params import Params
from pipeline.processes import prepare_worker
from pipeline.training.data import Experiment, load_experiment
from pipeline.training.identity import RunSpec
from pipeline.training.loop import RunState
from pipeline.training.runner import execute
from pipeline.training.store import RunFolder


@dataclass(frozen=True)
class EpochDone:
    """An epoch of the run at work; accuracies in percent."""

    epoch: int
    train_ua: float
    valid_ua: float


@dataclass(frozen=True)
class RunDone:
    """The run at work is in the store, or failed for a reason."""

    failure: str | None = None


def work(connection: Connection, params: Params, device: str, store: Path) -> None:
    """Train every run that arrives, until None does.

    Args:
        connection: `RunSpec` or None in, `EpochDone` and `RunDone` out.
        params: the experiment's.
        device: where to train.
        store: the run store.
    """
    prepare_worker()
    keep_freed_memory()
    experiment: Experiment | None = None
    while (spec := connection.recv()) is not None:
        try:
            if experiment is None:
                experiment = load_experiment(params, torch.device(device))
            execute(spec, experiment, store, lambda state: _tell(connection, state))
            outcome = RunDone()
        except InputError as error:
            outcome = RunDone(str(error))
        except Exception as error:
            outcome = RunDone(_explain(error, spec, store))
        connection.send(outcome)


def keep_freed_memory() -> None:
    """Tell glibc to keep what a step frees for the next step.

    By default it gives large blocks back to the system at once and takes them anew, which costs a tenth of the time of
    training a small network on a CPU. Other C libraries know no such setting.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for setting in (trim_threshold, mmap_threshold):
            libc.mallopt(setting, 1 << 30)


def _tell(connection: Connection, state: RunState) -> None:
    row = state.history[-1]
    connection.send(EpochDone(row.epoch, row.train_ua, row.valid_ua))


def _explain(error: Exception, spec: RunSpec, store: Path) -> str:
    """One line for people; where in the code it happened is kept beside the run."""
    details = RunFolder(store, spec).folder / "error.txt"
    write_text(details, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error} (details in {details})"
