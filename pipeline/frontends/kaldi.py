"""Kaldi's spectrogram, log-mel bands and cepstra, their deltas, and mean and variance normalisation (section 5).

The results are those of `compute-spectrogram-feats`, `compute-fbank-feats` and `compute-mfcc-feats` with `--dither=0`,
of `add-deltas` and of `apply-cmvn --norm-vars=true`, in float32. Source: `feat/feature-window.cc`,
`feat/feature-spectrogram.cc`, `feat/feature-fbank.cc`, `feat/feature-mfcc.cc`, `feat/feature-functions.cc` and
`transform/cmvn.cc`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from pipeline.audio.frames import SHIFT, WINDOW
from pipeline.frontends.base import Cmvn

FFT = 512  # samples, WINDOW rounded up to a power of two: --round-to-power-of-two
BINS = FFT // 2 + 1
PREEMPHASIS = 0.97  # --preemphasis-coefficient

EPSILON = torch.finfo(torch.float32).eps
"""Floor of energies and powers; its logarithm, -15.94, is the value of digital silence (energy floor 0)."""

_DELTA_WINDOW = 2  # frames on each side of the regression for differences: --delta-window

_BLOCK = 256  # frames at a time: what fits into a core's cache, twice as fast as all frames at once


def spectrogram(samples: Tensor) -> Tensor:
    """Log power spectrogram of a recording, with the log energy in place of bin 0.

    Args:
        samples: see `powers`.

    Returns:
        (num_frames, 257) float32 natural logarithms; no rows if the recording is shorter than one window.
    """
    return _logarithm(powers(samples))


def log_mel(samples: Tensor, filters: Tensor) -> Tensor:
    """Log energies of mel bands.

    Args:
        samples: see `powers`.
        filters: (bands, 257) float32 weights from `mel.mel_filters`.

    Returns:
        (num_frames, bands) float32 natural logarithms.
    """
    # Bin 0 holds the energy of the frame, and no filter reads bin 0.
    return _logarithm(powers(samples) @ filters.T)


def cepstra(samples: Tensor, filters: Tensor, transform: Tensor, use_energy: bool) -> Tensor:
    """Mel-frequency cepstral coefficients.

    Args:
        samples: see `powers`.
        filters: (bands, 257) float32 weights from `mel.mel_filters`.
        transform: (coefficients, bands) float32 cosine transform from `mel.cosine_transform`.
        use_energy: whether the log energy of the frame takes the place of coefficient 0.

    Returns:
        (num_frames, coefficients) float32.
    """
    power = powers(samples)
    values = _logarithm(power @ filters.T) @ transform.T
    if use_energy:
        values[:, 0] = _logarithm(power[:, 0])
    return values


def with_deltas(features: Tensor, order: int) -> Tensor:
    """Append the differences over time of order 1 to `order` (`add-deltas --delta-window=2`).

    The difference of order k is a filter over the frames themselves, the regression over 5 frames convolved with itself
    k times; before the first and after the last frame these are repeated. So the second difference at an edge is not
    the difference of first differences, as it is in `torchaudio.functional.compute_deltas`.

    Args:
        features: (num_frames, columns) float32.
        order: highest order; 0 returns the features.

    Returns:
        (num_frames, columns * (1 + order)) float32: the columns, their first differences, and so on.
    """
    parts = [features]
    regression = np.arange(-_DELTA_WINDOW, _DELTA_WINDOW + 1) / (2 * sum(i * i for i in range(1, _DELTA_WINDOW + 1)))
    scales = np.ones(1)
    for _ in range(order):
        scales = np.convolve(scales, regression)
        reach = len(scales) // 2
        around = features[torch.arange(-reach, len(features) + reach).clamp(0, len(features) - 1)]
        difference = torch.zeros_like(features)
        for position, scale in enumerate(scales.tolist()):
            difference.add_(around[position : position + len(features)], alpha=scale)
        parts.append(difference)
    return torch.cat(parts, dim=1)


def powers(samples: Tensor) -> Tensor:
    """Power spectra of a recording's frames, with the energy in place of bin 0.

    Frames are Kaldi's with `snip_edges`, so without padding. For each frame, in this order: its mean is subtracted, its
    energy is taken (`--raw-energy`), it is pre-emphasised (the first sample with itself) and windowed.

    Args:
        samples: (num_samples,) float32 samples at 16 kHz on the int16 scale (-32768 to 32767): on a unit scale the
            floor would change speech.

    Returns:
        (num_frames, 257) float32 powers; no rows if the recording is shorter than one window.

    Raises:
        ValueError: `samples` is not one channel of float32.
    """
    if samples.ndim != 1 or samples.dtype != torch.float32:
        raise ValueError(f"samples are {tuple(samples.shape)} of {samples.dtype}; expected one channel of float32")
    num_frames = max(0, 1 + (len(samples) - WINDOW) // SHIFT)
    spectra = torch.empty(num_frames, BINS)
    if num_frames == 0:
        return spectra
    frames = samples.unfold(0, WINDOW, SHIFT)
    padded = torch.zeros(min(_BLOCK, num_frames), FFT)
    for begin in range(0, num_frames, _BLOCK):
        power = spectra[begin : begin + _BLOCK]
        _power(frames[begin : begin + _BLOCK], padded[: len(power)], power)
    return spectra


def _logarithm(power: Tensor) -> Tensor:
    """The natural logarithm of energies, floored; in place."""
    return power.clamp_(min=EPSILON).log_()


def _power(frames: Tensor, padded: Tensor, power: Tensor) -> None:
    """Write the power spectra of `frames` (n, 400) to `power` (n, 257); `padded` (n, 512) is scratch, 0 from 400 on."""
    frames = frames - frames.sum(1, keepdim=True) / WINDOW
    torch.sub(frames[:, 1:], frames[:, :-1], alpha=PREEMPHASIS, out=padded[:, 1:WINDOW])
    torch.mul(frames[:, 0], 1 - PREEMPHASIS, out=padded[:, 0])
    padded[:, :WINDOW] *= _povey_window()
    spectrum = torch.view_as_real(torch.fft.rfft(padded))
    spectrum.square_()
    torch.add(spectrum[..., 0], spectrum[..., 1], out=power)
    power[:, 0] = torch.linalg.vecdot(frames, frames)


@functools.cache
def _povey_window() -> Tensor:
    """Kaldi's default window, (0.5 - 0.5 cos(2 pi i / 399)) ** 0.85, computed in double as Kaldi does."""
    return torch.hann_window(WINDOW, periodic=False, dtype=torch.float64).pow(0.85).float()


def normalise(features: Tensor) -> Tensor:
    """Bring every bin to mean 0 and population variance 1 over time (`apply-cmvn --norm-vars=true`).

    A bin that does not change is 0 throughout. Kaldi divides it by a floored variance, which turns the rounding of
    its last digits into values of any size; for a network they would look like signal. "Does not change" means that the
    standard deviation is within 16 float32 roundings of the bin's mean (or of 1, for means nearer to 0, where the
    rounding of the power weighs more than that of its logarithm). This is more than equal frames can differ by, and at
    most 0.00005, far less than any change of the sound.

    Args:
        features: (num_frames, bins) float32 features, at least one frame.

    Returns:
        Normalised features of the same shape, float32.
    """
    # Sums are in double, as in Kaldi; numpy makes them five times faster than torch.
    values = features.numpy()
    mean = values.mean(0, dtype=np.float64).astype(np.float32)
    centred = values - mean
    deviation = np.sqrt(np.square(centred).mean(0, dtype=np.float64)).astype(np.float32)
    constant = deviation <= 16 * EPSILON * np.maximum(np.abs(mean), 1)
    centred /= np.where(constant, np.float32(np.inf), deviation)
    return torch.from_numpy(centred)


def normalised_segments(features: Tensor, bounds: Iterable[tuple[int, int]], cmvn: Cmvn) -> list[Tensor]:
    """Cut an utterance's frames into normalised segments.

    Args:
        features: (num_frames, bins) float32 frames.
        bounds: (start frame, number of frames) of each segment.
        cmvn: whether mean and variance are the segment's own or those of its whole utterance, or nothing is normalised.

    Returns:
        (number of frames, bins) features of each segment.
    """
    if cmvn == "utterance":
        features = normalise(features)
    segments = [features[start : start + length] for start, length in bounds]
    return [normalise(segment) for segment in segments] if cmvn == "segment" else segments
