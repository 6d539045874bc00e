"""One run of a study: a network trained on images in memory, scored on the test images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.training.batches import shuffled_batches
from studies.datasets.images import Images
from studies.training.augmentation import augmented
from studies.training.recipe import Recipe, make_optimiser, rate_at

SCORED_AT_ONCE = 512
"""Images; scoring keeps no activations."""

BatchLoss = Callable[[nn.Module, Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""(network, pixels, labels, generator) to the loss to minimise and the (images, classes) scores of the images as they
are; the generator is the run's source of shaking and of anything else that is random."""


@dataclass(frozen=True)
class Epoch:
    """One row of the history: mean losses, errors in percent; NaN where not measured.

    `train_error` is that of train mode as the pass goes, on the images as augmented.
    """

    epoch: int
    train_loss: float
    train_error: float
    test_loss: float
    test_error: float


@dataclass
class Fit:
    """Everything that a run continues from; a checkpoint holds just this.

    `notes` are a study's own numbers, such as one an epoch.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    order: torch.Generator
    noise: torch.Generator
    history: list[Epoch] = field(default_factory=list)
    diverged_epoch: int | None = None
    notes: dict[str, list[float]] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.history)

    @property
    def status(self) -> Literal["done", "diverged"]:
        """Whether losses stayed finite."""
        return "done" if self.diverged_epoch is None else "diverged"

    @property
    def test_error(self) -> float:
        """Of the last epoch, percent; NaN when the run diverged or has not begun."""
        return self.history[-1].test_error if self.history and self.diverged_epoch is None else math.nan


def start_fit(network: nn.Module, recipe: Recipe, seed: int, device: torch.device) -> Fit:
    """A run before its first epoch.

    Batch order and noise (shaking, augmentation) have a stream each, seeded by `seed` and not by the network, so that
    compared networks see the same batches.
    """
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seeds = [int(one) for one in np.random.SeedSequence(seed).generate_state(2)]
    order = torch.Generator().manual_seed(seeds[0])
    noise = torch.Generator(device=device).manual_seed(seeds[1])
    return Fit(network, make_optimiser(network.parameters(), recipe), order, noise)


def cross_entropy(
    network: nn.Module, pixels: Tensor, labels: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The loss of an ordinary run, and the scores."""
    scores = network(pixels, generator)
    return F.cross_entropy(scores, labels), scores


def fit(
    state: Fit,
    train: Images,
    test: Images,
    recipe: Recipe,
    *,
    loss: BatchLoss = cross_entropy,
    before_step: Callable[[nn.Module], None] = lambda network: None,
    after_epoch: Callable[[Fit], None] = lambda state: None,
    score_every: int = 0,
) -> None:
    """Train until `recipe.epochs` epochs are done, or a loss is not finite; `state` holds the outcome.

    Args:
        state: a new run or one that continues; changed in place.
        train: training images, on the network's device.
        test: test images, likewise.
        recipe: optimiser, schedule, batches, augmentation.
        loss: what is minimised.
        before_step: called with the network when gradients are there, before every step (clipping).
        after_epoch: called after each epoch, and when the run has diverged, to save and to show progress.
        score_every: test images are scored every so many epochs, and after the last; 0: after the last alone.
    """
    while state.epoch < recipe.epochs and state.diverged_epoch is None:
        number = state.epoch + 1
        train_loss, train_error = _train_epoch(state, train, recipe, loss, before_step)
        test_loss = test_error = math.nan
        if number == recipe.epochs or (score_every and number % score_every == 0):
            test_loss, test_error = score(state.network, test)
            if not math.isfinite(test_loss):
                train_loss = math.nan
        if not math.isfinite(train_loss):
            state.diverged_epoch = number
            after_epoch(state)
            break
        state.history.append(Epoch(number, train_loss, train_error, test_loss, test_error))
        after_epoch(state)


def score(network: nn.Module, images: Images) -> tuple[float, float]:
    """Mean cross-entropy and error in percent, in eval mode."""
    scores = evaluated(network, images)
    loss = F.cross_entropy(scores, images.labels).item()
    return loss, 100 * (scores.argmax(dim=1) != images.labels).double().mean().item()


def evaluated(network: nn.Module, images: Images) -> Tensor:
    """(images, classes) scores in eval mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(_dense(pixels)) for pixels in torch.split(images.pixels, SCORED_AT_ONCE)])


def _train_epoch(
    state: Fit, train: Images, recipe: Recipe, loss: BatchLoss, before_step: Callable[[nn.Module], None]
) -> tuple[float, float]:
    """One pass: mean loss and error in percent, as the pass goes; the loss is NaN where it stopped being finite."""
    network, optimiser = state.network, state.optimiser
    network.train()
    batches = list(shuffled_batches(torch.arange(len(train)), recipe.batch_size, state.order))
    loss_sum, wrong = 0.0, torch.zeros((), dtype=torch.int64, device=train.labels.device)
    for position, chosen in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(recipe, state.epoch * len(batches) + position, recipe.epochs * len(batches))
        on_device = chosen.to(train.labels.device)
        labels = train.labels[on_device]
        pixels = augmented(train.pixels[on_device], recipe, state.noise)
        value, scores = loss(network, _dense(pixels), labels, state.noise)
        if not math.isfinite(value.item()):
            return math.nan, math.nan
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        before_step(network)
        optimiser.step()
        loss_sum += value.item() * len(chosen)
        wrong += (scores.detach().argmax(dim=1) != labels).sum()
    return loss_sum / len(train), 100 * wrong.item() / len(train)


def _dense(pixels: Tensor) -> Tensor:
    """In the memory layout that convolutions of few channels are fastest in."""
    return pixels.contiguous(memory_format=torch.channels_last) if pixels.dim() == 4 else pixels
