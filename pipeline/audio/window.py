"""A part of an open file as a file of its own, with some bytes replaced; nothing is copied."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO, TypeAlias


class Window(io.RawIOBase):
    """Bytes `start` to `end` of a file.

    Args:
        stream: the open file; others may read it between two reads of this one.
        start: offset of the first byte.
        end: offset behind the last byte.
        patches: bytes that stand for those of the file, by their offset in the file.
    """

    def __init__(self, stream: Source, start: int, end: int, patches: Mapping[int, bytes] | None = None) -> None:
        super().__init__()
        self._stream, self._start, self._end, self._patches = stream, start, end, patches or {}
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position in the window."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to another position of the window."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end - self._start}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Bytes from the position on; fewer at the end of the window."""
        begin = self._start + self._position
        length = max(0, self._end - begin) if size is None or size < 0 else max(0, min(size, self._end - begin))
        self._stream.seek(begin)
        content = self._stream.read(length)
        for offset, patch in self._patches.items():
            if offset < begin + len(content) and offset + len(patch) > begin:
                changed = bytearray(content)
                for place, byte in enumerate(patch, offset - begin):
                    if 0 <= place < len(changed):
                        changed[place] = byte
                content = bytes(changed)
        self._position += len(content)
        return content

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As `read`, into a buffer."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


Source: TypeAlias = BinaryIO | Window
"""An open file, or a part of one."""
