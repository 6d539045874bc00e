"""Tests of paired differences under cross-validation with several seeds, from the paper's own to corrected ones.

Differences come as (folds, seeds): how much better one model is than the other when both are trained on all folds but
one and scored on that one, with the same seed. Folds share most of their training data and seeds share folds, so the
values are not independent, and a test that treats them as independent rejects too often (figures: docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Array = npt.NDArray[np.float64]

EQUAL = 1e-6
"""Points below which differences count as equal: far below the effect of one recording, far above rounding."""


MOST_SIGNS = 13
"""Most differences with ties or zeros whose 2^n signs are enumerated; SciPy takes the normal distribution for more."""


@dataclass(frozen=True)
class TTest:
    """A one-sided t-test that the mean is above 0: p = P(T >= t)."""

    t: float
    df: int
    p: float


@dataclass(frozen=True)
class Posterior:
    """Probabilities that the true difference is below, within and above the region of practical equivalence."""

    worse: float
    equal: float
    better: float


def t_test(values: Array, correction: float = 0.0) -> TTest | None:
    """t-test of independent values, or with `correction` the corrected resampled t-test.

    The variance of the mean is (1/n + correction) s^2. Nadeau & Bengio (2003, Machine Learning 52, section 4) put the
    ratio of test to training data there, for the variance that overlapping training sets add; 1/(K - 1) for K folds
    (Bouckaert & Frank 2004, PAKDD, for repeated cross-validation).

    Returns:
        None where t is not defined: fewer than two values, or all equal.
    """
    n = len(values)
    if n < 2 or np.ptp(values) < EQUAL:
        return None
    t = float(np.mean(values) / np.sqrt((1 / n + correction) * np.var(values, ddof=1)))
    return TTest(t, n - 1, float(special.stdtr(n - 1, -t)))


def fold_correction(folds: float) -> float:
    """The share of test to training data in cross-validation with so many folds, see `division.Division`."""
    return 1 / (folds - 1)


def interval(values: Array, correction: float, level: float = 0.95) -> tuple[float, float] | None:
    """The two-sided confidence interval that belongs to `t_test`; None where `t_test` gives None."""
    n = len(values)
    if n < 2 or np.ptp(values) < EQUAL:
        return None
    half = float(-special.stdtrit(n - 1, (1 - level) / 2) * np.sqrt((1 / n + correction) * np.var(values, ddof=1)))
    mean = float(np.mean(values))
    return mean - half, mean + half


def correlated_t(values: Array, folds: float, rope: float) -> Posterior | None:
    """The Bayesian correlated t-test with a region of practical equivalence of +- `rope`.

    The posterior of the mean difference is Student's t with n - 1 degrees of freedom around the mean, of scale
    sqrt((1/n + rho/(1 - rho)) s^2), rho = 1/folds (Corani & Benavoli 2015, Machine Learning 100, equation 8; Benavoli
    et al. 2017, JMLR 18(77), section 4.1).

    Returns:
        None for fewer than two values, or all equal.
    """
    n = len(values)
    if n < 2 or np.ptp(values) < EQUAL:
        return None
    rho = 1 / folds
    scale = float(np.sqrt((1 / n + rho / (1 - rho)) * np.var(values, ddof=1)))
    mean = float(np.mean(values))
    worse = float(special.stdtr(n - 1, (-rope - mean) / scale))
    better = float(special.stdtr(n - 1, -((rope - mean) / scale)))
    return Posterior(worse, max(0.0, 1 - worse - better), better)


def wilcoxon(values: Array) -> float | None:
    """P of the one-sided signed-rank test over the pairs (Wilcoxon 1945); None where no difference is left."""
    # Rounded, so that ties are ties whatever the last bits; zeros are left out, as Wilcoxon did.
    rounded = np.round(values, 6)
    if len(rounded) < 2 or not rounded.any():
        return None
    kept = rounded[rounded != 0]
    ranks = stats.rankdata(np.abs(kept))
    if len(rounded) <= MOST_SIGNS and len(np.unique(ranks)) < len(rounded):
        # SciPy enumerates the signs too where there are ties or zeros, and takes seconds for it.
        signs = np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept)) & 1
        return float(np.mean(signs @ ranks >= ranks[kept > 0].sum()))
    return float(stats.wilcoxon(rounded, alternative="greater").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979, Scandinavian Journal of Statistics 6), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def effect_size(values: Array) -> float | None:
    """Mean over standard deviation of the paired differences (Cohen's d_z); None where that is not defined."""
    if len(values) < 2 or np.ptp(values) < EQUAL:
        return None
    return float(np.mean(values) / np.std(values, ddof=1))
