"""An interval for the difference of two models' UA, from their predictions: actors are drawn anew, within each fold.

Segments of an actor are alike, so the actor is what is drawn (a cluster bootstrap; Davison & Hinkley 1997, section 3.8;
Field & Welsh 2007, JRSS B 69). Folds keep their sizes, both models and all seeds see the same draws. Networks are not
trained anew, so the interval is that of these trained networks on other actors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

DRAWS = 2000

Array = npt.NDArray[np.float64]
Run = tuple[int, int, int]
"""Repeat, fold and seed."""


@dataclass(frozen=True)
class RunCounts:
    """Segments of a run by actor and class.

    Attributes:
        actors: names of the actors of the fold.
        totals: (actors, classes) numbers of segments.
        hits: (actors, classes) numbers of segments that were classified correctly.
    """

    actors: tuple[str, ...]
    totals: Array
    hits: Array


def count_by_actor(predictions: pd.DataFrame, classes: tuple[str, ...]) -> dict[Run, RunCounts]:
    """Counts of every run of one model and selection.

    Args:
        predictions: rows of `results/predictions` of that model and selection, with a column `actor` that is unique
            over corpora.
        classes: the classes, in the same order for all models that are compared.
    """
    counts = {}
    hit = predictions["emotion"] == predictions["predicted"]
    for run, rows in predictions.groupby(["repeat", "fold", "seed"]):
        keys = [rows["actor"], rows["emotion"]]
        totals = rows.groupby(keys).size().unstack(fill_value=0).reindex(columns=list(classes), fill_value=0)
        hits = hit[rows.index].groupby(keys).sum().unstack(fill_value=0).reindex(columns=list(classes), fill_value=0)
        repeat, fold, seed = cast("Run", run)
        counts[int(repeat), int(fold), int(seed)] = RunCounts(
            tuple(totals.index), totals.to_numpy(dtype=np.float64), hits.to_numpy(dtype=np.float64)
        )
    return counts


def bootstrap_interval(
    better: Mapping[Run, RunCounts], reference: Mapping[Run, RunCounts], level: float = 0.95, draws: int = DRAWS
) -> tuple[float, float] | None:
    """Percentile interval of the mean difference of UA in points, over the same runs of two models.

    Args:
        better: counts of each run of one model.
        reference: counts of each run of the other; UA of `better` minus UA of `reference` is the difference.
        level: share of the draws between the bounds.
        draws: number of draws.

    Returns:
        The lower and the upper bound; None where the two models' runs, or the actors of a run, are not the same.
    """
    if better.keys() != reference.keys() or not better:
        return None
    if any(better[run].actors != reference[run].actors for run in better):
        return None
    differences = np.zeros(draws)
    for repeat, fold in sorted({run[:2] for run in better}):
        runs = sorted(run for run in better if run[:2] == (repeat, fold))
        weights = _weights(repeat, fold, len(better[runs[0]].actors), draws)
        for run in runs:
            differences += _ua(better[run], weights) - _ua(reference[run], weights)
    low, high = np.quantile(differences / len(better), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accuracy_interval(
    counts: Mapping[Run, RunCounts], level: float = 0.95, draws: int = DRAWS
) -> tuple[float, tuple[float, float] | None]:
    """UA of one model, the mean over its runs in percent, and its percentile interval.

    Args:
        counts: counts of each of its runs; not empty.
        level: share of the draws between the bounds.
        draws: number of draws.

    Returns:
        The UA, and the bounds of its interval; None for these where a fold has fewer than two actors, since all draws
        of one actor are the same.
    """
    ua = float(np.mean([_ua(run, np.ones((1, len(run.actors)), dtype=np.int64))[0] for run in counts.values()]))
    if any(len(run.actors) < 2 for run in counts.values()):
        return ua, None
    drawn = np.mean(
        [_ua(run, _weights(repeat, fold, len(run.actors), draws)) for (repeat, fold, _), run in counts.items()], axis=0
    )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return ua, (float(low), float(high))


def _weights(repeat: int, fold: int, actors: int, draws: int) -> npt.NDArray[np.int64]:
    """How often each actor of a fold is drawn, (draws, actors): the same for all runs of the fold, and for no other."""
    return np.random.default_rng([fold, actors] if repeat == 1 else [fold, actors, repeat]).multinomial(
        actors, [1 / actors] * actors, size=draws
    )


def _ua(counts: RunCounts, weights: npt.NDArray[np.int64]) -> Array:
    """(draws,) UA in percent: the mean recall over the classes that occur in a draw."""
    totals, hits = weights @ counts.totals, weights @ counts.hits
    present = totals > 0
    recalls = np.divide(hits, totals, out=np.zeros_like(hits), where=present)
    ua: Array = 100 * recalls.sum(axis=1) / present.sum(axis=1)
    return ua
