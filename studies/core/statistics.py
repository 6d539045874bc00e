"""Means over seeds, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
"""Confidence level of every interval."""

Verdict = Literal["shows", "reversed", "undecided"]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and its interval; both ends are NaN for fewer than two values."""

    mean: float
    low: float
    high: float

    def verdict(self, sign: Literal[1, -1]) -> Verdict:
        """Whether a difference with this interval lies on the side of 0 that a claim expects."""
        low, high = (self.low, self.high) if sign > 0 else (-self.high, -self.low)
        if low > 0:
            return "shows"
        return "reversed" if high < 0 else "undecided"


def over_seeds(values: ArrayLike) -> Interval:
    """Mean and its 95 % interval of Student's t over finite values, one for each seed.

    Values that are not finite (of diverged runs) are left out.
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Interval(np.nan, np.nan, np.nan)
    mean = float(known.mean())
    if len(known) < 2:
        return Interval(mean, np.nan, np.nan)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return Interval(mean, mean - half, mean + half)
