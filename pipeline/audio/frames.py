"""The numbers of Kaldi's framing, on which audio, segments and spectrograms must agree."""

from __future__ import annotations

SAMPLE_RATE = 16_000  # Hz, of all decoded samples
WINDOW = 400  # samples, 25 ms: --frame-length
SHIFT = 160  # samples, 10 ms: --frame-shift
FFT_BINS = 257  # bins of a window padded to 512 samples: --round-to-power-of-two


def resampled_length(num_samples: int, sample_rate: int) -> int:
    """Number of samples at 16 kHz of a recording of `num_samples` at `sample_rate` Hz: ceil(16000 N / rate)."""
    return -(-num_samples * SAMPLE_RATE // sample_rate)
