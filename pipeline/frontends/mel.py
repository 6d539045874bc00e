"""Kaldi's mel filters and cosine transform, as arrays of numbers (`feat/mel-computations.cc`)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import FFT_BINS, SAMPLE_RATE
from pipeline.core.errors import InputError

NYQUIST = SAMPLE_RATE / 2  # Hz


@cache
def mel_filters(bands: int, low_freq: float, high_freq: float) -> NDArray[np.float32]:
    """Triangles of equal width in mel, each from its neighbour's centre to the next one's (`--num-mel-bins`).

    Args:
        bands: number of filters.
        low_freq: lower end of the first in Hz.
        high_freq: upper end of the last in Hz; 0 and below: distance from 8000 Hz.

    Returns:
        (bands, 257) weights of the bins of a power spectrum; those of 0 Hz and of 8000 Hz are 0, as in Kaldi.

    Raises:
        InputError: the range is empty or leaves 0 to 8000 Hz; or a filter lies between two bins and would always be
            silent. The message begins with the name of the option.
    """
    high = high_freq if high_freq > 0 else NYQUIST + high_freq
    if not 0 <= low_freq < high <= NYQUIST:
        raise InputError(
            f"high_freq: {high_freq:g} with low_freq {low_freq:g}: expected 0 <= low_freq < high_freq <= {NYQUIST:g} "
            f"Hz, where a high_freq of 0 or below is counted from {NYQUIST:g}"
        )
    edges = np.linspace(_mel(low_freq), _mel(high), bands + 2)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = _mel(np.arange(FFT_BINS) * NYQUIST / (FFT_BINS - 1))
    weights = np.clip(np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)), 0, None)
    weights[:, -1] = 0
    if empty := int((~weights.any(axis=1)).sum()):
        raise InputError(
            f"bands: {bands} from {low_freq:g} to {high:g} Hz are too many: {empty} lie between two bins of the "
            f"spectrum ({NYQUIST / (FFT_BINS - 1):g} Hz apart) and would always be silent; expected fewer, or a wider "
            "range"
        )
    return weights.astype(np.float32)


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


@cache
def cosine_transform(coefficients: int, bands: int, lifter: float) -> NDArray[np.float32]:
    """The orthonormal cosine transform (DCT-II) of mel bands, liftered (`--cepstral-lifter`).

    Args:
        coefficients: number of cepstral coefficients, at most `bands`.
        bands: number of mel bands.
        lifter: L of the factor 1 + L/2 sin(pi i / L) of coefficient i; 0: no factor.

    Returns:
        (coefficients, bands) weights.
    """
    from scipy.fft import dct

    transform: NDArray[np.float64] = dct(np.eye(bands), axis=0, norm="ortho")[:coefficients]
    if lifter:
        transform *= 1 + lifter / 2 * np.sin(np.pi * np.arange(coefficients)[:, None] / lifter)
    return transform.astype(np.float32)
