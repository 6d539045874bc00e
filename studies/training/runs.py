"""Trainings of image networks as values: many side by side, each of them once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from tqdm import tqdm

from pipeline.models.layouts import BranchLayout
from pipeline.models.shaking import Shaking
from pipeline.training.device import resolve_device
from studies.datasets.images import ImageSet
from studies.datasets.registry import load_images
from studies.networks.images import ImageResNeXt, Shortcut
from studies.params import DataParams, ExecutionParams
from studies.training.checkpoints import STORE, checkpoint_path, load_checkpoint, saver
from studies.training.crew import run_side_by_side
from studies.training.fit import BatchLoss, Epoch, Fit, cross_entropy, fit, start_fit
from studies.training.recipe import Recipe


@dataclass(frozen=True)
class ImageNetwork:
    """What an `ImageResNeXt` is made of, as a value; attributes as its arguments.

    Attributes:
        layout: the branches' layout.
        stem: channels of the first convolution.
        widths: channels of every block, stage by stage.
        branches: of every block.
        shaking: None without.
        shortcut: `projection`, `shifted` or `none`.
        stem_norm: a normalisation follows the stem.
        final_relu: a ReLU stands before the pooling.
        affine_bias: the affine layer has one.
    """

    layout: BranchLayout
    stem: int
    widths: tuple[tuple[int, ...], ...]
    branches: int = 2
    shaking: Shaking | None = None
    shortcut: Shortcut = "shifted"
    stem_norm: bool = True
    final_relu: bool = True
    affine_bias: bool = True

    @property
    def depth(self) -> int:
        """Layers with weights from input to output, as the papers count: stem, convolutions of a branch, affine."""
        return 2 + sum(map(len, self.widths)) * self.layout.operations.count("Conv")

    def build(self, channels: int, num_classes: int, seed: int = 0) -> ImageResNeXt:
        """The network, its weights drawn from `seed` alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            parts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
            return ImageResNeXt(in_channels=channels, num_classes=num_classes, bias=False, **parts)


@dataclass(frozen=True)
class ImageRun:
    """One training.

    Attributes:
        study: its name, a folder of the store.
        data: what is learned.
        network: what learns it.
        recipe: how.
        seed: of weights, batch order and noise; runs of one seed share the first two where networks allow it.
        loss: what is minimised; a frozen dataclass where it has settings, so that it can be part of a run's name.
    """

    study: str
    data: DataParams
    network: ImageNetwork
    recipe: Recipe
    seed: int
    loss: BatchLoss = cross_entropy

    def path(self, store: Path = STORE) -> Path:
        """Where its checkpoint lies, the finished network in the end."""
        return checkpoint_path(self.study, self._description(), store)

    def _description(self) -> dict[str, Any]:
        loss: dict[str, Any] = {"name": getattr(self.loss, "__name__", type(self.loss).__name__)}
        if not isinstance(self.loss, FunctionType):
            loss |= vars(self.loss)
        return {
            "data": self.data.model_dump(mode="json", exclude={"path"}),
            "network": dataclasses.asdict(self.network),
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.seed,
            "loss": loss,
        }


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Attributes:
        history: of the epochs that ended well.
        diverged_epoch: at which a loss was no longer finite; None when none was.
        test_error: of the last epoch, percent; NaN when it diverged.
    """

    history: tuple[Epoch, ...]
    diverged_epoch: int | None
    test_error: float


def train_all(
    runs: Sequence[ImageRun], execution: ExecutionParams, name: str, store: Path = STORE
) -> dict[ImageRun, Trained]:
    """Train what is not in the store; equal runs once.

    Args:
        runs: of one data set or several.
        execution: how many at a time, and where.
        name: for the progress bar.
        store: of checkpoints.
    """
    different = list(dict.fromkeys(runs))
    outcomes: Iterator[Trained] = run_side_by_side(
        partial(train, execution=execution, store=store), different, execution
    )
    shown = tqdm(outcomes, total=len(different), desc=name, unit="network")
    return dict(zip(different, shown, strict=True))


def train(run: ImageRun, execution: ExecutionParams, store: Path = STORE) -> Trained:
    """One training, from where it was left."""
    data = load_images(run.data)
    device = resolve_device(execution.device)
    state = _state(run, data, device, store)
    path = run.path(store)
    fit(
        state, data.train.to(device), data.test.to(device), run.recipe, loss=run.loss,
        after_epoch=saver(path, run.recipe.epochs, execution.checkpoint_seconds), score_every=1,
    )  # fmt: skip
    return Trained(tuple(state.history), state.diverged_epoch, state.test_error)


def trained_network(run: ImageRun, data: ImageSet, store: Path = STORE) -> ImageResNeXt:
    """The network of a finished training, in eval mode on the CPU."""
    network = _state(run, data, torch.device("cpu"), store).network.eval()
    assert isinstance(network, ImageResNeXt)  # noqa: S101
    return network


def _state(run: ImageRun, data: ImageSet, device: torch.device, store: Path) -> Fit:
    network = run.network.build(data.image_shape[0], data.num_classes, run.seed)
    state = start_fit(network, run.recipe, run.seed, device)
    load_checkpoint(state, run.path(store))
    return state
