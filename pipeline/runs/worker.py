"""A worker process: it trains the runs that it is sent, one after another, and tells how they go."""

from __future__ import annotations

import ctypes
import errno
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from safetensors import SafetensorError

from pipeline.core.errors import InputError
from pipeline.core.workers import prepare_worker
from pipeline.params import Params
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import ClaimLostError
from pipeline.runs.run import RunDone, execute
from pipeline.runs.store import FAILURE, RunFolder
from pipeline.training.data import Experiment, load_experiment
from pipeline.training.loop import RunState


@dataclass(frozen=True)
class EpochDone:
    """An epoch of the run at work; accuracies in percent."""

    epoch: int
    train_ua: float
    valid_ua: float


def work(connection: Connection, params: Params, device: str, store: Path, processes: int) -> None:
    """Train every run that arrives, until None does.

    Args:
        connection: `RunSpec` or None in, `EpochDone` and `RunDone` out.
        params: the experiment's.
        device: where to train.
        store: the run store.
        processes: how many share that device.
    """
    prepare_worker()
    trainer = Trainer(params, device, store, processes)
    while (spec := connection.recv()) is not None:
        connection.send(trainer.train(spec, lambda state: _tell(connection, state)))


class Trainer:
    """Trains runs one after another on one device; what they learn from is read for the first."""

    def __init__(self, params: Params, device: str, store: Path, processes: int = 1) -> None:
        """Prepare.

        Args:
            params: the experiment's.
            device: where to train.
            store: the run store.
            processes: how many keep the features in that device's memory.
        """
        keep_freed_memory()
        self.params = params
        self._device, self._store, self._processes = torch.device(device), store, processes
        self._experiment: Experiment | None = None

    def train(self, spec: RunSpec, progress: Callable[[RunState], None] = lambda state: None) -> RunDone:
        """Train one run; whatever goes wrong is told, never raised."""
        try:
            if self._experiment is None:
                self._experiment = load_experiment(self.params, self._device, processes=self._processes)
            return execute(spec, self._experiment, self._store, progress)
        except ClaimLostError as error:
            return RunDone(held_by=error.holder)
        except Exception as error:
            folder = RunFolder(self._store, spec)
            reason = _explain(error, folder)
            folder.note_failure(reason, "".join(traceback.format_exception(error)))
            return RunDone(failure=reason)


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


def _explain(error: Exception, folder: RunFolder) -> str:
    """Why a run failed, for people; where in the code it happened is kept beside the run."""
    if isinstance(error, InputError):
        return str(error)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or (isinstance(error, SafetensorError) and "No space left" in str(error)):
        return f"no space left on the disk of {folder.folder}; free some, the run continues from its last checkpoint"
    if isinstance(error, torch.OutOfMemoryError):
        return (
            "out of the device's memory; set execution.workers lower, or another train.batch_segments (another result)"
        )
    return f"{type(error).__name__}: {error} (details in {folder.folder / FAILURE})"
