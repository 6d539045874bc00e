"""The mean of a few runs and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Spread:
    """A mean and its 95 % interval, NaN where there are too few values."""

    mean: float
    low: float
    high: float


def spread(values: Sequence[float], level: float = 0.95) -> Spread:
    """The mean of values, one a run, and Student's interval for it: NaN bounds for fewer than two."""
    if not values:
        return Spread(math.nan, math.nan, math.nan)
    mean = float(np.mean(values))
    if len(values) < 2:
        return Spread(mean, math.nan, math.nan)
    half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return Spread(mean, mean - half, mean + half)
