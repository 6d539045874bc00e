"""Any sampling rate to 16 kHz with soxr, block by block, so that memory does not grow with the rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from pipeline.audio.frames import SAMPLE_RATE, resampled_length
from pipeline.audio.recording import Samples

QUALITY = "HQ"
"""Linear phase, pass band up to 91 % of half the lower rate, aliases under -120 dB."""


def resample(blocks: Iterable[Samples], sample_rate: int) -> Iterator[Samples]:
    """Resample mono blocks to 16 kHz.

    The output does not depend on how the samples are cut into blocks.

    Args:
        blocks: float32 samples at `sample_rate` Hz.
        sample_rate: any rate in Hz.

    Yields:
        float32 samples, resampled_length(N, sample_rate) in all: soxr rounds the length in its own way, so zeros are
        appended to its input, and its output is cut.
    """
    if sample_rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality=QUALITY)
    taken = given = 0
    for block in blocks:
        taken += len(block)
        ready = stream.resample_chunk(block)
        given += len(ready)
        yield ready
    # Enough zeros for one sample more at 16 kHz, which the end of the stream may not round away.
    padding = np.zeros(2 + 2 * sample_rate // SAMPLE_RATE, np.float32)
    yield stream.resample_chunk(padding, last=True)[: resampled_length(taken, sample_rate) - given]
