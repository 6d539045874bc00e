"""The header of a WAV file, and where its samples end if the length field is wrong.

If the `data` length is too small, libsndfile would read only a part of the recording, without a warning. If it is
unknown or too large, libsndfile would read the chunks after the samples as samples.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from io import FileIO

STREAMED = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFF000, 0xFFFFFFFF)
"""`data` lengths that programs write when the length is not known yet: the samples end with the file."""

TAIL = 1 << 16
"""Number of bytes at the end of a file that are searched for chunks after samples of unknown length."""

TRAILING_CHUNKS = re.compile(rb"LIST|id3 |ID3 |bext|iXML|cue |smpl|fact|PEAK|JUNK|junk|FLLR|PAD ")
"""Chunks that programs write after the samples."""

UNPACKED = (0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE)
"""Codings whose samples have a fixed number of bytes: integer, float, A-law, mu-law, and the extensible format."""


@dataclass(frozen=True)
class WavHeader:
    """The position of the samples in a RIFF WAVE file; lengths in bytes.

    Attributes:
        field: offset of the length field of the `data` chunk.
        declared: value of that field.
        samples: length of the samples.
        present: length of the file from the first sample to its end.
        tidy: whether the samples are followed by nothing, or by chunks that end with the file.
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
        """Whether a reader that trusts the length field would stop before or after the end of the samples."""
        # For a length of 0, libsndfile reads no samples or treats it as unknown, depending on the rest of the header.
        unknown = self.declared in STREAMED or self.declared > self.present
        return self.samples != (self.present if unknown else self.declared) or self.declared == 0 < self.present

    @property
    def note(self) -> str:
        """Description of what is wrong with the length, else empty."""
        if self.trusted or self.declared in STREAMED:
            return ""
        follow = self.present if self.declared == self.samples else self.samples
        return f"its header declares {self.declared} bytes of samples and {follow} follow"

    def repair(self, content: bytes) -> bytes:
        """`content` up to the end of the samples, with the right length in its field."""
        first = self.field + 4
        return content[: self.field] + struct.pack("<I", self.samples) + content[first : first + self.samples]


def read_wav_header(stream: FileIO) -> WavHeader | None:
    """Read the header of a RIFF WAVE file; None for any other file and for one without a `data` chunk."""
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
    """Bytes of one sample of all channels, from the start of the chunk `fmt `; 1 if that number is not fixed."""
    if len(form) < 16:
        return 1
    coding, channels, bits = struct.unpack("<HH10xH", form)
    return max(1, channels * -(-bits // 8)) if coding in UNPACKED else 1


def _samples(stream: FileIO, first: int, declared: int, frame: int, outer_end: int) -> tuple[int, bool]:
    """How many bytes the samples have, and whether nothing but chunks follows them.

    Args:
        stream: the file.
        first: offset of the first sample.
        declared: value of the length field of the samples.
        frame: number of bytes of one sample of all channels; the samples end with a complete one.
        outer_end: end of the file according to its outer length field.
    """
    size = stream.seek(0, io.SEEK_END)
    end = first + declared
    for after in (end, end + end % 2):
        if _only_chunks(stream, after, size, outer_end):
            return (declared if declared % frame == 0 else (after - first) // frame * frame), True
    # What follows is not part of the file. But a killed writer leaves both lengths as if there were no samples.
    if declared and end <= size and outer_end in (end, end + declared % 2):
        return declared, False
    return (_end_before_chunks(stream, first, size) - first) // frame * frame, False


def _only_chunks(stream: FileIO, start: int, size: int, outer_end: int) -> bool:
    """Whether the file has nothing but chunks from `start` to its end, or nothing at all."""
    position = start
    while (chunk := _chunk(stream, position)) and all(32 <= byte < 127 for byte in chunk[0]):
        position += 8 + chunk[1] + chunk[1] % 2
    # The last chunk may lack its pad byte.
    if start > size or not position - 1 <= size < position + 8:
        return False
    # Zeros, fewer than the head of a chunk, are padding unless the outer length counts them as samples.
    stream.seek(position)
    return not any(stream.read()) and (position > start or size == start or outer_end <= start)


def _end_before_chunks(stream: FileIO, first: int, size: int) -> int:
    """Where the chunks at the end of the file begin when the lengths are wrong; the end of the file if it has none."""
    start = max(first, size - TAIL)
    stream.seek(start)
    for found in TRAILING_CHUNKS.finditer(stream.read()):
        after = start + found.start()
        if _only_chunks(stream, after, size, after):
            return after
    return size


def _chunk(stream: FileIO, position: int) -> tuple[bytes, int] | None:
    """Name and length of the chunk at `position`, None at the end of the file."""
    stream.seek(position)
    head = stream.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else None
