"""The training of one run: from a design and data to a trained classifier."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import torch

from pipeline.core.errors import InputError
from pipeline.models.base import Classifier, TrainingSet
from pipeline.models.family import Design, Family
from pipeline.training.batches import PRECISIONS, SegmentBank
from pipeline.training.data import Experiment, Positions
from pipeline.training.loop import Scores, Scoring, train
from pipeline.training.params import TrainParams
from pipeline.training.speech import SpeechTask, gathered_batch, probabilities, score
from pipeline.training.standardising import group_statistics, groups_of, speakers_of
from pipeline.training.state import Epoch, RunState, Snapshot, start_run, take_snapshot

Progress = Callable[[RunState], None]


@dataclass(frozen=True)
class Seeds:
    """The seeds of a run's random streams.

    Attributes:
        initialisation: seed of the classifier's initial numbers.
        order: seed of the order of the batches.
        noise: seed of everything else that is random in training, such as shaking and dropout.
    """

    initialisation: int
    order: int
    noise: int

    @classmethod
    def of(cls, seed: int, fold: int, repeat: int = 1) -> Self:
        """The seeds of a run; they do not depend on the model, so that models share their batches.

        Those of the first partition do not depend on whether there are others.
        """
        of_repeat = [] if repeat == 1 else [repeat]
        states = (
            np.random.SeedSequence([seed, fold, purpose, *of_repeat]).generate_state(1)[0] for purpose in range(3)
        )
        return cls(*map(int, states))


def start(family: Family, design: Design, options: TrainParams, seeds: Seeds, device: torch.device) -> RunState:
    """A run before its first epoch."""
    configure_arithmetic(options.threads, device)
    network = family.classifier(design, seeds.initialisation)
    if family.by_epochs:
        network.frames_dtype = PRECISIONS[options.precision]
    return start_run(network, options.recipe, (seeds.order, seeds.noise), device)


def train_run(
    family: Family,
    state: RunState,
    experiment: Experiment,
    fold: int,
    options: TrainParams,
    seeds: Seeds,
    after_epoch: Progress = lambda state: None,
) -> None:
    """Train a run to its last epoch, alone or as one of several processes; `state` holds the result.

    Args:
        family: family of the classifier.
        state: state of a new run or of one that continues.
        experiment: segments of all folds.
        fold: fold that the run is validated on.
        options: section `train` with the model's own values.
        seeds: seeds of the run.
        after_epoch: function called after each epoch.
    """
    parts = experiment.split(fold)
    network = state.network
    assert isinstance(network, Classifier)  # noqa: S101 (a family builds nothing else)
    bank, variants = experiment.bank, list(experiment.variants)
    if network.standardisation is not None:
        groups = groups_of(experiment.segments, network.standardisation.by)
        groups = None if groups is None else groups.to(bank.device)
        bank, variants = replace(bank, groups=groups), [replace(variant, groups=groups) for variant in variants]
        if not state.history:
            by = network.standardisation.by
            network.standardisation.set_statistics(*group_statistics(bank, parts.train, by, hidden=parts.test))
    task = speech_task(bank, parts.train, parts.valid, network.num_classes, options, variants)
    dev = partial(score, bank=bank, segments=parts.dev, weights=task.weights) if len(parts.dev) else None
    if family.by_epochs:
        scoring = Scoring(1, options.eval_train_every, snapshots=True, dev=dev, patience=options.patience)
        train(state, task, options.recipe, scoring, after_epoch)
    elif not state.history:
        _fit(state, network, task, speakers_of(experiment.segments)[parts.train.cpu()], seeds, dev)
        after_epoch(state)
    if state.diverged_epoch is None:
        _score_apart(state, network, bank, parts)


def _score_apart(state: RunState, network: Classifier, bank: SegmentBank, parts: Positions) -> None:
    """Add the probabilities of held-out segments and of the test to the snapshots, when no epoch is chosen any more."""
    if not len(parts.dev) and not len(parts.test):
        return
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    scored: dict[int, Snapshot] = {}
    for name, snapshot in state.snapshots.items():
        if snapshot.epoch not in scored:
            network.load_state_dict(snapshot.weights)
            dev, test = (
                probabilities(network, bank, segments) if len(segments) else None
                for segments in (parts.dev, parts.test)
            )
            scored[snapshot.epoch] = replace(snapshot, dev=dev, test=test)
        setattr(state, name, scored[snapshot.epoch])
    network.load_state_dict(own)


def speech_task(
    bank: SegmentBank,
    train: torch.Tensor,
    valid: torch.Tensor,
    num_classes: int,
    options: TrainParams,
    variants: Sequence[SegmentBank] = (),
) -> SpeechTask:
    """The task of a run: segments at these positions, and how the section `train` says that they are learned from."""
    return SpeechTask(
        bank,
        train,
        valid,
        num_classes,
        options.batch_segments,
        sampling=options.sampling,
        gamma=options.gamma,
        augment=options.augment,
        variants=tuple(variants),
    )


def _fit(
    state: RunState,
    network: Classifier,
    task: SpeechTask,
    actors: torch.Tensor,
    seeds: Seeds,
    dev: Callable[[Classifier], Scores] | None,
) -> None:
    """Fit a classifier without epochs to all training segments; its history has one row."""
    bank, segments = task.bank, task.train_segments
    if int((task.weights > 0).sum()) < 2:
        raise InputError(
            f"the training part has one of the {task.num_classes} classes, and classifiers that are not trained by "
            "epochs need at least two. Choose another family, or another partition.scheme"
        )
    batch = gathered_batch(network, bank, segments)
    chosen = network.fit(TrainingSet(batch, task.weights, actors, seeds.initialisation))
    state.notes |= {name: [float(value)] for name, value in chosen.items()}
    train_scores = score(network, bank, segments, task.weights)
    valid = task.score_valid(network)
    if not (math.isfinite(train_scores.loss) and math.isfinite(valid.loss)):
        state.diverged_epoch = 1
        return
    trained = train_scores.loss, train_scores.score
    row = Epoch(1, *trained, *trained, valid.loss, valid.score)
    state.best = state.last = take_snapshot(state, 1, valid.probabilities)
    if dev is not None:
        held = dev(network)
        row, state.dev = replace(row, dev_loss=held.loss, dev_score=held.score), state.last
    state.history.append(row)


def configure_arithmetic(threads: int, device: torch.device) -> None:
    """Configure what else decides the last digits: the number of threads, the order of sums, and full fp32."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # If True, PyTorch would fill new memory with NaN before every use, to show reads of what was never written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # By default PyTorch lets convolutions on a GPU round fp32 to the 10 bits of TF32.
    torch.backends.cudnn.allow_tf32 = False
