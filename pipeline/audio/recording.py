"""The results of reading a recording: its size, notes for the user, or the reason why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32768.0
"""The value that 1.0 of a floating-point file becomes."""

GONE, DENIED = "the file is gone", "permission denied"
"""Reasons why a file could not be opened although the recording itself may be good."""

Samples = NDArray[np.float32]


class AudioError(Exception):
    """A file that cannot serve as a recording.

    Attributes:
        reason: one of `tables.REASONS`; a detail may follow after a colon.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Note:
    """Something that a user should know about a recording that can be used.

    Attributes:
        kind: "length": it holds another number of samples than promised; "unchecked": whether it does is not known;
            "channels": they are not simply averaged, or one is silent; "delay": it begins with the silence that its
            coder adds.
        text: description, part of a sentence.
    """

    kind: Literal["length", "unchecked", "channels", "delay"]
    text: str


@dataclass(frozen=True)
class Probe:
    """The size of a recording on disk.

    Attributes:
        num_samples: number of samples of each channel.
        sample_rate: sampling rate in Hz.
        channels: number of channels.
    """

    num_samples: int
    sample_rate: int
    channels: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True)
class Surveyed:
    """The size of a recording, and what a user should know about it; whether it can be used was not examined."""

    probe: Probe
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Examined:
    """A recording that was decoded completely and has no error.

    Attributes:
        probe: size of the recording.
        digest: SHA-256 of its rate and mono samples; the same sound in another coding has the same hash.
        notes: what a user should know about it.
    """

    probe: Probe
    digest: str
    notes: tuple[Note, ...] = ()

    @property
    def note(self) -> str:
        """All notes in one line; empty without notes."""
        return "; ".join(note.text for note in self.notes)


@dataclass(frozen=True)
class Loaded:
    """A recording in memory.

    Attributes:
        samples: mono samples at 16 kHz, shape (resampled_length(N, rate),), float32 on the int16 scale.
        notes: what a user should know about it.
        probe: its size on disk.
    """

    samples: Samples
    notes: tuple[Note, ...]
    probe: Probe


@dataclass(frozen=True)
class Streamed:
    """A recording that was checked, and is decoded again each time that its blocks are taken.

    Attributes:
        length: number of samples at 16 kHz.
        notes: what a user should know about it.
        probe: its size on disk.
        blocks: function that gives its mono samples at 16 kHz, float32 on the int16 scale, block by block.
    """

    length: int
    notes: tuple[Note, ...]
    probe: Probe
    blocks: Callable[[], Iterator[Samples]]
