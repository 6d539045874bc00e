"""The differences that an experiment can show, in words: the power of the plan, and changes that would raise it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from pipeline.core.wording import counted
from pipeline.evaluation.actors import ActorTest, actor_test
from pipeline.evaluation.bootstrap import Run, RunCounts
from pipeline.evaluation.power import Noise, Plan, actors_needed, expected, repeats_needed, seeds_needed
from pipeline.evaluation.terms import LEAST_ACTORS
from pipeline.evaluation.wording import points

DIFFERENCES = (1.0, 2.0, 4.0)
"""Differences in points of UA; the chance to find each is printed."""

ENOUGH = 0.8
"""The power that an experiment should have."""

TYPICAL: Mapping[str, Noise] = MappingProxyType(
    {
        "two networks": Noise(4.0, 5.0, 2.2),
        "a network and a model without randomness": Noise(6.8, 4.1, 2.7),
        "two models without randomness": Noise(6.5, 0.0, 0.0),
    }
)
"""Noise by kind of models, measured on RAVDESS (24 actors, 1504 segments; docs/statistics.md), used before anything is
trained."""


def typical_noise(random: Sequence[tuple[bool, bool]]) -> tuple[Noise, str]:
    """The noise of the most frequent kind of pairs, and the kind in words.

    Args:
        random: for each pair of models whether each is trained with randomness; not empty.
    """
    kinds = list(TYPICAL)
    numbers = [2 - sum(pair) for pair in random]
    kind = kinds[max(set(numbers), key=lambda number: (numbers.count(number), -number))]
    return TYPICAL[kind], kind


def noise_of(
    pairs: Sequence[tuple[str, str]], counts: Mapping[str, Mapping[Run, RunCounts]]
) -> tuple[Noise, int] | None:
    """The noise of the pairs of models that have a test over actors, and their number; None without any.

    The noise is the root of the mean square over pairs.

    Args:
        pairs: pairs of models.
        counts: counts of the predictions of each model.
    """
    tests = [actor_test(counts[one], counts[other]) for one, other in pairs if one in counts and other in counts]
    found = [Noise.of(test.components) for test in tests if isinstance(test, ActorTest)]
    if not found:
        return None
    squares = np.mean([(one.actor**2, one.interaction**2, one.training**2) for one in found], axis=0)
    return Noise(*(float(np.sqrt(square)) for square in squares)), len(found)


def plan_lines(noise: Noise, source: str, plan: Plan, further: float | None, unknown: str = "") -> Iterator[str]:
    """The lines of `estimate --power`.

    Args:
        noise: of a difference between two models.
        source: where the noise comes from.
        plan: the configured experiment.
        further: a difference in points to look at beside `DIFFERENCES`.
        unknown: why the test over actors cannot be made; empty if it can.
    """
    differences = sorted({*DIFFERENCES, *([] if further is None else [further])})
    yield (
        f"noise     {noise.actor:.1f} points between actors, {noise.interaction:.1f} of an actor from run to run, "
        f"{noise.training:.1f} from training to training ({source})"
    )
    yield f"plan      {_plan_text(plan)}"
    if unknown:
        yield f"power     not known: {unknown}"
        return
    if plan.actors < LEAST_ACTORS or plan.folds < 2:
        yield f"power     not known: the test over actors needs {LEAST_ACTORS} actors and 2 folds"
        return
    now = expected(noise, plan)
    yield f"error     {now.error:.1f} points: standard error of the mean difference between two models"
    chances = ", ".join(f"{points(one)} {_percent(now.power(one))}" for one in differences)
    yield f"power     {chances}: chance that a true difference gives p < 0.05, one-sided"
    for difference in differences:
        yield f"for 80 %  {points(difference)}: {_needed(noise, plan, difference)}"
    yield f"spend     {_advice(noise, plan, 4.0 if further is None else further)}"


def _plan_text(plan: Plan) -> str:
    return (
        f"{plan.actors} actors, {counted(plan.repeats, 'partition')} × {counted(plan.folds, 'fold')} × "
        f"{counted(plan.seeds, 'seed')} = {counted(plan.runs, 'run')} a model"
    )


def _needed(noise: Noise, plan: Plan, difference: float) -> str:
    actors = actors_needed(noise, plan, difference, ENOUGH)
    repeats = repeats_needed(noise, plan, difference, ENOUGH)
    seeds = seeds_needed(noise, plan, difference, ENOUGH)
    ways = []
    if actors:
        ways.append(f"{actors:,} actors with these runs")
    if repeats:
        ways.append(f"{repeats:,} partitions of one seed with these actors")
    if seeds:
        ways.append(f"{seeds:,} seeds with these actors")
    if not ways:
        ways = list(_more_of_both(noise, plan, difference))[:1]
    return " or ".join(ways) or "out of reach"


def _more_of_both(noise: Noise, plan: Plan, difference: float) -> Iterator[str]:
    """The numbers of actors that are enough with more and more runs, where neither more actors nor more runs are."""
    for factor in (2, 4, 8, 16, 32):
        more = replace(plan, repeats=factor * plan.repeats * plan.seeds, seeds=1)
        if actors := actors_needed(noise, more, difference, ENOUGH):
            yield f"{actors:,} actors with {factor} times the runs"


def _advice(noise: Noise, plan: Plan, difference: float) -> str:
    """Partitions or seeds, for as many runs as planned."""
    times = plan.repeats * plan.seeds
    if times < 2:
        two = max(
            (replace(plan, repeats=2), replace(plan, seeds=2)), key=lambda one: expected(noise, one).power(difference)
        )
        what = "a second partition (partition.repeats)" if two.repeats > 1 else "a second seed"
        return f"{what} raises the power at {points(difference)} to {_percent(expected(noise, two).power(difference))}"
    split, seeded = (replace(plan, repeats=times, seeds=1), replace(plan, repeats=1, seeds=times))
    powers = [expected(noise, one).power(difference) for one in (split, seeded)]
    better = "partitions" if powers[0] >= powers[1] else "seeds"
    return (
        f"runs on {better}: at {points(difference)} {_percent(powers[0])} with {counted(times, 'partition')} of one "
        f"seed, {_percent(powers[1])} with one partition of {counted(times, 'seed')}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
