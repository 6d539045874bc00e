"""The paper's theorems about one unit: kurtosis of a mixture, and bounds from it (theorems 1 to 3, equations 1 to 20).

Equations 1 and 6 are in closed form in `studies.networks.activations.variance_of_variance`; equation 17, the loss, is
`pipeline.models.variance_constancy`.
"""

from __future__ import annotations

import math

MERGED_BELOW = (1 - 1 / math.sqrt(3)) / 2
"""The share of a Gaussian, 0.2113, below which the least kurtosis unites both; from it on to one half, it separates
them (theorem 2: where a (1 - 6 a) <= 0 with a = p (1 - p))."""


def mixture_kurtosis(share: float, between: float, within: float) -> float:
    """Kurtosis of a projection of two Gaussians of one covariance (equation 9).

    Args:
        share: p, the share of one of them.
        between: square of the distance of the projected means.
        within: variance of each projected Gaussian.
    """
    a = share * (1 - share)
    return 3 + a * (1 - 6 * a) * between**2 / (a * between + within) ** 2


def least_kurtosis(share: float, separation: float) -> float:
    """The least kurtosis over all projections of two round Gaussians, `separation` standard deviations apart."""
    return min(mixture_kurtosis(share, 0.0, 1.0), mixture_kurtosis(share, separation**2, 1.0))


def relative_variance(kurtosis: float, samples: int) -> float:
    """Variance of the sample variance over the squared variance (equations 1 and 4)."""
    return kurtosis / samples - (samples - 3) / (samples * (samples - 1))


def loss_probability(kurtosis: float, samples: int, epsilon: float) -> float:
    """Bound of theorem 3 (equation 12): the least probability of a small loss; 0 where the bound says nothing.

    Small is at most 4 epsilon^2 / (1 - epsilon)^2, for two samples without beta.

    The two samples are independent, so it is the square of the probability that one sample variance is within a share
    `epsilon` of the variance. The paper also has a lower end of the loss, 4 epsilon^2 / (1 + epsilon)^2, in the same
    event; equation 15 gives the upper end alone.
    """
    one = 1 - relative_variance(kurtosis, samples) / epsilon**2
    return max(0.0, one) ** 2


def deviation_probability(kurtosis: float, samples: int, epsilon: float) -> float:
    """Bound of equation 20: the least probability of a stable batch normalisation; 0 where it says nothing.

    Stable: sigma over the batch's deviation is between 1 / sqrt(1 + epsilon) and 1 / sqrt(1 - epsilon).
    """
    return max(0.0, 1 - relative_variance(kurtosis, samples) / epsilon**2)
