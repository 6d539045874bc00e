"""Probabilities that are frequencies: one temperature for each run, fitted on recordings that it did not learn from.

Temperature scaling divides the scores of a classifier by one number T before the softmax (Guo et al. 2017, arXiv
1706.04599, section 4.2). No prediction changes, and with T above 1 all become less certain. T gives labelled segments
the least mean negative log-likelihood. **These segments** are the validation folds of the model's other runs of the
same seed, as predicted by the runs that did not learn from them. So the temperature of a run does not depend on the
labels of the run's own validation fold, and the calibration error of that fold after scaling is an honest estimate.
Where validation parts overlap, as with `cross_corpus`, only runs count whose validation part shares nothing with this
run's. With `partition.dev` they are the segments of the fold that the run holds out, as the run itself predicts them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEAST_TEMPERATURE, LARGEST_TEMPERATURE = 0.05, 20.0
"""Limits of the search; a classifier at a limit is always right, or only guesses."""

DIGITS = 4
"""Digits after the point that a temperature is kept with, so that it does not depend on the processor."""

RUN_KEYS = ("repeat", "fold", "seed")
"""The columns that name a run of a model in a table of results."""

LEAST_PROBABILITY = 5e-7
"""Predictions are kept with six digits, so a smaller probability is written as 0."""

Probabilities = NDArray[np.float64]

Temperatures = Mapping[tuple[Hashable, ...], float]
"""Temperatures by repeat, fold, seed and selection."""


def fitted_on(*, dev: bool) -> str:
    """The segments that temperatures are fitted on, in words; `dev`: with a held-out fold (`partition.dev`)."""
    return "the fold that the run holds out" if dev else "the validation folds of the other runs of its seed"


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Probabilities whose scores are divided by a temperature.

    Args:
        probabilities: (segments, classes) probabilities.
        temperature: above 1 they become more even, below 1 more certain; 1 returns them as they are.
    """
    if temperature == 1.0:
        return probabilities
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities) / temperature
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scaled: Probabilities = powers / powers.sum(axis=-1, keepdims=True)
    return scaled


def fitted_temperature(probabilities: Probabilities, labels: NDArray[np.integer[Any]]) -> float:
    """The temperature with the least mean negative log-likelihood, within the limits.

    Args:
        probabilities: (segments, classes) probabilities, at least one segment.
        labels: (segments,) true class of each.
    """
    from scipy.optimize import minimize_scalar

    scores = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, labels]).mean())

    # The loss is convex in 1 / T, so it has one minimum in log T too.
    limits = (float(np.log(LEAST_TEMPERATURE)), float(np.log(LARGEST_TEMPERATURE)))
    found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-7})
    return round(float(np.clip(np.exp(found.x), LEAST_TEMPERATURE, LARGEST_TEMPERATURE)), DIGITS)


def cross_validated_temperatures(predictions: pd.DataFrame, classes: Sequence[str]) -> Temperatures:
    """The temperature of every run and selection of one model.

    Args:
        predictions: rows of `results/predictions` of one model.
        classes: the classes, in the order of the columns.

    Returns:
        The temperature of every run and selection; a run has none if its seed has no other fold, or none that validates
        other segments alone.
    """
    found: dict[tuple[Hashable, ...], float] = {}
    columns, position = [f"p_{name}" for name in classes], {name: index for index, name in enumerate(classes)}
    for _, together in predictions.groupby(["repeat", "seed", "selection"], sort=True):
        folds, segments = together["fold"].to_numpy(), pd.factorize(together["segment"])[0]
        probabilities = together[columns].to_numpy(dtype=np.float64)
        labels = np.asarray(together["emotion"].map(position), dtype=np.int64)
        for fold in np.unique(folds):
            seen = segments[folds == fold]
            overlapping = np.unique(folds[np.isin(segments, seen)])
            others = ~np.isin(folds, overlapping)
            if not others.any():
                continue
            first = together[folds == fold].iloc[0]
            key = tuple(first[name] for name in (*RUN_KEYS, "selection"))
            found[key] = fitted_temperature(probabilities[others], labels[others])
    return found


def calibrated(predictions: pd.DataFrame, classes: Sequence[str], temperatures: Temperatures) -> pd.DataFrame:
    """The predictions of one model with scaled probabilities in place of its own; rows without are left out.

    Args:
        predictions: rows of `results/predictions` of one model.
        classes: the classes, in the order of the columns.
        temperatures: temperatures of the model's runs.
    """
    columns = [f"p_{name}" for name in classes]
    parts = []
    for key, rows in predictions.groupby([*RUN_KEYS, "selection"], sort=False):
        if (temperature := temperatures.get(tuple(key))) is not None:
            values = tempered(np.maximum(rows[columns].to_numpy(dtype=np.float64), LEAST_PROBABILITY), temperature)
            parts.append(rows.assign(**{name: values[:, index] for index, name in enumerate(columns)}))
    return pd.concat(parts) if parts else predictions.iloc[:0]
