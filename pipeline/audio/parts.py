"""Parts of recordings: utterances that are a stretch of a longer file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SAMPLE_RATE

START, END = "start_s", "end_s"
"""Columns of utterances: where an utterance is in its file, in seconds. Both are empty for a whole file, the end alone
for a part that lasts until the end of the file."""


def part(samples: NDArray[np.float32], start: float, length: int) -> NDArray[np.float32]:
    """A part of a recording.

    Args:
        samples: (num_samples,) the whole recording at 16 kHz.
        start: where the part begins, in seconds.
        length: number of samples of the part at 16 kHz.

    Returns:
        (length,) samples. A part whose end is rounded to a sample that the recording no longer has begins earlier.
    """
    first = max(0, min(round(start * SAMPLE_RATE), len(samples) - length))
    return samples[first : first + length]
