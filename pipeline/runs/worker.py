"""A worker process: it trains the runs that it is sent, one after another, and reports each epoch."""

from __future__ import annotations

import ctypes
import errno
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from pipeline.core.errors import InputError
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import LockLostError
from pipeline.runs.params import RunSections
from pipeline.runs.run import RunDone, execute
from pipeline.runs.store import FAILURE, RunFolder
from pipeline.training.data import Experiment
from pipeline.training.params import Reading
from pipeline.training.state import RunState


@dataclass(frozen=True)
class EpochDone:
    """An epoch of a run is done; accuracies in percent."""

    epoch: int
    train_ua: float
    valid_ua: float


def trainer_of_worker(
    params: RunSections, device: str, store: Path, processes: int
) -> Callable[[RunSpec, Callable[[object], None]], RunDone]:
    """Set up a worker of `core.workers.WorkerPool` that trains runs and sends an `EpochDone` after each epoch.

    Args:
        params: sections of the experiment.
        device: name of the device to train on.
        store: the run store.
        processes: number of workers that share that device.
    """
    trainer = Trainer(params, device, store, processes)
    return lambda spec, send: trainer.train(spec, lambda state: send(_epoch_done(state)))


class Trainer:
    """Trains runs one after another on one device; runs that read the same features share them in memory."""

    def __init__(self, params: RunSections, device: str, store: Path, processes: int = 1) -> None:
        """Prepare.

        Args:
            params: sections of the experiment.
            device: name of the device to train on.
            store: the run store.
            processes: number of processes that keep the features in that device's memory.
        """
        keep_freed_memory()
        self.params = params
        self._device, self._store, self._processes = torch.device(device), store, processes
        self._experiments: dict[tuple[Reading, str], Experiment] = {}

    def train(self, spec: RunSpec, progress: Callable[[RunState], None] = lambda state: None) -> RunDone:
        """Train one run; whatever goes wrong is returned, never raised."""
        try:
            spec.refuse_edited_code()
            read = spec.reading, spec.data
            if read not in self._experiments:
                # One experiment at a time: models of the same reading are trained one after another. The last one is
                # freed first, or the next would find too little memory beside it and be streamed.
                self._experiments.clear()
                torch.cuda.empty_cache()
                self._experiments = {read: spec.load_experiment(self._device, self._processes)}
            return execute(spec, self._experiments[read], self._store, progress)
        except LockLostError as error:
            return RunDone(held_by=error.holder)
        except Exception as error:
            folder = RunFolder(self._store, spec)
            reason = _explain(error, folder)
            folder.note_failure(reason, "".join(traceback.format_exception(error)))
            return RunDone(failure=reason)


def keep_freed_memory() -> None:
    """Make glibc keep the memory that a step frees for the next step.

    By default it returns large blocks to the system at once and takes them again, which costs a tenth of the time of
    training a small network on a CPU. Other C libraries have no such setting.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for setting in (trim_threshold, mmap_threshold):
            libc.mallopt(setting, 1 << 30)


def _epoch_done(state: RunState) -> EpochDone:
    row = state.history[-1]
    return EpochDone(row.epoch, row.train_score, row.valid_score)


def _explain(error: Exception, folder: RunFolder) -> str:
    """The reason why a run failed, for people; the place in the code is kept beside the run."""
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
