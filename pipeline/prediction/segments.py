"""Class probabilities of the segments of any recording, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.audio.decoding import load_or_stream
from pipeline.audio.frames import SAMPLE_RATE, SHIFT, WINDOW
from pipeline.audio.recording import AudioError, Loaded, Streamed
from pipeline.core.features import Matrix, Utterance
from pipeline.core.wording import as_utf8
from pipeline.features.segmentation import cut, frames_of, longest_segment
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.prediction.ensemble import Ensemble
from pipeline.runs.calibration import tempered
from pipeline.training.batches import make_bank
from pipeline.training.speech import probabilities

Samples = NDArray[np.float32]
Bounds = list[tuple[int, int]]
"""(start frame, number of frames) of each segment, in frames of 10 ms."""

WHOLE = 5 * 60 * SAMPLE_RATE
"""Most samples of a recording that are held at once (19 MB); a longer one is decoded block by block."""

TOGETHER = 8
"""Number of segments whose features are computed at once."""

OWN_FRAMES = {"spectrogram": 0, "logmel": 0, "mfcc": 0, "opensmile": 0, "ssl": 0}
"""Kinds of front ends whose features of a segment depend on that segment alone, and on this number of frames around it.

It stands here and not with the front ends, because an edit of their code extracts all features again. A front end that
is not listed gets the whole recording.
"""


@dataclass(frozen=True)
class Scored:
    """The probabilities that the classifiers of an ensemble give for one recording.

    Attributes:
        bounds: (start frame, number of frames) of each segment.
        members: (segments, members, classes) float64 probabilities.
        seconds: length of the recording.
        notes: what a user should know about it, a text each.
        envelope: (columns, 2) least and greatest sample of equal parts of the recording, on the int16 scale; no rows if
            it was not asked for.
    """

    bounds: Bounds
    members: NDArray[np.float64]
    seconds: float
    notes: tuple[str, ...]
    envelope: NDArray[np.float32]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(segments, classes) means over the members."""
        mean: NDArray[np.float64] = self.members.mean(axis=1)
        return mean

    @property
    def spread(self) -> NDArray[np.float64]:
        """(segments, classes) standard deviations over the members."""
        deviation: NDArray[np.float64] = self.members.std(axis=1)
        return deviation

    @property
    def of_utterance(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(classes,) means over the segments and members, and standard deviations of the members' means."""
        by_member = self.members.mean(axis=0)
        return by_member.mean(axis=0), by_member.std(axis=0)


def whole_segments(ensemble: Ensemble) -> Callable[[int], Bounds]:
    """The rule by which training cuts recordings: from a number of frames to the bounds of segments."""
    longest = longest_segment(ensemble.segment.seconds)
    return lambda frames: cut(frames, longest)


def score(
    path: Path,
    ensemble: Ensemble,
    rule: Callable[[int], Bounds] | None = None,
    progress: Callable[[float], None] = lambda share: None,
    columns: int = 0,
) -> Scored:
    """Probabilities of the segments of a recording.

    Memory is bounded by `WHOLE` samples and the features of `TOGETHER` segments, unless a front end needs the whole
    recording at once (normalisation over an utterance, another speed, noise, or a front end of one's own).

    Args:
        path: recording in any format that the corpora have.
        ensemble: the classifiers.
        rule: function from the number of frames of the recording to the bounds of its segments, in the order of their
            starts; default: the rule of training.
        progress: function that is called with the share of the recording that is done, from 0 to 1.
        columns: number of columns of the envelope.

    Raises:
        AudioError: the file cannot be used as a recording, or features or probabilities of it are not finite.
    """
    recording = load_or_stream(path, WHOLE)
    length = len(recording.samples) if isinstance(recording, Loaded) else recording.length
    bounds = (rule or whole_segments(ensemble))(frames_of(length))
    envelope = _Envelope(length, columns)
    stretches = _stretches(path.name, recording, bounds, ensemble, envelope)
    found: list[NDArray[np.float64]] = []
    done = 0
    for features in stretches:
        found.append(probabilities_of(features, ensemble))
        done += len(found[-1])
        progress(done / len(bounds))
    return Scored(bounds, np.concatenate(found), length / SAMPLE_RATE, _notes(recording), envelope.values)


def _notes(recording: Loaded | Streamed) -> tuple[str, ...]:
    notes = [note.text for note in recording.notes]
    if (rate := recording.probe.sample_rate) < SAMPLE_RATE:
        notes.append(
            f"sampled at {rate} Hz, so there is nothing above {rate / 2:g} Hz, which recordings at 16000 Hz have"
        )
    return tuple(notes)


def reach(options: FrontEndOptions) -> int | None:
    """Number of frames at each side of a segment that its features depend on; None: on the whole recording."""
    if options.varied or getattr(options, "cmvn", "none") == "utterance":
        return None
    if options.kind == "functionals":
        other = getattr(options, "of", None)
        return reach(other) if isinstance(other, FrontEndOptions) else None
    if options.kind == "mfcc":
        return 2 * int(getattr(options, "deltas", 0))
    return OWN_FRAMES.get(options.kind)


def _stretches(
    name: str, recording: Loaded | Streamed, bounds: Bounds, ensemble: Ensemble, envelope: _Envelope
) -> Iterator[list[list[Matrix]]]:
    """The matrices of some segments at a time, a list for each front end."""
    reaches = [reach(front_end.options) for front_end in ensemble.front_ends]
    if isinstance(recording, Streamed) and None in reaches:
        recording = Loaded(_joined(recording), recording.notes, recording.probe)
    if isinstance(recording, Loaded):
        envelope.add(recording.samples)
        reader = _Reader(iter([recording.samples]), len(recording.samples))
    else:
        reader = _Reader(envelope.passing(recording.blocks()), recording.length)
    whole = [
        _matrices(front_end, reader.between(0, reader.length), bounds, name) if own is None else None
        for front_end, own in zip(ensemble.front_ends, reaches, strict=True)
    ]
    most = max((own for own in reaches if own is not None), default=0)
    total = frames_of(reader.length)
    for first in range(0, len(bounds), TOGETHER):
        group = bounds[first : first + TOGETHER]
        begin = max(0, group[0][0] - most)
        end = min(total, max(start + length for start, length in group) + most)
        # Frames that end with the recording have the samples behind the last frame too.
        last = reader.length if end == total else (end - 1) * SHIFT + WINDOW
        samples = reader.between(begin * SHIFT, last)
        moved = [(start - begin, length) for start, length in group]
        yield [
            matrices[first : first + TOGETHER] if matrices is not None else _matrices(front_end, samples, moved, name)
            for front_end, matrices in zip(ensemble.front_ends, whole, strict=True)
        ]


def _joined(recording: Streamed) -> Samples:
    samples = np.empty(recording.length, np.float32)
    end = 0
    for block in recording.blocks():
        samples[end : end + len(block)] = block
        end += len(block)
    return samples[:end]


class _Reader:
    """Samples of a stream between any two positions that only move forward; those before are forgotten."""

    def __init__(self, blocks: Iterator[Samples], length: int) -> None:
        self.length = length
        self._blocks, self._held, self._first = blocks, np.empty(0, np.float32), 0

    def between(self, begin: int, end: int) -> Samples:
        """(end - begin,) samples."""
        pieces, available = [self._held], self._first + len(self._held)
        while available < end and (block := next(self._blocks, None)) is not None:
            pieces.append(block)
            available += len(block)
        held = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        if available < end:
            raise AudioError("unreadable: it became shorter while it was read")
        self._held, self._first = held[begin - self._first :], begin
        return self._held[: end - begin]


class _Envelope:
    """The least and the greatest sample of each of some equal parts of a recording."""

    def __init__(self, length: int, columns: int) -> None:
        self._edges = np.linspace(0, length, min(columns, length) + 1).astype(np.int64)
        self.values = np.zeros((len(self._edges) - 1, 2), np.float32)
        self._position = 0

    def add(self, block: Samples) -> None:
        """Take the next block."""
        begin, end = self._position, self._position + len(block)
        self._position = end
        if not len(self.values) or not len(block):
            return
        first = int(np.searchsorted(self._edges, begin, side="right")) - 1
        last = min(int(np.searchsorted(self._edges, end, side="left")), len(self.values))
        for column in range(first, last):
            part = block[max(0, self._edges[column] - begin) : self._edges[column + 1] - begin]
            low, high = self.values[column]
            fresh = self._edges[column] >= begin
            self.values[column] = (
                part.min() if fresh else min(low, part.min()),
                part.max() if fresh else max(high, part.max()),
            )

    def passing(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """The same blocks, each taken on its way."""
        for block in blocks:
            self.add(block)
            yield block


def _matrices(front_end: FrontEnd[Any], samples: Samples, bounds: Sequence[tuple[int, int]], name: str) -> list[Matrix]:
    matrices = front_end.matrices(Utterance(samples, bounds, path=as_utf8(name)))
    if all(np.isfinite(matrix).all() for matrix in matrices):
        return matrices
    if not front_end.fills_non_finite:
        raise AudioError("not finite: its features are not finite numbers")
    return [np.nan_to_num(matrix, nan=0.0, posinf=0.0, neginf=0.0) for matrix in matrices]


def probabilities_of(features: Sequence[Sequence[Matrix]], ensemble: Ensemble) -> NDArray[np.float64]:
    """(segments, members, classes) probabilities of the segments that the features are of."""
    banks: dict[tuple[int, int, int, int], Any] = {}
    columns = []
    for member, temperature in zip(ensemble.members, ensemble.temperatures, strict=True):
        reading, matrices = member.weights.reading, features[member.front_end]
        key = (member.front_end, reading.left, reading.right, reading.every)
        if key not in banks:
            banks[key] = make_bank(
                matrices,
                [0] * len(matrices),
                left=reading.left,
                right=reading.right,
                every=reading.every,
                device=torch.device("cpu"),
            )
        found = probabilities(member.network, banks[key], torch.arange(len(matrices))).double().numpy()
        columns.append(tempered(found, temperature))
    together: NDArray[np.float64] = np.stack(columns, axis=1)
    if not np.isfinite(together).all():
        raise AudioError("not finite: these weights give no finite probabilities for it")
    return together
