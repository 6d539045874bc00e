from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS
from pipeline.features.segmentation import cut, longest_segment, num_frames, segment


def utterance(key: str, samples: int, rate: int = 16_000) -> dict[str, object]:
    return {
        "utterance": key, "corpus": "emodb", "path": f"wav/{key}.wav", "emotion": "joy", "actor": "s03",
        "gender": "M", "duration_s": round(samples / rate, 3), "group": "s03", "sample_rate": rate,
        "num_samples": samples,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "rate", "frames"),
    [(25_600, 16_000, 158), (16_207, 16_000, 99), (14_400, 16_000, 88), (400, 16_000, 1), (399, 16_000, 0),
     (0, 16_000, 0), (48_000, 48_000, 98), (1_198, 48_000, 1), (1_197, 48_000, 0), (44_100, 44_100, 98)],
)  # fmt: skip
def test_frames_are_kaldis(samples: int, rate: int, frames: int) -> None:
    assert num_frames(samples, rate) == frames


def test_seconds_are_rounded_to_frames() -> None:
    assert longest_segment(6.4) == 640
    assert longest_segment(0.29) == 29


@pytest.mark.parametrize(
    ("frames", "bounds"),
    [
        (1, [(0, 1)]),
        (640, [(0, 640)]),
        (641, [(0, 640), (1, 640)]),
        (1280, [(0, 640), (640, 640)]),
        (1281, [(0, 640), (320, 640), (641, 640)]),
    ],
)
def test_cut(frames: int, bounds: list[tuple[int, int]]) -> None:
    assert cut(frames, 640) == bounds


@settings(deadline=None, max_examples=200)
@given(frames=st.integers(1, 20_000), longest=st.integers(10, 1000))
def test_segments_cover_the_utterance(frames: int, longest: int) -> None:
    bounds = cut(frames, longest)
    ends = [start + length for start, length in bounds]
    assert len(bounds) == math.ceil(frames / longest)
    assert bounds[0][0] == 0
    assert ends[-1] == frames
    assert {length for _, length in bounds} == {min(frames, longest)}
    assert all(start <= end for (start, _), end in zip(bounds[1:], ends, strict=False))


def test_table() -> None:
    # 6.45 s are 643 frames; 6.42 s are 640 frames, one segment although longer than 6.4 s.
    table = pd.DataFrame([utterance("a", 103_200), utterance("b", 102_720), utterance("c", 8_000)])
    segments = segment(table, 640)
    assert list(segments.segment) == ["a-1", "a-2", "b-1", "c-1"]
    assert list(segments.utterance) == ["a", "a", "b", "c"]
    assert list(segments.start_frame) == [0, 3, 0, 0]
    assert list(segments.num_frames) == [640, 640, 640, 48]
    SEGMENTS.validate(segments)


def test_a_corpus_that_is_not_segmented_stays_whole() -> None:
    segments = segment(pd.DataFrame([utterance("a", 320_000)]), None)
    assert segments[["segment", "start_frame", "num_frames"]].to_numpy().tolist() == [["a-1", 0, 1998]]


def test_no_utterances_give_no_segments() -> None:
    empty = segment(pd.DataFrame([utterance("a", 8_000)]).iloc[:0], 640)
    assert list(empty.columns) == list(SEGMENTS.columns)
    assert empty.empty


def test_too_short_an_utterance_is_named() -> None:
    with pytest.raises(InputError, match=r"utterance a \(wav/a.wav\) has 399 samples at 16000 Hz"):
        segment(pd.DataFrame([utterance("a", 399)]), 640)
