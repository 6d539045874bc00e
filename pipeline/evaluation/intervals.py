"""How sure UA is: 95 % intervals from a bootstrap over actors, of every model, overall and by corpus and gender.

Segments of one actor are alike, so it is actors that are drawn again with replacement, not segments (the cluster
bootstrap: Cameron, Gelbach & Miller, "Bootstrap-based improvements for inference with clustered errors", Review of
Economics and Statistics 90(3), 2008, section III; percentile interval: Efron & Tibshirani, "An Introduction to the
Bootstrap", 1993, chapter 13). It says how UA would vary with other actors, not with other training runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

RESAMPLES = 2000
LEVEL = 95
"""Percent of the bootstrap distribution between the bounds."""

ALL = "all"
"""In place of a corpus and a gender: of all actors."""

_SEED = 20180800
_LEAST_ACTORS = 2


@dataclass(frozen=True)
class Accuracy:
    """UA in percent with its interval; the bounds are None where fewer than two actors could be drawn."""

    ua: float
    low: float | None
    high: float | None


def bootstrap_accuracy(
    hits: npt.NDArray[np.int64], totals: npt.NDArray[np.int64], strata: npt.NDArray[np.int64]
) -> Accuracy:
    """UA as the tables print it, a mean over folds and seeds, and its interval.

    Actors are drawn within their stratum. A class that a resample has nothing of does not count in its UA, as in
    `unweighted_accuracy`.

    Args:
        hits: right predictions, shape (actors, seeds, classes).
        totals: segments, shape (actors, classes); each seed predicts all of them.
        strata: the stratum of each actor, shape (actors,): its fold for a mean over folds, or the same for all.
    """
    names, position = np.unique(strata, return_inverse=True)
    members = np.arange(len(names))[:, None] == position
    observed = _mean_accuracy(members[None].astype(np.float64), hits, totals)
    ua = float(observed[0])
    if (members.sum(axis=1) < _LEAST_ACTORS).any():
        return Accuracy(ua, None, None)
    random = np.random.default_rng(_SEED)
    weights = np.zeros((RESAMPLES, *members.shape))
    for row, inside in enumerate(members):
        size = int(inside.sum())
        weights[:, row, inside] = random.multinomial(size, np.full(size, 1 / size), RESAMPLES)
    low, high = np.percentile(_mean_accuracy(weights, hits, totals), [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Accuracy(ua, float(low), float(high))


def _mean_accuracy(
    weights: npt.NDArray[np.float64], hits: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Mean over strata and seeds of the mean recall over the classes present, percent.

    Args:
        weights: how often each actor counts in each stratum, shape (resamples, strata, actors).
        hits: shape (actors, seeds, classes).
        totals: shape (actors, classes).
    """
    actors, seeds, classes = hits.shape
    right = (weights @ hits.reshape(actors, -1)).reshape(*weights.shape[:2], seeds, classes)
    there = (weights @ totals)[:, :, None, :]
    recalls = np.divide(right, there, out=np.zeros_like(right), where=there > 0)
    accuracies = recalls.sum(axis=-1) / (there > 0).sum(axis=-1)
    result: npt.NDArray[np.float64] = 100 * accuracies.mean(axis=(1, 2))
    return result


def accuracy_intervals(predictions: pd.DataFrame, segments: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """UA with intervals of one model, over all actors and for the women and men of every corpus.

    Args:
        predictions: rows of `records.predictions_schema` of one model.
        segments: rows of `records.SEGMENTS`, those of `predictions` among them.
        classes: of the experiment.

    Returns:
        Rows of `records.INTERVALS` by selection, then group. Over all actors UA is the mean over folds and seeds that
        tables print, and actors are drawn within folds; in a group it is the mean over seeds of UA over all folds.
    """
    placed = predictions.merge(segments[["segment", "corpus", "actor", "gender"]], on="segment", how="left")
    rows = []
    for (model, selection), part in placed.groupby(["model", "selection"], sort=True):
        rows.append((model, selection, ALL, ALL, *_row(part, classes, by_fold=True)))
        for (corpus, gender), group in part.groupby(["corpus", "gender"], sort=True):
            rows.append((model, selection, corpus, gender, *_row(group, classes, by_fold=False)))
    names = ["model", "selection", "corpus", "gender", "actors", "segments", "ua", "ci_low", "ci_high"]
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"actors": "int64", "segments": "int64", **dict.fromkeys(names[-3:], "float64")})


def _row(
    rows: pd.DataFrame, classes: Sequence[str], *, by_fold: bool
) -> tuple[int, int, float, float | None, float | None]:
    """Actors, segments, UA and its bounds of some predictions of one model at one selection."""
    actors, actor = np.unique(rows["corpus"] + "\n" + rows["actor"], return_inverse=True)
    seeds, seed = np.unique(rows["seed"], return_inverse=True)
    emotion = pd.Categorical(rows["emotion"], categories=list(classes)).codes
    hits = np.zeros((len(actors), len(seeds), len(classes)), dtype=np.int64)
    np.add.at(hits, (actor, seed, emotion), (rows["emotion"] == rows["predicted"]).to_numpy())
    first = seed == 0
    totals = np.zeros((len(actors), len(classes)), dtype=np.int64)
    np.add.at(totals, (actor[first], emotion[first]), 1)
    strata = np.zeros(len(actors), dtype=np.int64)
    if by_fold:
        strata[actor] = rows["fold"].to_numpy()
    found = bootstrap_accuracy(hits, totals, strata)
    return len(actors), int(first.sum()), found.ua, found.low, found.high
