"""How a network is optimised: optimiser, schedule, batches."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from pipeline.settings import Count, Strict

Rate = Annotated[float, Field(gt=0)]
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
        schedule: `cosine` goes from the first rate to 0 along half a cosine, iteration by iteration.
        augment: `crop_flip` pads, crops at random and mirrors half the images; `crop` does not mirror.
        padding: zeros on each side before a crop; 4 for CIFAR (He et al. 2015, section 4.2).
    """

    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    weight_decay: NotNegative = 1e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    augment: Literal["none", "crop", "crop_flip"] = "none"
    padding: Count = 4


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
    return recipe.learning_rate / 2 * (1 + math.cos(math.pi * iteration / iterations))


def make_optimiser(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """A new optimiser; its rate is set at every iteration."""
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay
    )
