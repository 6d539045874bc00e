"""The shape of the distribution of a unit's activations: which the variance constancy loss should change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def kurtosis(activations: npt.ArrayLike) -> Array:
    """(rows, units) to (units,): the fourth central moment over the squared variance, m4 / sigma^4.

    1 for two equal peaks (the least there is), 1.8 for a uniform distribution, 3 for a Gaussian. NaN for a unit that
    does not vary, or is not finite.
    """
    centred = _centred(activations)
    variance = (centred**2).mean(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        shape: Array = (centred**4).mean(axis=0) / np.where(variance > _noise_floor(activations), variance, np.nan) ** 2
    return shape


def typical_kurtosis(layers: Sequence[npt.ArrayLike]) -> float:
    """The median over the units that vary of each layer's (rows, units), averaged over layers; NaN where none does."""
    medians = [np.median(shape) for layer in layers if len(shape := _finite(kurtosis(layer)))]
    return float(np.mean(medians)) if medians else float("nan")


def variance_of_variance(activations: npt.ArrayLike, samples: int) -> Array:
    """(rows, units) to (units,): E[(1 - s^2 / sigma^2)^2] over random samples of n rows (equations 1 and 6).

    In closed form from the moments of the rows: kurtosis / n - (n - 3) / (n (n - 1)).
    """
    n = samples
    return kurtosis(activations) / n - (n - 3) / (n * (n - 1))


def histogram(unit: npt.ArrayLike, bins: int = 40) -> tuple[Array, Array]:
    """(rows,) of one unit to bin edges (bins + 1,) in its standard deviations from its mean, and densities (bins,)."""
    centred = _centred(unit)
    deviation = centred.std()
    scaled = centred / deviation if deviation > 0 else centred
    density, edges = np.histogram(scaled, bins=bins, range=(-4.0, 4.0), density=False)
    return edges, density / (len(scaled) * (edges[1] - edges[0]))


def _finite(values: Array) -> Array:
    kept: Array = values[np.isfinite(values)]
    return kept


def _centred(activations: npt.ArrayLike) -> Array:
    values = np.asarray(activations, dtype=np.float64)
    # A diverged network's activations may be infinite.
    with np.errstate(invalid="ignore", over="ignore"):
        centred: Array = values - values.mean(axis=0)
    return centred


def _noise_floor(activations: npt.ArrayLike) -> float:
    """The largest variance that rounding may cause: float32 of the largest activation."""
    return float((np.abs(np.asarray(activations)).max(initial=0) * 1e-6) ** 2)
