"""One run from its spec to the store: build, resume, train, record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.models.configured import configured_network
from pipeline.runs.identity import RunSpec
from pipeline.runs.store import Interval, RunFolder
from pipeline.runs.together import together
from pipeline.training.data import Experiment
from pipeline.training.device import device_name
from pipeline.training.loop import Recipe, RunState, start_run, train
from pipeline.training.mixup import configured_mixup

Progress = Callable[[RunState], None]

PROGRESS_SECONDS = 5.0
"""Between two notes of how far a run is."""


@dataclass(frozen=True)
class RunDone:
    """How a run ended here.

    Attributes:
        trained: it was trained or continued; else the store had it, or what follows says why not.
        failure: why it failed.
        held_by: who is at it already.
    """

    trained: bool = False
    failure: str | None = None
    held_by: str | None = None


def execute(spec: RunSpec, experiment: Experiment, store: Path, progress: Progress) -> RunDone:
    """Train a run unless the store has it, from its newest checkpoint, and record the outcome in the store.

    Raises:
        ClaimLostError: another process took it over while this one was stopped.
    """
    folder = RunFolder(store, spec)
    if folder.finished():
        return RunDone()
    with folder.claim.held() as other:
        if other is not None:
            return RunDone(held_by=other.shown)
        if folder.finished():
            return RunDone()
        try:
            _train(folder, experiment, progress)
        except Exception:
            # Whatever it was, it does not matter once the run is somebody else's, who may even be its cause.
            folder.claim.check()
            raise
    return RunDone(trained=True)


def _train(folder: RunFolder, experiment: Experiment, progress: Progress) -> None:
    spec, params = folder.spec, folder.spec.params
    device, number = experiment.bank.device, params.execution.devices_per_run
    state = start(spec, device)
    begun_at = folder.resume(state)
    state.note_machine(f"{f'{number} x ' if number > 1 else ''}{device_name(device)}, torch {torch.__version__}")
    save, tell = Interval(params.execution.checkpoint_seconds), Interval(PROGRESS_SECONDS)
    begin = time.monotonic()

    def after_epoch(state: RunState) -> None:
        if save.passed() or state.epoch == spec.epochs:
            folder.claim.check()
            folder.save_checkpoint(state)
        if tell.passed() or state.epoch == spec.epochs:
            folder.note_progress(state, (time.monotonic() - begin) / (state.epoch - begun_at))
        progress(state)

    with together(spec, folder.folder.parent, begun_at, device):
        train_epochs(spec, state, experiment, after_epoch)
    folder.claim.check()
    folder.finish(state)


def start(spec: RunSpec, device: torch.device) -> RunState:
    """A run before its first epoch."""
    params = spec.params
    _settle_arithmetic(params.train.threads, device)
    network = configured_network(
        params.network, spec.model_params, params.features, len(params.classes), seed=spec.stream("initialisation")
    )
    return start_run(network, params.train.learning_rate, (spec.stream("order"), spec.stream("noise")), device)


def train_epochs(spec: RunSpec, state: RunState, experiment: Experiment, after_epoch: Progress) -> None:
    """Train a run to its last epoch, alone or as one of several processes."""
    train_params = spec.params.train
    recipe = Recipe(
        spec.epochs, train_params.batch_segments, train_params.learning_rate, train_params.eval_train_every,
        configured_mixup(spec.model_params),
    )  # fmt: skip
    train_segments, valid_segments = experiment.split(spec.fold)
    train(state, experiment.bank, train_segments, valid_segments, recipe, after_epoch)


def _settle_arithmetic(threads: int, device: torch.device) -> None:
    """What decides the last digits beside the code: threads, the order of sums, and fp32 that is fp32."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # It would fill new memory with NaN before every use, to show reads of what was never written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # By default PyTorch lets convolutions on a GPU round fp32 to the 10 bits of TF32.
    torch.backends.cudnn.allow_tf32 = False
