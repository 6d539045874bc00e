"""The header of a WAV file, and where its samples end whatever the length field says.

libsndfile believes a `data` length that is too small and would read half a recording without a word; of one that is
unknown or too large it reads on into the chunks behind the samples.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from io import FileIO

STREAMED = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFF000, 0xFFFFFFFF)
"""`data` lengths that programs write when they cannot know the length yet: the samples reach the file's end."""

TAIL = 1 << 16
"""Bytes at the end of a file in which chunks behind samples of unknown length are looked for."""

BEHIND = re.compile(rb"LIST|id3 |ID3 |bext|iXML|cue |smpl|fact|PEAK|JUNK|junk|FLLR|PAD ")
"""Chunks that programs write behind the samples."""


UNPACKED = (0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE)
"""Codings whose samples have a fixed number of bytes: integer, float, A-law, mu-law, and what the header extends."""


@dataclass(frozen=True)
class WavHeader:
    """Where the samples of a RIFF WAVE file lie; lengths in bytes.

    Attributes:
        field: offset of the `data` chunk's length field.
        declared: what that field says.
        samples: what the samples take.
        present: what the file holds from the first sample to its end.
        tidy: behind the samples come chunks that end with the file, or nothing.
    """

    field: int
    declared: int
    samples: int
    present: int
    tidy: bool

    @property
    def trusted(self) -> bool:
        """Whether the declared length agrees with the file."""
        return self.tidy and self.declared == self.samples

    @property
    def misleads(self) -> bool:
        """Whether a reader that believes the length field would stop before the samples do, or go on behind them."""
        # libsndfile stops at once for a length of 0, or takes it for unknown, by what else the header says.
        unknown = self.declared in STREAMED or self.declared > self.present
        return self.samples != (self.present if unknown else self.declared) or self.declared == 0 < self.present

    @property
    def note(self) -> str:
        """What is odd about the length, else empty."""
        if self.trusted or self.declared in STREAMED:
            return ""
        follow = self.present if self.declared == self.samples else self.samples
        return f"its header declares {self.declared} bytes of samples and {follow} follow"

    def mended(self, content: bytes) -> bytes:
        """`content` up to where the samples end, and with that length in its field."""
        first = self.field + 4
        return content[: self.field] + struct.pack("<I", self.samples) + content[first : first + self.samples]


def read_wav_header(stream: FileIO) -> WavHeader | None:
    """Walk the chunks of a RIFF WAVE file; None for anything else, or without a `data` chunk."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    start = stream.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return None
    outer_end = 8 + struct.unpack("<I", start[4:8])[0]
    position, frame = 12, 1
    while chunk := _chunk(stream, position):
        name, length = chunk
        first = position + 8
        if name == b"data":
            samples, tidy = _samples(stream, first, length, frame, outer_end)
            return WavHeader(position + 4, length, samples, size - first, tidy)
        if name == b"fmt ":
            frame = _frame_bytes(stream.read(16))
        position = first + length + length % 2
    return None


def _frame_bytes(form: bytes) -> int:
    """Bytes of one sample of every channel by the start of the chunk `fmt `, 1 where that is not fixed."""
    if len(form) < 16:
        return 1
    coding, channels, bits = struct.unpack("<HH10xH", form)
    return max(1, channels * -(-bits // 8)) if coding in UNPACKED else 1


def _samples(stream: FileIO, first: int, declared: int, frame: int, outer_end: int) -> tuple[int, bool]:
    """How many bytes the samples take, and whether nothing but chunks is behind them.

    Args:
        stream: the file.
        first: where the samples begin.
        declared: what their length field says.
        frame: bytes of one sample of every channel; samples end with a whole one.
        outer_end: where the file ends by its outer length field.
    """
    size = stream.seek(0, io.SEEK_END)
    end = first + declared
    for behind in (end, end + end % 2):
        if _only_chunks(stream, behind, size, outer_end):
            return (declared if declared % frame == 0 else (behind - first) // frame * frame), True
    # What follows is no part of the file. But a writer that was killed leaves both lengths as if there were no samples.
    if declared and end <= size and outer_end in (end, end + declared % 2):
        return declared, False
    return (_end_before_chunks(stream, first, size) - first) // frame * frame, False


def _only_chunks(stream: FileIO, start: int, size: int, outer_end: int) -> bool:
    """Whether chunks fill the file from `start` to its end, or nothing is there."""
    position = start
    while (chunk := _chunk(stream, position)) and all(32 <= byte < 127 for byte in chunk[0]):
        position += 8 + chunk[1] + chunk[1] % 2
    # The last chunk may lack its pad byte.
    if start > size or not position - 1 <= size < position + 8:
        return False
    # Fewer bytes than a chunk's head are padding if they are zero, unless the outer length counts them as samples.
    stream.seek(position)
    return not any(stream.read()) and (position > start or size == start or outer_end <= start)


def _end_before_chunks(stream: FileIO, first: int, size: int) -> int:
    """Where the chunks that end with the file begin, when no length leads there; its end if there are none."""
    start = max(first, size - TAIL)
    stream.seek(start)
    for found in BEHIND.finditer(stream.read()):
        behind = start + found.start()
        if _only_chunks(stream, behind, size, behind):
            return behind
    return size


def _chunk(stream: FileIO, position: int) -> tuple[bytes, int] | None:
    """Name and length of the chunk at `position`, None at the end of the file."""
    stream.seek(position)
    head = stream.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else None
