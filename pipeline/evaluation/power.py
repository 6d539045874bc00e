"""Planning: how likely an experiment is to find a difference, and how many runs or actors that would take.

The test is that of `evaluation/actors.py`; its t has a noncentral distribution where the true difference is not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from pipeline.evaluation.actors import FITTED, Components, satterthwaite
from pipeline.evaluation.tables import SIGNIFICANT
from pipeline.evaluation.terms import LEAST_ACTORS

MOST_ACTORS = 100_000
MOST_RUNS = 1000
"""Where the search for enough actors, or runs an actor, ends."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations behind the difference of two models in UA, in points.

    Attributes:
        actor: of actors: for some one model is better than for others.
        interaction: of an actor from run to run, beyond what all actors of a run share.
        training: of what all actors of a run share.
    """

    actor: float
    interaction: float
    training: float

    @classmethod
    def of(cls, components: Components) -> Noise:
        """The noise of a run of one seed, as a test has found it."""
        seeds = components.averaged
        squares = (components.actor, seeds * components.interaction, seeds * components.training)
        return cls(*(float(np.sqrt(square)) for square in squares))


@dataclass(frozen=True)
class Plan:
    """An experiment: how many actors, folds, partitions of the actors, and seeds of each fold."""

    actors: int
    folds: int
    repeats: int
    seeds: int

    @property
    def runs(self) -> int:
        """Runs a model."""
        return self.repeats * self.folds * self.seeds


@dataclass(frozen=True)
class Expected:
    """The standard error of a mean difference that a plan leads to, in points, and its degrees of freedom."""

    error: float
    df: float

    def power(self, difference: float, level: float = SIGNIFICANT) -> float:
        """Probability that the one-sided test at `level` finds a true difference of so many points."""
        return float(stats.nct.sf(stats.t.isf(level, self.df), self.df, difference / self.error))


def expected(noise: Noise, plan: Plan) -> Expected:
    """The standard error that a plan leads to.

    Seeds of several partitions are averaged in each fold. Their training noise is then divided by their number, which
    is correct as far as the noise comes from the seeds and not from the training set.

    Args:
        noise: the noise of one run of one seed.
        plan: at least `LEAST_ACTORS` actors and two folds.
    """
    interaction, training = noise.interaction**2, noise.training**2
    tested = plan.repeats * plan.seeds
    actors = (noise.actor**2 + interaction / tested) / (plan.actors - FITTED)
    if plan.repeats > 1:
        runs, df = training / plan.runs, plan.repeats * (plan.folds - 1)
    elif plan.seeds > 1:
        runs, df = (training + interaction * plan.folds / plan.actors) / plan.runs, plan.folds * (plan.seeds - 1)
    else:
        runs, df = training / plan.folds, plan.folds - 1
    return Expected(float(np.sqrt(actors + runs)), satterthwaite((actors, plan.actors - 1), (runs, df)))


def actors_needed(noise: Noise, plan: Plan, difference: float, power: float = 0.8) -> int | None:
    """The fewest actors with which the plan finds the difference with this power; None if `MOST_ACTORS` do not."""

    def enough(actors: int) -> bool:
        return expected(noise, replace(plan, actors=actors)).power(difference) >= power

    return _fewest(enough, max(LEAST_ACTORS, 2 * plan.folds), MOST_ACTORS)


def repeats_needed(noise: Noise, plan: Plan, difference: float, power: float = 0.8) -> int | None:
    """The fewest partitions, of one seed, that find the difference with this power; None if `MOST_RUNS` do not."""

    def enough(repeats: int) -> bool:
        return expected(noise, replace(plan, repeats=repeats, seeds=1)).power(difference) >= power

    return _fewest(enough, 2, MOST_RUNS)


def seeds_needed(noise: Noise, plan: Plan, difference: float, power: float = 0.8) -> int | None:
    """The fewest seeds, of one partition, that find the difference with this power; None if `MOST_RUNS` do not."""

    def enough(seeds: int) -> bool:
        return expected(noise, replace(plan, repeats=1, seeds=seeds)).power(difference) >= power

    return _fewest(enough, 2, MOST_RUNS)


def _fewest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """The smallest number from `least` to `most` for which `enough` is true; it must be true for larger numbers too."""
    if not enough(most):
        return None
    low, high = least, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
