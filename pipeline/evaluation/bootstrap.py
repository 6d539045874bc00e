"""An interval for the UA of a few actors, from predictions: actors are drawn anew, within each fold.

Segments of an actor are alike, so actors are drawn and not segments (a cluster bootstrap; Davison & Hinkley 1997,
section 3.8; Field & Welsh 2007, JRSS B 69). Networks are not trained anew, so the interval is about these trained
networks on other actors. With enough actors, `evaluation/actors.py` has an interval that is also about other trainings.
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
    number = {name: position for position, name in enumerate(classes)}
    emotions = predictions["emotion"].map(number).to_numpy(dtype=np.int64)
    right = (predictions["emotion"] == predictions["predicted"]).to_numpy(dtype=np.float64)
    actors = predictions["actor"].to_numpy(dtype=object)
    counts = {}
    for run, positions in predictions.groupby(["repeat", "fold", "seed"]).indices.items():
        names, rows = np.unique(actors[positions].astype(str), return_inverse=True)
        cells, shape = rows * len(classes) + emotions[positions], (len(names), len(classes))
        totals, hits = (
            np.bincount(cells, weights, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
            for weights in (None, right[positions])
        )
        repeat, fold, seed = cast("Run", run)
        counts[int(repeat), int(fold), int(seed)] = RunCounts(tuple(names.tolist()), totals, hits)
    return counts


def bootstrap_interval(
    counts: Mapping[Run, RunCounts], level: float = 0.95, draws: int = DRAWS
) -> tuple[float, float] | None:
    """Interval of the mean UA over the runs of one model, in percent, from draws of actors within each fold.

    A draw of m from m actors varies less than m new actors by (m - 1) / m, so the percentiles are moved away from the
    mean by the root of the inverse.

    Args:
        counts: counts of each run; not empty. The runs of a fold have the same actors, whatever their partition.
        level: share of the draws between the bounds.
        draws: number of draws.

    Returns:
        The lower and the upper bound; None where a fold has fewer than two actors, since all draws of one actor are the
        same, or other actors in another partition.
    """
    actors = {fold: one.actors for (_, fold, _), one in counts.items()}
    if any(len(one.actors) < 2 or one.actors != actors[fold] for (_, fold, _), one in counts.items()):
        return None
    drawn = np.mean([_ua(run, _weights(fold, len(run.actors), draws)) for (_, fold, _), run in counts.items()], axis=0)
    mean = float(np.mean([accuracy_of(run) for run in counts.values()]))
    size = float(np.mean([len(run.actors) for run in counts.values()]))
    low, high = mean + np.sqrt(size / (size - 1)) * (np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - mean)
    return max(0.0, float(low)), min(100.0, float(high))


def accuracy_of(counts: RunCounts) -> float:
    """UA of a run in percent."""
    return float(_ua(counts, np.ones((1, len(counts.actors)), dtype=np.int64))[0])


def _weights(fold: int, actors: int, draws: int) -> npt.NDArray[np.int64]:
    """How often each actor of a fold is drawn, (draws, actors): the same for all runs of the fold, and for no other."""
    return np.random.default_rng([fold, actors]).multinomial(actors, [1 / actors] * actors, size=draws)


def _ua(counts: RunCounts, weights: npt.NDArray[np.int64]) -> Array:
    """(draws,) UA in percent: the mean recall over the classes that occur in a draw."""
    totals, hits = weights @ counts.totals, weights @ counts.hits
    present = totals > 0
    recalls = np.divide(hits, totals, out=np.zeros_like(hits), where=present)
    ua: Array = 100 * recalls.sum(axis=1) / present.sum(axis=1)
    return ua
