"""An actor's share in the UA of a run: a pseudo-value of the jackknife (Tukey 1958; Miller 1974, Biometrika 61).

UA is no sum over actors; with pseudo-values it can be treated as one. Shares from a linear approximation of UA err more
where classes are unbalanced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.bootstrap import Run, RunCounts, accuracy_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Withheld:
    """That there is no test, and why."""

    reason: str


@dataclass(frozen=True)
class PseudoValues:
    """Each actor's share in the UA (or in the difference of two UAs) of each run.

    Attributes:
        runs: the runs, in order.
        scores: (runs,) UA of each run in percent, or difference of two in points.
        values: (actors, runs) pseudo-values; NaN where the run does not validate the actor.
    """

    runs: tuple[Run, ...]
    scores: Array
    values: Array

    def with_scores(self, scores: Array) -> PseudoValues:
        """The same with other scores, whose difference to these is the run's and no actor's."""
        return PseudoValues(self.runs, scores, self.values + (scores - self.scores))

    def mean_over_seeds(self) -> PseudoValues:
        """The seeds of a fold of a partition as one run."""
        splits = list(dict.fromkeys((repeat, fold) for repeat, fold, _ in self.runs))
        columns = [[j for j, run in enumerate(self.runs) if run[:2] == split] for split in splits]
        return PseudoValues(
            tuple((repeat, fold, 0) for repeat, fold in splits),
            np.array([self.scores[some].mean() for some in columns]),
            np.stack([self.values[:, some].mean(axis=1) for some in columns], axis=1),
        )


def pseudo_values(
    better: Mapping[Run, RunCounts], reference: Mapping[Run, RunCounts] | None = None
) -> PseudoValues | Withheld:
    """Pseudo-values of every actor in every run: m UA - (m - 1) UA without the actor, for a run of m actors.

    Args:
        better: counts of each run of a model.
        reference: counts of the same runs of another model, whose pseudo-values are subtracted.
    """
    if not better or (reference is not None and better.keys() != reference.keys()):
        return Withheld("no predictions of the same runs of both models")
    runs = tuple(sorted(better))
    actors = sorted({actor for counts in better.values() for actor in counts.actors})
    rows = {actor: row for row, actor in enumerate(actors)}
    scores, values = np.zeros(len(runs)), np.full((len(actors), len(runs)), np.nan)
    for column, run in enumerate(runs):
        counts = better[run]
        if len(counts.actors) < 2:
            return Withheld(f"one actor alone in fold {run[1]}")
        if reference is not None and reference[run].actors != counts.actors:
            return Withheld(f"the two models have other actors in fold {run[1]}")
        score, shares = jackknife(counts)
        if reference is not None:
            other, others = jackknife(reference[run])
            score, shares = score - other, shares - others
        scores[column] = score
        values[[rows[actor] for actor in counts.actors], column] = shares
    return PseudoValues(runs, scores, values)


def jackknife(counts: RunCounts) -> tuple[float, Array]:
    """UA of a run in percent, and its (actors,) pseudo-values."""
    whole = accuracy_of(counts)
    without = _ua(counts.totals.sum(axis=0) - counts.totals, counts.hits.sum(axis=0) - counts.hits)
    m = len(counts.actors)
    return whole, m * whole - (m - 1) * without


def _ua(totals: Array, hits: Array) -> Array:
    """(n,) UA in percent from (n, classes) counts: the mean recall over the classes that occur."""
    present = totals > 0
    recalls = np.divide(hits, totals, out=np.zeros_like(hits), where=present)
    ua: Array = 100 * recalls.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return ua
