"""Kaldi's frames in numbers: what audio, segments and spectrograms have to agree on."""

from __future__ import annotations

SAMPLE_RATE = 16_000  # Hz, of every sample behind the decoder
WINDOW = 400  # samples, 25 ms: --frame-length
SHIFT = 160  # samples, 10 ms: --frame-shift


def resampled_length(num_samples: int, sample_rate: int) -> int:
    """Samples at 16 kHz of `num_samples` at `sample_rate` Hz: ceil(16000 N / rate), in integers."""
    return -(-num_samples * SAMPLE_RATE // sample_rate)
