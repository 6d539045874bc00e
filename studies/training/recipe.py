"""How a network is optimised: optimiser, schedule, batches."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from pipeline.core.settings import Count, Strict

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]


class Recipe(Strict):
    """A recipe; the defaults are Gastaldi's (arXiv 1705.07485, section 2.1) but for epochs, batches and rate.

    Attributes:
        epochs: passes over the training images.
        batch_size: images in a batch.
        learning_rate: the first.
        optimiser: `sgd` is SGD with Nesterov's momentum, `adam` has PyTorch's defaults.
        momentum: of `sgd`.
        weight_decay: the L2 penalty's factor, on all weights.
        schedule: `cosine` goes from the first rate to 0 along half a cosine, iteration by iteration; `steps` follows
            `steps`.
        steps: (share of the training, rate) in order: from that share on, the rate is this.
        augment: `crop_flip` pads, crops at random and mirrors half the images; `crop` does not mirror.
        padding: zeros on each side before a crop; 4 for CIFAR (He et al. 2015, section 4.2).
    """

    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    weight_decay: NotNegative = 1e-4
    schedule: Literal["cosine", "constant", "steps"] = "cosine"
    steps: tuple[tuple[Share, Rate], ...] = ()
    augment: Literal["none", "crop", "crop_flip"] = "none"
    padding: Count = 4

    @model_validator(mode="after")
    def _steps_belong(self) -> Recipe:
        shares = [share for share, _ in self.steps]
        if bool(shares) != (self.schedule == "steps"):
            raise ValueError(f"schedule is {self.schedule} with {len(shares)} steps; expected steps with `steps` alone")
        if shares != sorted(set(shares)):
            raise ValueError(f"steps begin at {shares} of the training; expected rising shares")
        return self


def rate_at(recipe: Recipe, iteration: int, iterations: int) -> float:
    """The learning rate of an iteration.

    Args:
        recipe: the first rate, and the schedule.
        iteration: from 0.
        iterations: of the whole training.

    Returns:
        For `cosine`, rate / 2 * (1 + cos(pi * iteration / iterations)): one cycle without restarts (Loshchilov &
        Hutter 2017, equation 5), which Gastaldi steps by the batch.
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "steps":
        # A share as 0.36 of 500 epochs is a whole number of iterations but for rounding.
        reached = [rate for share, rate in recipe.steps if iteration >= share * iterations - 1e-6]
        return reached[-1] if reached else recipe.learning_rate
    return recipe.learning_rate / 2 * (1 + math.cos(math.pi * iteration / iterations))


def make_optimiser(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """A new optimiser; its rate is set at every iteration."""
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay
    )
