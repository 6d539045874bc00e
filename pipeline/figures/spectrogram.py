"""One recording as the network receives it: the spectrograms of its segments, at their places in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.audio.frames import SAMPLE_RATE, SHIFT
from pipeline.figures.colours import ACCENT, SOFT
from pipeline.figures.drawing import Drawing, canvas, finished, shortened, styled
from pipeline.figures.inputs import FigureInputs

_SHIFT_S = SHIFT / SAMPLE_RATE
_CLIP = 2.5
"""Standard deviations from a bin's mean that are drawn black or white."""

_BLOCK = 2
"""Frames and bins averaged into one pixel: as fine as print shows, and a quarter of the file."""

PERSONS = {"F": "a woman", "M": "a man", "X": "a person"}


def draw_spectrogram(inputs: FigureInputs) -> Drawing | None:
    """The recording of the inputs, if there is one."""
    if inputs.recording.empty:
        return None
    normalised = inputs.results.params.front_end("spectrogram").options.cmvn
    matrices = inputs.spectrograms
    if normalised == "none":
        matrices = [_standardised(matrix) for matrix in matrices]
    return segment_spectrograms(inputs.recording, matrices, normalised)


def choose_recording(segments: pd.DataFrame) -> pd.DataFrame:
    """The segments of one recording: of those with the fewest segments above one, the first; else the first of all.

    Args:
        segments: rows of `SEGMENTS`, not empty.
    """
    counts = segments.groupby("utterance", sort=True)["segment"].count()
    several = counts[counts > 1]
    chosen = counts.index[0] if several.empty else several.idxmin()
    return segments[segments["utterance"] == chosen].sort_values("start_frame", ignore_index=True)


@styled
def segment_spectrograms(rows: pd.DataFrame, matrices: Sequence[npt.NDArray[np.float32]], normalised: str) -> Drawing:
    """The segments of one recording below each other on one time axis.

    Args:
        rows: rows of `SEGMENTS` of one recording.
        matrices: (frames, bins) normalised features of each row.
        normalised: the frames that they are normalised over: those of a `segment` or of an `utterance`; `none`: those
            of the segment, for this figure alone.
    """
    count = len(matrices)
    figure = canvas(0.9 + 1.15 * count)
    axes = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    starts, lengths = rows["start_frame"].to_numpy() * _SHIFT_S, rows["num_frames"].to_numpy() * _SHIFT_S
    ends = starts + lengths
    for position, (axis, matrix) in enumerate(zip(axes, matrices, strict=True)):
        start, end = starts[position], ends[position]
        image = np.clip(_coarser(matrix[:, 1:]).T, -_CLIP, _CLIP)
        axis.imshow(image, cmap="Greys", aspect="auto", origin="lower", interpolation="nearest",
                    extent=(start, end, 0, SAMPLE_RATE / 2000))  # fmt: skip
        for other in range(count):
            low, high = max(start, starts[other]), min(end, ends[other])
            if other != position and high > low:
                axis.axvspan(low, high, ymin=0.93, color=ACCENT, alpha=0.9, linewidth=0)
        axis.set_title(f"Segment {position + 1}: {start:.2f} to {end:.2f} s")
        axis.set_ylabel("kHz")
        axis.set_xlim(0, ends.max())
        axis.spines[:].set_color(SOFT)
    axes[-1].set_xlabel("Time (s)")
    first = rows.iloc[0]
    overlap = (
        f"Longer than a segment, it is cut into {count} that overlap (the bar above each); the first begins with it, "
        "the last ends with it. " if count > 1 else "It fits into one segment. "
    )  # fmt: skip
    over = "segment for this figure" if normalised == "none" else normalised
    gets = "The network gets the powers as they are." if normalised == "none" else "This is what the network gets."
    return finished(
        figure,
        "spectrogram",
        "A recording and its segments",
        f"{shortened(first['utterance'], 60)}: {first['emotion']}, {PERSONS[first['gender']]}. "
        f"{overlap}Log power of a 25 ms window every 10 ms, each frequency bin normalised over its {over}; dark "
        f"is loud. {gets}",
        f"{count} spectrogram{'s' if count > 1 else ''} of one recording of {ends.max():.1f} s.",
    )


def _standardised(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Every bin with mean 0 and deviation 1; a constant bin is 0."""
    deviation = matrix.std(axis=0)
    standardised: npt.NDArray[np.float32] = (matrix - matrix.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return standardised


def _coarser(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of blocks; frames and bins that fill no block are left out of the picture."""
    frames, bins = (max(size // _BLOCK, 1) for size in matrix.shape)
    block = tuple(min(size, _BLOCK) for size in matrix.shape)
    cut = matrix[: frames * block[0], : bins * block[1]]
    means: npt.NDArray[np.float32] = cut.reshape(frames, block[0], bins, block[1]).mean(axis=(1, 3))
    return means
