"""One run from its spec to the store: build, resume, train, record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.models.configured import configured_network
from pipeline.training.data import Experiment
from pipeline.training.device import device_name
from pipeline.training.identity import RunSpec
from pipeline.training.loop import Recipe, RunState, start_run, train
from pipeline.training.store import Interval, RunFolder

Progress = Callable[[RunState], None]


def execute(spec: RunSpec, experiment: Experiment, store: Path, progress: Progress) -> None:
    """Train a run unless the store has it, from its newest checkpoint, and record the outcome in the store."""
    folder = RunFolder(store, spec)
    with folder.claimed():
        if folder.finished():
            return
        params, train_params = spec.params, spec.params.train
        device = experiment.bank.device
        _settle_arithmetic(train_params.threads, device)
        state = start_run(
            configured_network(
                params.network,
                spec.model_params,
                params.features,
                len(params.classes),
                seed=spec.stream("initialisation"),
            ),
            train_params.learning_rate,
            (spec.stream("order"), spec.stream("noise")),
            device,
        )
        folder.resume(state)
        state.note_machine(f"{device_name(device)}, torch {torch.__version__}")
        interval = Interval(params.execution.checkpoint_seconds)

        def after_epoch(state: RunState) -> None:
            if interval.passed() or state.epoch == spec.epochs:
                folder.save_checkpoint(state)
            progress(state)

        recipe = Recipe(
            spec.epochs, train_params.batch_segments, train_params.learning_rate, train_params.eval_train_every,
        )  # fmt: skip
        train_segments, valid_segments = experiment.split(spec.fold)
        train(state, experiment.bank, train_segments, valid_segments, recipe, after_epoch)
        folder.finish(state)


def _settle_arithmetic(threads: int, device: torch.device) -> None:
    """What decides the last digits beside the code: threads, the order of sums, and fp32 that is fp32."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # By default PyTorch lets convolutions on a GPU round fp32 to the 10 bits of TF32.
    torch.backends.cudnn.allow_tf32 = False
