"""The 6.4 s rule: utterances to segments (section 5, "sub-utterance sampling"), in integers of 10 ms frames.

Lengths are first counted in frames and then divided; only this order gives the paper's numbers of segments.
"""

from __future__ import annotations

import pandas as pd

from pipeline.audio.frames import SAMPLE_RATE, SHIFT, WINDOW, resampled_length
from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS

FRAMES_PER_SECOND = SAMPLE_RATE // SHIFT


def num_frames(num_samples: int, sample_rate: int) -> int:
    """Number of frames of a recording: windows of 25 ms every 10 ms that lie inside it (Kaldi's `snip_edges`).

    Args:
        num_samples: decoded number of samples of each channel.
        sample_rate: decoded sampling rate in Hz; resampling to 16 kHz rounds the length up.

    Returns:
        Number of frames; 0 if the recording is shorter than one window.

    >>> num_frames(48_000 * 3, 48_000)
    298
    """
    return frames_of(resampled_length(num_samples, sample_rate))


def frames_of(samples: int) -> int:
    """Number of frames of a recording with `samples` samples at 16 kHz; see `num_frames`."""
    return max(0, 1 + (samples - WINDOW) // SHIFT)


def longest_segment(seconds: float) -> int:
    """The length of the longest segment (`segment.seconds`) in frames."""
    return round(seconds * FRAMES_PER_SECOND)


def cut(frames: int, longest: int) -> list[tuple[int, int]]:
    """Cut an utterance into the fewest segments of `longest` frames that cover it, evenly spread.

    The first starts at 0 and the last ends with the utterance; they overlap unless the length is a multiple.

    Args:
        frames: length of the utterance in frames.
        longest: length of a segment in frames; a shorter utterance stays whole.

    Returns:
        Start frame and number of frames of each segment.

    >>> cut(1000, 640)
    [(0, 640), (360, 640)]
    """
    if frames <= longest:
        return [(0, frames)]
    segments = -(-frames // longest)
    return [(k * (frames - longest) // (segments - 1), longest) for k in range(segments)]


def segment(utterances: pd.DataFrame, longest: int | None) -> pd.DataFrame:
    """Cut a table of utterances into a table of segments.

    Args:
        utterances: rows of `tables.UTTERANCES`.
        longest: length of a segment in frames; None leaves every utterance whole (`segment: false`).

    Returns:
        Rows of `tables.SEGMENTS`, in the order of the utterances; segment keys are `<utterance>-<k>`, with k from 1.

    Raises:
        InputError: an utterance is shorter than one window.
    """
    rows = []
    for row in utterances.to_dict("records"):
        frames = num_frames(row["num_samples"], row["sample_rate"])
        if frames == 0:
            raise InputError(
                f"utterance {row['utterance']} ({row['path']}) has {row['num_samples']} samples "
                f"at {row['sample_rate']} Hz; expected at least one window of 25 ms. "
                "Ingest the corpus again, which rejects such recordings as too short"
            )
        shared = tuple(row[name] for name in ("utterance", "corpus", "emotion", "actor", "gender", "group"))
        for k, bounds in enumerate(cut(frames, longest or frames), start=1):
            rows.append((f"{row['utterance']}-{k}", *shared, *bounds))
    return pd.DataFrame(rows, columns=list(SEGMENTS.columns))
