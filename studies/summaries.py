"""Means over seeds with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean of the values that are there, and its Student t interval; NaN where there are too few."""
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) == 0:
        return math.nan, math.nan, math.nan
    mean = float(known.mean())
    if len(known) == 1:
        return mean, math.nan, math.nan
    half = float(stats.t.ppf(0.5 + level / 2, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
    return mean, mean - half, mean + half
