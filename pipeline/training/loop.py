"""The training loop of every network here: speech, images and tables are tasks for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from pipeline.models.collective import gathered, sum_gradients
from pipeline.training.optimiser import rate_at
from pipeline.training.params import Recipe
from pipeline.training.state import Epoch, RunState, take_snapshot


@dataclass(frozen=True)
class Step:
    """The result of a task for one batch in train mode.

    Attributes:
        objective: value that is minimised, a scalar with gradients.
        loss: sum of the weighted losses, over all processes that share the batch.
        weight: sum of the weights, by which the mean loss divides, over all processes.
        truth: (items,) true classes.
        predicted: (items,) predicted classes.
    """

    objective: Tensor
    loss: Tensor
    weight: Tensor
    truth: Tensor
    predicted: Tensor


@dataclass(frozen=True)
class Scores:
    """Mean loss, score in percent, and (items, classes) probabilities on the CPU, all in eval mode."""

    loss: float
    score: float
    probabilities: Tensor


class Task(Protocol):
    """A task that a network learns: the source of its batches, their loss, and the scores.

    The class of the network depends on the task: the loop uses only its parameters and gradients.
    """

    def batches(self, order: torch.Generator) -> Sequence[Tensor]:
        """One epoch's batches of item positions, in an order drawn from a generator."""

    def step(self, network: Any, positions: Tensor, noise: torch.Generator) -> Step:
        """The loss of one batch; the network is in train mode."""

    def before_step(self, network: Any) -> None:
        """Called between gradients and the optimiser's step, for example to clip gradients."""

    def measure(self, truth: Tensor, predicted: Tensor) -> float:
        """The score of an epoch's predictions, in percent."""

    def score_valid(self, network: Any) -> Scores:
        """The scores of the validation items."""

    def score_train(self, network: Any) -> Scores:
        """The scores of the training items."""


@dataclass(frozen=True)
class Scoring:
    """The epochs at which a run is scored.

    Attributes:
        valid_every: number of epochs between two scorings of validation items; the last epoch is always scored. 0: only
            the last.
        train_every: number of epochs between two scorings of training items in eval mode; the best and the last epoch
            are scored too. 0: never.
        snapshots: whether to keep the network of the best and of the last epoch.
        dev: function that scores the items held out to choose epochs by; None if there are none. Its best epoch is kept
            too.
        patience: number of epochs after which training ends if the score of these items has not risen; None: never.
    """

    valid_every: int = 1
    train_every: int = 0
    snapshots: bool = False
    dev: Callable[[Any], Scores] | None = None
    patience: int | None = None


def train(
    state: RunState,
    task: Task,
    recipe: Recipe,
    scoring: Scoring,
    after_epoch: Callable[[RunState], None] = lambda state: None,
) -> None:
    """Train for `recipe.epochs` epochs, or fewer if patience ends or a loss is not finite; `state` holds the result.

    Args:
        state: state of a new run or of one that continues; changed in place.
        task: task that is learned.
        recipe: optimiser, schedule and batches.
        scoring: epochs at which the run is scored.
        after_epoch: function called after each epoch, and when the run has diverged, to save and to show progress.
    """
    while state.epoch < recipe.epochs and state.diverged_epoch is None and not stopped(state.history, scoring.patience):
        number = state.epoch + 1
        last = number == recipe.epochs
        train_loss, train_score = train_epoch(state, task, recipe)
        row = Epoch(number, train_loss, train_score, math.nan, math.nan, math.nan, math.nan)
        scores = None
        if math.isfinite(train_loss) and (last or _due(number, scoring.valid_every)):
            scores = task.score_valid(state.network)
            row = replace(row, valid_loss=scores.loss, valid_score=scores.score)
        held = None
        if scores is not None and scoring.dev is not None:
            held = scoring.dev(state.network)
            row = replace(row, dev_loss=held.loss, dev_score=held.score)
        if not math.isfinite(train_loss) or not all(
            math.isfinite(one.loss) for one in (scores, held) if one is not None
        ):
            state.diverged_epoch = number
            after_epoch(state)
            break
        best = scoring.snapshots and (
            state.best is None or row.valid_score > state.history[state.best.epoch - 1].valid_score
        )
        best_dev = (
            scoring.snapshots
            and held is not None
            and (state.dev is None or row.dev_score > state.history[state.dev.epoch - 1].dev_score)
        )
        # The epochs that may be reported are scored on the training items too, for the Gap in eval mode.
        if scoring.train_every and (best or best_dev or last or _due(number, scoring.train_every)):
            row = _with_eval_mode(row, task, state)
        state.history.append(row)
        if scoring.snapshots and scores is not None and (best or best_dev or last):
            snapshot = take_snapshot(state, number, scores.probabilities)
            state.best = snapshot if best else state.best
            state.dev = snapshot if best_dev else state.dev
            state.last = snapshot if last else state.last
        after_epoch(state)
    ended = state.diverged_epoch is None and state.epoch > 0
    if scoring.snapshots and ended and (state.last is None or state.last.epoch != state.epoch):
        # Ended early, or continued from the middle of a longer run, which kept no snapshot of this epoch.
        state.last = take_snapshot(state, state.epoch, task.score_valid(state.network).probabilities)
        state.history[-1] = _with_eval_mode(state.history[-1], task, state)


def stopped(history: Sequence[Epoch], patience: int | None) -> bool:
    """Whether the score of the held-out items has not risen for `patience` epochs; None: never."""
    if patience is None or not history:
        return False
    scores = [row.dev_score for row in history]
    return len(scores) - 1 - scores.index(max(scores)) >= patience


def train_epoch(state: RunState, task: Task, recipe: Recipe) -> tuple[float, float]:
    """One pass over the training items: mean loss and score in train mode, while the weights change.

    The loss is not finite if that of a batch is not. The pass ends at that batch; but not on a GPU, where reading every
    loss would make the device wait.
    """
    network, optimiser = state.network, state.optimiser
    assert optimiser is not None  # noqa: S101 (only classifiers without epochs have none)
    network.train()
    batches = list(task.batches(state.order))
    parameters = list(network.parameters())
    losses, weights, truth, predicted = [], [], [], []
    for position, chosen in enumerate(batches):
        rate = rate_at(recipe, state.epoch * len(batches) + position, recipe.epochs * len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        step = task.step(network, chosen, state.noise)
        if step.loss.device.type == "cpu" and not math.isfinite(step.loss.item()):
            return math.nan, math.nan
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(step.objective)
        sum_gradients(parameters)
        task.before_step(network)
        if recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
        optimiser.step()
        losses.append(step.loss)
        weights.append(step.weight)
        truth.append(step.truth)
        predicted.append(step.predicted)
    score = task.measure(gathered(torch.cat(truth)).cpu(), gathered(torch.cat(predicted)).cpu())
    return (_sum(losses) / _sum(weights)).item(), score


def reported_history(history: Sequence[Epoch], epochs: int, train_every: int) -> list[Epoch]:
    """The first `epochs` rows as a run of exactly that length would have written them.

    A run that was first trained for fewer epochs has scored its training items at the end of those too; a row keeps
    these scores only where a run of `epochs` epochs measures them.
    """
    rows: list[Epoch] = []
    best = best_dev = -math.inf
    last = min(epochs, len(history))
    for row in history[:epochs]:
        chosen = row.valid_score > best or row.dev_score > best_dev
        measured = chosen or row.epoch == last or row.epoch % train_every == 0
        best = max(best, row.valid_score)
        best_dev = best_dev if math.isnan(row.dev_score) else max(best_dev, row.dev_score)
        rows.append(row if measured else replace(row, train_loss_eval=math.nan, train_score_eval=math.nan))
    return rows


def _due(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _sum(values: Sequence[Tensor]) -> Tensor:
    """The sum in the order of the batches: its last digits depend on the order."""
    total = torch.zeros((), device=values[0].device)
    for value in values:
        total += value
    return total


def _with_eval_mode(row: Epoch, task: Task, state: RunState) -> Epoch:
    scores = task.score_train(state.network)
    return replace(row, train_loss_eval=scores.loss, train_score_eval=scores.score)
