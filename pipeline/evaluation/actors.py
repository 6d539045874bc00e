"""Would one model be better than another on new actors, in new trainings? A t-test whose cases are actors.

Actors are cases and runs are readers, as in studies of radiology with several readers and cases (Dorfman, Berbaum &
Metz 1992, Investigative Radiology 27; Obuchowski & Rockette 1995, Communications in Statistics 24; Chen, Gallas &
Yousef 2012, Pattern Recognition 45; Hillis 2007, Statistics in Medicine 26). UA is no sum over actors, so each actor's
share in it is a pseudo-value of the jackknife. docs/statistics.md has how often the test errs, and how often others do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from pipeline.evaluation.bootstrap import Run, RunCounts
from pipeline.evaluation.pseudo import PseudoValues, Withheld, pseudo_values
from pipeline.evaluation.significance import EQUAL
from pipeline.evaluation.terms import LEAST_ACTORS

FITTED = 3
"""V_A is S2 / (actors - FITTED). Fitted to simulations, not derived: with 1, the test errs too often in hard cases."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """The sources of the variance of a mean UA, or of a mean difference; all in squared points.

    Attributes:
        actors: number of actors.
        folds: number of folds of a partition.
        repeats: number of partitions.
        seeds: number of seeds of each fold; 1 where those of several partitions were averaged.
        averaged: number of seeds that were averaged; else 1.
        between: variance of the actors' mean pseudo-values (S2).
        interaction: variance of an actor's pseudo-values from run to run, beyond what all actors of a run share.
        training: variance that all actors of a run share, from run to run.
        run_variance: the runs' part of the variance of the mean.
        run_df: degrees of freedom of `run_variance`.
    """

    actors: int
    folds: int
    repeats: int
    seeds: int
    averaged: int
    between: float
    interaction: float
    training: float
    run_variance: float
    run_df: float

    @property
    def actor_variance(self) -> float:
        """The actors' part of the variance of the mean (V_A)."""
        return self.between / (self.actors - FITTED)

    @property
    def actor(self) -> float:
        """Variance between actors in runs without noise."""
        return max(0.0, self.between - self.interaction / (self.repeats * self.seeds))

    @property
    def variance(self) -> float:
        """Variance of the mean."""
        return self.actor_variance + self.run_variance

    @property
    def df(self) -> float:
        """Degrees of freedom of `variance` (Satterthwaite)."""
        return satterthwaite((self.actor_variance, self.actors - 1), (self.run_variance, self.run_df))


def satterthwaite(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of variances, from each part and its own degrees of freedom (Satterthwaite 1946)."""
    total = sum(part for part, _ in parts)
    return total**2 / sum(part**2 / df for part, df in parts if part)


@dataclass(frozen=True)
class ActorTest:
    """A mean UA, or a mean difference of two, with its standard error as actors and trainings vary.

    Attributes:
        mean: mean over runs: percent, or points.
        error: its standard error.
        df: degrees of freedom of `error`.
        components: where the variance comes from.
    """

    mean: float
    error: float
    df: float
    components: Components

    def p(self, above: float = 0.0) -> float:
        """One-sided p-value of the hypothesis that the true mean is not above `above`."""
        return float(stats.t.sf((self.mean - above) / self.error, self.df))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The two-sided confidence interval."""
        half = float(stats.t.isf((1 - level) / 2, self.df)) * self.error
        return self.mean - half, self.mean + half


def actor_test(
    better: Mapping[Run, RunCounts], reference: Mapping[Run, RunCounts] | None = None
) -> ActorTest | Withheld:
    """The test of a difference in UA between two models; without `reference`, the interval of one model's UA.

    Args:
        better: counts of each run of a model.
        reference: counts of the same runs of another model; `better` minus `reference` is the difference.
    """
    values = pseudo_values(better, reference)
    return values if isinstance(values, Withheld) else test_of(values)


def test_of(values: PseudoValues) -> ActorTest | Withheld:
    """The test on pseudo-values."""
    found = components_of(values)
    if isinstance(found, Withheld):
        return found
    if found.variance < EQUAL**2:
        return Withheld("all actors have the same difference")
    return ActorTest(float(values.scores.mean()), float(np.sqrt(found.variance)), found.df, found)


def components_of(values: PseudoValues) -> Components | Withheld:
    """The components of the variance of the mean score.

    Several partitions: the seeds of a fold share its actors and its training data, so that they are trainings of one
    run, which is their mean; what differs between runs is then seen where one actor is validated in several of them.
    """
    if reason := _unsuitable(values):
        return Withheld(reason)
    repeats = len({repeat for repeat, _, _ in values.runs})
    seeds, averaged = len({seed for _, _, seed in values.runs}), 1
    if repeats > 1:
        values, seeds, averaged = values.mean_over_seeds(), 1, seeds
    validated = ~np.isnan(values.values)
    sizes = validated.sum(axis=0).astype(np.float64)
    actors, runs = validated.shape
    folds = runs // (repeats * seeds)
    shares = (values.values - values.scores.mean()) * actors / (folds * sizes)
    between = float(np.nanmean(shares, axis=1).var(ddof=1))
    if repeats > 1:
        parts = _between_partitions(values.values, validated, repeats)
    elif seeds > 1:
        parts = _between_seeds(values)
    else:
        parts = _between_folds(values.values, validated)
    return Components(actors, folds, repeats, seeds, averaged, between, *parts)


def _unsuitable(values: PseudoValues) -> str:
    """Why there is no test; empty where there is one."""
    actors = len(values.values)
    if actors < LEAST_ACTORS:
        return f"{actors} actors; tried with {LEAST_ACTORS} and more"
    if len({(repeat, fold) for repeat, fold, _ in values.runs}) < 2:
        return "one fold"
    validated = ~np.isnan(values.values)
    for repeat, seed in {(repeat, seed) for repeat, _, seed in values.runs}:
        columns = [j for j, run in enumerate(values.runs) if (run[0], run[2]) == (repeat, seed)]
        if (validated[:, columns].sum(axis=1) != 1).any():
            return "not every actor is validated once for each repeat and seed"
    return ""


def _between_seeds(values: PseudoValues) -> tuple[float, float, float, float]:
    """One partition with several seeds: interaction, training, the runs' part of the variance, its df."""
    folds = sorted({fold for _, fold, _ in values.runs})
    squares, cells, spreads, inverse = 0.0, 0, [], []
    for fold in folds:
        columns = [j for j, run in enumerate(values.runs) if run[1] == fold]
        block = values.values[:, columns]
        block = block[~np.isnan(block[:, 0])]
        rest = block - block.mean(axis=1, keepdims=True) - block.mean(axis=0) + block.mean()
        squares += float((rest**2).sum())
        cells += (len(block) - 1) * (len(columns) - 1)
        spreads.append(float(values.scores[columns].var(ddof=1)))
        inverse.append(1 / len(block))
    interaction, seed_variance = squares / cells, float(np.mean(spreads))
    training = max(0.0, seed_variance - interaction * float(np.mean(inverse)))
    seeds = len(values.runs) // len(folds)
    return interaction, training, seed_variance / len(values.runs), len(folds) * (seeds - 1)


def _between_partitions(
    values: Array, validated: npt.NDArray[np.bool_], repeats: int
) -> tuple[float, float, float, float]:
    """Several partitions: interaction, training, the runs' part of the variance, its df."""
    sizes = validated.sum(axis=0).astype(np.float64)
    actors, runs = values.shape
    rest = np.where(validated, values - np.nanmean(values, axis=1, keepdims=True), 0.0)
    both = float((rest**2).sum()) / (actors * (repeats - 1))
    shared = float((rest.sum(axis=0) ** 2 / sizes).sum())
    overlap = validated.T.astype(np.float64) @ validated
    reach = np.diag(sizes) - overlap / repeats
    of_training, of_interaction = float((reach**2 / sizes[:, None]).sum()), runs * (1 - 1 / repeats)
    training = 0.0
    if of_training > of_interaction:
        training = float(np.clip((shared - of_interaction * both) / (of_training - of_interaction), 0, both))
    return both - training, training, training / runs, runs - repeats


def _between_folds(values: Array, validated: npt.NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """One partition and one seed: differences of folds beyond those of actors (one-way analysis of variance)."""
    sizes = validated.sum(axis=0).astype(np.float64)
    actors, folds = values.shape
    means = np.nanmean(values, axis=0)
    within = float(np.nansum((values - means) ** 2)) / (actors - folds)
    among = float((sizes * (means - np.nanmean(values)) ** 2).sum()) / (folds - 1)
    size = (actors - float((sizes**2).sum()) / actors) / (folds - 1)
    training = max(0.0, (among - within) / size)
    return 0.0, training, training / folds, folds - 1
