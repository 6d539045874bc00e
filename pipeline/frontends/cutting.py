"""The samples of each segment, for front ends that process a segment apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SHIFT, WINDOW
from pipeline.core.features import Utterance


def segment_samples(utterance: Utterance) -> list[NDArray[np.float32]]:
    """The samples under the frames of each segment; views, not copies.

    A segment of n frames has 160 (n - 1) + 400 samples. One that ends with its recording has the samples behind the
    last frame too, at most 159, so that a whole recording is processed whole.
    """
    total = 1 + (len(utterance.samples) - WINDOW) // SHIFT
    pieces = []
    for start, length in utterance.bounds:
        end = None if start + length == total else (start + length - 1) * SHIFT + WINDOW
        pieces.append(utterance.samples[start * SHIFT : end])
    return pieces
