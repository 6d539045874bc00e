"""An open recording: its blocks, and notes that are complete after the last block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.audio.recording import Note, Samples

BLOCK = 1 << 15
"""Number of samples of each channel decoded at a time, so that memory does not grow with the recording."""


@dataclass(frozen=True)
class Track:
    """An open recording.

    Attributes:
        sample_rate: sampling rate in Hz.
        channels: number of channels.
        blocks: (samples, channels) each, float32 on the int16 scale.
        notes: what a user should know; complete when the last block was taken.
    """

    sample_rate: int
    channels: int
    blocks: Iterator[Samples]
    notes: list[Note] = field(default_factory=list)


def length_note(declared: int, held: int) -> Note:
    """The note of a container that declares another number of samples than it holds."""
    return Note("length", f"its container declares {declared} samples and holds {held}")
