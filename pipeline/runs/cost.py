"""What an experiment will take: runs, hours and disk, from a timed training step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.frontends.spectrogram import BINS
from pipeline.models.configured import configured_network
from pipeline.models.layers import count_parameters
from pipeline.params import Params
from pipeline.training.batches import PRECISIONS, make_bank
from pipeline.training.loop import Recipe, score, start_run, train_epoch
from pipeline.training.mixup import configured_mixup

TIMED_SEGMENTS = 8
TIMED_FRAMES = 64
"""Segments and model frames of the timed step: enough to fill the cores, few enough to time the paper's network in
seconds."""


@dataclass(frozen=True)
class StepTime:
    """Seconds a model frame takes, in a training step and when it is only scored."""

    train: float
    score: float


@dataclass(frozen=True)
class Cost:
    """What the missing runs take.

    Attributes:
        run_hours: one run from its first epoch to its last.
        hours: all missing runs, `workers` at a time.
        features_bytes: the archives; DVC's cache holds them a second time.
        results_bytes: weights, run store and DVC's copy of the weights, over all runs.
    """

    run_hours: float
    hours: float
    features_bytes: float
    results_bytes: float


def time_step(params: Params, device: torch.device) -> StepTime:
    """Time a real step of training, and of scoring, on random segments with the costliest kind of configured model.

    Two steps warm up; the faster of two more counts.
    """
    frames = TIMED_FRAMES // TIMED_SEGMENTS * params.features.every
    train_step, score_step = training_step(params, device, TIMED_SEGMENTS, frames)
    threads = torch.get_num_threads()
    torch.set_num_threads(params.train.threads)
    try:
        return StepTime(_fastest(train_step, device) / TIMED_FRAMES, _fastest(score_step, device) / TIMED_FRAMES)
    finally:
        torch.set_num_threads(threads)


def training_step(
    params: Params, device: torch.device, segments: int, frames: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """A step of training and one of scoring, on a batch of random segments of so many spectrogram frames each."""
    # The first of those that take most: Mixup passes every batch twice.
    model = max(params.models.values(), key=lambda one: (bool(one.mixup), bool(one.vcl), bool(one.shake)))
    train, features, classes = params.train, params.features, len(params.classes)
    source = np.random.default_rng(0)
    bank = make_bank(
        [source.standard_normal((frames, BINS), dtype=np.float32) for _ in range(segments)],
        [index % classes for index in range(segments)],
        left=features.left,
        right=features.right,
        every=features.every,
        device=device,
        dtype=PRECISIONS[train.precision],
    )
    positions, weights = torch.arange(segments, device=device), torch.ones(classes, device=device)
    state = start_run(configured_network(params.network, model, features, classes), train.learning_rate, (0, 1), device)
    # One batch: an epoch is one step.
    recipe = Recipe(1, segments, train.learning_rate, 1, configured_mixup(model))
    return (
        lambda: train_epoch(state, bank, positions, weights, recipe),
        lambda: score(state.network, bank, positions, weights),
    )


def cost(params: Params, step: StepTime, *, runs: Sequence[int], spectrogram_frames: int, workers: int) -> Cost:
    """The cost of each model's `runs` over segments of so many spectrogram frames in all, `workers` at a time.

    Models are trained one after another, so a model's last round may leave workers idle.
    """
    frames = spectrogram_frames / params.features.every
    folds, train = params.partition.folds, params.train
    training, validation = frames * (folds - 1) / folds, frames / folds
    # Training folds are scored at the interval, and at each new best epoch, of which there are few.
    epoch = training * step.train + validation * step.score + training * step.score / train.eval_train_every
    run_seconds = train.epochs * epoch
    model = next(iter(params.models.values()))
    network_bytes = 4 * count_parameters(
        configured_network(params.network, model, params.features, len(params.classes))
    )
    # Weights twice (last, best), in the results and in DVC's cache; the store keeps those and two checkpoints of
    # network, two moments, best and last.
    results = sum(runs) * network_bytes * (2 * 2 + 2 + 2 * 5)
    rounds = sum(-(-number // workers) for number in runs)
    return Cost(run_seconds / 3600, rounds * run_seconds / 3600, 4.0 * BINS * spectrogram_frames, float(results))


def _fastest(step: Callable[[], object], device: torch.device) -> float:
    """Seconds of the faster of two steps, after two to warm up."""
    seconds = []
    for _ in range(4):
        begin = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[2:])
