"""The optimiser of a recipe, and its learning rate over time."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from pipeline.training.params import Recipe


def rate_at(recipe: Recipe, iteration: int, iterations: int) -> float:
    """The learning rate of an iteration.

    Args:
        recipe: recipe with the first rate and the schedule.
        iteration: number of iterations done.
        iterations: number of iterations of the whole training.

    Returns:
        For `cosine`, rate / 2 * (1 + cos(pi * iteration / iterations)): one cycle without restarts (Loshchilov &
        Hutter 2017, equation 5), which Gastaldi steps by the batch; with `cosine_from: 1` iterations count from 1.
    """
    if recipe.schedule == "one_cycle":
        return _one_cycle(recipe, iteration, iterations)
    # The first rate is not 0, and the schedule begins at the rate that the line reaches.
    rise = round(recipe.warm_up * iterations)
    if iteration < rise:
        return recipe.learning_rate * (iteration + 1) / (rise + 1)
    iteration, iterations = iteration - rise, iterations - rise
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "steps":
        # A part such as 0.36 of 500 epochs is a whole number of iterations, except for rounding.
        reached = [rate for part, rate in recipe.steps if iteration >= part * iterations - 1e-6]
        return reached[-1] if reached else recipe.learning_rate
    return recipe.learning_rate / 2 * (1 + math.cos(math.pi * (iteration + recipe.cosine_from) / iterations))


def _one_cycle(recipe: Recipe, iteration: int, iterations: int) -> float:
    """The rate of PyTorch's OneCycleLR with its defaults, `warm_up` being the share of the rise."""
    highest, first = recipe.learning_rate, recipe.learning_rate / 25
    peak, end = recipe.warm_up * iterations - 1, iterations - 1
    if iteration <= peak:
        return _along_cosine(first, highest, iteration / peak if peak > 0 else 1.0)
    return _along_cosine(highest, first / 1e4, (iteration - max(peak, 0)) / max(end - max(peak, 0), 1))


def _along_cosine(begin: float, end: float, part: float) -> float:
    return end + (begin - end) / 2 * (1 + math.cos(math.pi * part))


def make_optimiser(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """A new optimiser; the training loop sets its rate at every iteration."""
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )
