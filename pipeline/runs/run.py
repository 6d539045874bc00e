"""One run from its spec to the store: build, resume, train, record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.runs.identity import RunSpec
from pipeline.runs.store import RunFolder, Timer
from pipeline.runs.together import together
from pipeline.training.data import Experiment
from pipeline.training.device import device_name
from pipeline.training.loop import stopped
from pipeline.training.run import Progress, start, train_run
from pipeline.training.state import RunState

PROGRESS_SECONDS = 5.0
"""Seconds between two notes of the progress of a run."""


@dataclass(frozen=True)
class RunDone:
    """The result of one attempt to train a run.

    Attributes:
        trained: whether it was trained or continued; else the store had it, or one of the following says why not.
        failure: reason of the failure, if it failed.
        held_by: name of the process that already trains it, if there is one.
    """

    trained: bool = False
    failure: str | None = None
    held_by: str | None = None


def execute(spec: RunSpec, experiment: Experiment, store: Path, progress: Progress) -> RunDone:
    """Train a run unless the store has it, from its newest checkpoint, and record the result in the store.

    Raises:
        LockLostError: another process took it over while this one was stopped.
    """
    folder = RunFolder(store, spec)
    if folder.finished():
        return RunDone()
    with folder.lock.acquire() as other:
        if other is not None:
            return RunDone(held_by=other.name)
        if folder.finished():
            return RunDone()
        try:
            _train(folder, experiment, progress)
        except Exception:
            # If another process has taken the run over, that is what counts; it may even have caused this error.
            folder.lock.check()
            raise
    return RunDone(trained=True)


def _train(folder: RunFolder, experiment: Experiment, progress: Progress) -> None:
    spec, params = folder.spec, folder.spec.params
    device, number = experiment.bank.device, params.execution.devices_per_run
    family, seeds = spec.family, spec.seeds
    state = start(family, spec.design(experiment.shape), spec.train, seeds, device)
    begun_at = folder.resume(state)
    state.note_machine(f"{f'{number} x ' if number > 1 else ''}{device_name(device)}, torch {torch.__version__}")
    save, note = Timer(params.execution.checkpoint_seconds), Timer(PROGRESS_SECONDS)
    begin = time.monotonic()

    def after_epoch(state: RunState) -> None:
        if state.diverged_epoch is not None:
            return
        ended = state.epoch == spec.epochs or stopped(state.history, spec.train.patience)
        if save.passed() or ended:
            folder.lock.check()
            folder.save_checkpoint(state)
        if note.passed() or ended:
            folder.note_progress(state, (time.monotonic() - begin) / (state.epoch - begun_at))
        progress(state)

    with together(spec, folder.folder.parent, begun_at, device):
        train_run(family, state, experiment, spec.fold, spec.train, seeds, after_epoch)
    folder.lock.check()
    folder.finish(state)
