"""The header of a WAV file, and whether what it says of its length can be true.

libsndfile believes a `data` length that is too small and would read half a recording without a word.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from io import FileIO

STREAMED = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFF000, 0xFFFFFFFF)
"""`data` lengths that programs write when they cannot know the length yet: the samples reach the file's end."""


@dataclass(frozen=True)
class WavHeader:
    """Where the samples of a RIFF WAVE file lie.

    Attributes:
        field: offset of the `data` chunk's length field, in bytes.
        declared: what that field says, in bytes.
        available: bytes from the first sample to the end of the file.
        followed: behind the declared bytes come chunks that end with the file, or nothing.
        enclosed: the file's outer length field ends with the declared bytes too: what follows is no part of it.
    """

    field: int
    declared: int
    available: int
    followed: bool
    enclosed: bool

    @property
    def trusted(self) -> bool:
        """Whether the declared length agrees with the file."""
        return self.declared not in STREAMED and self.declared <= self.available and self.followed

    @property
    def cut_short(self) -> bool:
        """Whether a reader that believes the length field would stop before the samples do."""
        # A writer that was killed leaves both lengths as if there were no samples.
        enclosed = self.enclosed and self.declared > 0
        return self.declared < self.available and not self.followed and not enclosed

    @property
    def empty(self) -> bool:
        """Whether chunks follow where samples would be; a reader takes a length of 0 for one not known."""
        return self.declared == 0 < self.available and self.followed

    @property
    def note(self) -> str:
        """What is odd about the length, else empty."""
        if self.trusted or self.declared in STREAMED:
            return ""
        return f"its header declares {self.declared} bytes of samples and {self.available} follow"

    def mended(self, content: bytes) -> bytes:
        """`content` with a length field that reaches the end of the file, or cut where its samples would begin."""
        if self.empty:
            return content[: self.field + 4]
        return content[: self.field] + struct.pack("<I", self.available) + content[self.field + 4 :]


def read_wav_header(stream: FileIO) -> WavHeader | None:
    """Walk the chunks of a RIFF WAVE file; None for anything else, or without a `data` chunk."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    start = stream.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return None
    outer_end = 8 + struct.unpack("<I", start[4:8])[0]
    position = 12
    while chunk := _chunk(stream, position):
        name, length = chunk
        first = position + 8
        if name == b"data":
            return WavHeader(
                field=position + 4,
                declared=length,
                available=size - first,
                followed=_followed_by_chunks(stream, first + length, size),
                enclosed=outer_end in (first + length, first + length + length % 2),
            )
        position = first + length + length % 2
    return None


def _followed_by_chunks(stream: FileIO, end: int, size: int) -> bool:
    """Whether chunks fill the file from `end` (with or without a pad byte) to its end."""
    for start in (end, end + end % 2):
        position = start
        while (chunk := _chunk(stream, position)) and all(32 <= byte < 127 for byte in chunk[0]):
            position += 8 + chunk[1] + chunk[1] % 2
        # The last chunk may lack its pad byte; fewer bytes than a chunk's head are padding if they are zero.
        if position - 1 <= size < position + 8:
            stream.seek(position)
            if not any(stream.read()):
                return True
    return False


def _chunk(stream: FileIO, position: int) -> tuple[bytes, int] | None:
    """Name and length of the chunk at `position`, None at the end of the file."""
    stream.seek(position)
    head = stream.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else None
