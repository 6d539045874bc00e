"""The cost of an experiment: runs, hours and disk space, from a timed training step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.core.features import Shape
from pipeline.models.base import Classifier, count_parameters
from pipeline.models.options import ModelParams
from pipeline.runs.params import RunSections
from pipeline.training.batches import PRECISIONS, make_bank
from pipeline.training.loop import train_epoch
from pipeline.training.run import Seeds, start
from pipeline.training.speech import SpeechTask

TIMED_SEGMENTS = 8
TIMED_FRAMES = 64
"""Segments and model frames of the timed step: enough to fill the cores, few enough to time the paper's network in
seconds."""

TIMED_LENGTH = 400
"""Frames of each timed segment for families that read single frames, whose steps take long to begin: 4 s."""


@dataclass(frozen=True)
class StepTime:
    """Seconds for one model frame (or row of a segment), in a training step and when it is only scored."""

    train: float
    score: float


@dataclass(frozen=True)
class Cost:
    """The cost of the missing runs.

    Attributes:
        longest: key of the model whose runs take the longest; None if no model is trained by epochs.
        run_hours: hours for one of its runs from the first epoch to the last.
        hours: hours for all missing runs, `workers` at a time.
        results_bytes: size of weights, run store and DVC's copy of the weights, over all runs.
    """

    longest: str | None
    run_hours: float
    hours: float
    results_bytes: float


Shapes = Callable[[str], Shape]
"""The shape of a model's features, by the model's key."""


def time_steps(params: RunSections, shapes: Shapes, device: torch.device) -> dict[str, StepTime]:
    """Time a real step of training, and of scoring, on random segments, for every model.

    ResNeXts with the same network, features and threads get the time of the slowest of them, and so do models of
    another family with the same options. The timed batch has `TIMED_FRAMES` model frames, or single frames of
    `TIMED_SEGMENTS` segments of `TIMED_LENGTH`, independent of the model's own batches. After two steps, the faster of
    two more counts. A model that is not trained by epochs costs almost nothing and has no entry.
    """
    groups: dict[str, list[str]] = {}
    for key in params.models:
        if params.family_of(key).by_epochs:
            design = params.design_of(key, shapes(key))
            threads = params.train_of(key).threads
            general = set(ModelParams.model_fields)
            own = {} if params.family_of(key).network else design.model.model_dump(exclude=general)
            shared = (params.model(key).family, own, design.network, design.features, params.reading_of(key), threads)
            groups.setdefault(repr(shared), []).append(key)
    return {key: step for group in groups.values() for key, step in _timed(params, group, shapes, device).items()}


def _timed(params: RunSections, group: list[str], shapes: Shapes, device: torch.device) -> dict[str, StepTime]:
    model = costliest(params, group)
    options, reading = params.train_of(model), params.reading_of(model)
    segments, frames = TIMED_SEGMENTS, TIMED_FRAMES // TIMED_SEGMENTS * reading.every
    timed = TIMED_FRAMES
    if not reading.framewise:
        segments, frames = TIMED_FRAMES, 1
    elif params.family_of(model).reads == "frames":
        frames, timed = TIMED_LENGTH, TIMED_SEGMENTS * TIMED_LENGTH
    train_step, score_step = training_step(params, model, shapes(model), device, segments, frames)
    threads = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        step = StepTime(_fastest(train_step, device) / timed, _fastest(score_step, device) / timed)
    finally:
        torch.set_num_threads(threads)
    return dict.fromkeys(group, step)


def costliest(params: RunSections, models: list[str]) -> str:
    """The first of the models that take the longest."""
    return max(models, key=lambda key: params.family_of(key).effort(params.model(key)))


def training_step(
    params: RunSections, model: str, shape: Shape, device: torch.device, segments: int, frames: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """A step of training and one of scoring, on a batch of random segments of `frames` front-end frames each."""
    reading, options, classes = params.reading_of(model), params.train_of(model), len(params.classes)
    source = np.random.default_rng(0)
    bank = make_bank(
        [source.standard_normal((frames, shape.dims), dtype=np.float32) for _ in range(segments)],
        [index % classes for index in range(segments)],
        left=reading.left,
        right=reading.right,
        every=reading.every,
        device=device,
        dtype=PRECISIONS[reading.precision],
    )
    state = start(params.family_of(model), params.design_of(model, shape), options, Seeds(0, 0, 1), device)
    network = state.network
    assert isinstance(network, Classifier)  # noqa: S101 (a family builds nothing else)
    # There is one batch, so an epoch is one step.
    positions = torch.arange(segments, device=device)
    task = SpeechTask(bank, positions, positions, classes, segments)
    return lambda: train_epoch(state, task, options.recipe), lambda: task.score_valid(network)


def cost(
    params: RunSections,
    steps: Mapping[str, StepTime],
    shapes: Shapes,
    *,
    runs: Mapping[str, int],
    segments: int,
    frames: int,
    workers: int,
) -> Cost:
    """The cost of the missing runs.

    Models are trained one after another, so a model's last round may leave workers idle.

    Args:
        params: sections of the experiment.
        steps: times of the models that are trained by epochs, from `time_steps`.
        shapes: shape of a model's features.
        runs: number of missing runs of each model.
        segments: number of segments.
        frames: number of spectrogram frames of all segments together.
        workers: number of runs at a time.
    """
    trained, scored = _parts_of_all(params)
    hours: dict[str, float] = {}
    total = results = 0.0
    for model, number in runs.items():
        options = params.train_of(model)
        if step := steps.get(model):
            reading = params.reading_of(model)
            read = frames / (shapes(model).shift or 1) / reading.every if reading.framewise else segments
            training, validation = read * trained, read * scored
            # Training folds are scored every `eval_train_every` epochs, and at each new best epoch: there are few.
            epoch = training * step.train + validation * step.score + training * step.score / options.eval_train_every
            hours[model] = options.epochs * epoch / 3600
            total += -(-number // workers) * hours[model]
        # Weights twice (last, best), in the results and in DVC's cache; the store keeps them too, and two checkpoints,
        # each with network, two moments, best and last.
        network = params.family_of(model).classifier(params.design_of(model, shapes(model)), 0)
        results += number * 4 * count_parameters(network) * (2 * 2 + 2 + 2 * 5)
    longest = max(hours, key=hours.__getitem__, default=None)
    return Cost(longest, hours[longest] if longest else 0.0, total, results)


def _parts_of_all(params: RunSections) -> tuple[float, float]:
    """About which part of all recordings a run trains on, and which it scores every epoch."""
    partition, fold = params.partition, 1 / params.partition.folds
    if partition.scheme == "cross_corpus":
        return fold, 1 - fold
    if partition.folds == 1:  # a table of the user's own; all of it is more than any part
        return 1.0, 1.0
    held = fold * (2 if partition.dev else 1)
    return 1 - held, held


def _fastest(step: Callable[[], object], device: torch.device) -> float:
    """Seconds that the faster of two steps takes, after two steps to warm up."""
    seconds = []
    for _ in range(4):
        begin = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[2:])
