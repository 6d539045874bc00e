"""The input of a front end, and the shape of its features, which training and classifiers use too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """The input of a front end: one utterance.

    Attributes:
        samples: (num_samples,) samples at 16 kHz on the int16 scale (-32768 to 32767); empty for front ends that do not
            read audio.
        bounds: (start frame, number of frames) of each segment, in frames of 10 ms.
        key: key of the utterance; empty for a recording outside the configured corpora.
        path: path of the recording, relative to the folder of its corpus, with forward slashes.
    """

    samples: NDArray[np.float32]
    bounds: Sequence[tuple[int, int]]
    key: str = ""
    path: str = ""


@dataclass(frozen=True)
class Shape:
    """Columns and rows of the matrix of a segment.

    Attributes:
        dims: number of columns (257 for the spectrogram).
        framewise: whether there is a row for each frame; else there is one row.
        shift: number of 10 ms from one row to the next; None if it is not the same everywhere.
        frequency_axis: whether neighbouring columns are neighbouring frequencies, as convolutions along them need.
        exact: whether the number of rows follows from the number of frames; else any number is right.
        layers: number of blocks of columns of equal width, each a description of the same frame by another layer of a
            network, which a family may weight.
    """

    dims: int
    framewise: bool = True
    shift: int | None = 1
    frequency_axis: bool = False
    layers: int = 1
    exact: bool = True

    def rows(self, num_frames: int) -> int | None:
        """The number of rows of a segment of `num_frames` frames of 10 ms; None if any number is right."""
        if not self.framewise:
            return 1
        return None if self.shift is None or not self.exact else -(-num_frames // self.shift)
