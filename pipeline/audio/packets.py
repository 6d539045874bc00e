"""Whether the last packet of a container is in the file as a whole, for containers that need not state their length.

A browser, a stream or a program that writes to a pipe does not know how long a recording will be. If such a file is
cut, only its last packet shows this: it states more bytes than follow. Only the heads of the packets are read. A cut
exactly between two packets cannot be seen.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from pipeline.audio.window import Source

_HEAD = 16
"""Bytes of a packet's head that are read."""

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675  # of Matroska: they hold packets, and may be of unknown length
_TS = 188  # bytes of each packet of MPEG-TS

_Step = Callable[[bytes], int | None]
"""From the first bytes of a packet to its number of bytes; None if they are no packet."""


def cut_short(stream: Source) -> str | None:
    """Description of an incomplete last packet; None without one, or for another container."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(_TS + 1)
    if head[:1] == b"\x47" == head[_TS : _TS + 1]:
        held = size % _TS
        return _incomplete(_TS, held) if held else None
    if head[:4] == b"RIFF" and head[8:12] != b"AVI ":
        return None
    step, position = next(((step, start) for mark, step, start in _CONTAINERS if head.startswith(mark)), (None, 0))
    if head[4:8] == b"ftyp":
        step = _mp4
    while step is not None and position < size:
        stream.seek(position)
        length = step(stream.read(_HEAD))
        if length is None or length <= 0:
            return None
        if position + length > size:
            return _incomplete(length, size - position)
        position += length
    return None


def _incomplete(length: int, held: int) -> str:
    return f"its last packet declares {length} bytes and {held} follow, so its end is missing"


def _matroska(head: bytes) -> int | None:
    if not head or head[0] < 0x10:
        return None
    id_bytes = 9 - head[0].bit_length()
    rest = head[id_bytes:]
    if not rest or not rest[0]:
        return None
    if int.from_bytes(head[:id_bytes], "big") in (_SEGMENT, _CLUSTER):
        return id_bytes + 9 - rest[0].bit_length()  # what is inside follows
    size_bytes = 9 - rest[0].bit_length()
    return id_bytes + size_bytes + (int.from_bytes(rest[:size_bytes], "big") & (1 << 7 * size_bytes) - 1)


def _flv(head: bytes) -> int | None:
    # Each packet is followed by its length in four bytes.
    return 11 + int.from_bytes(head[1:4], "big") + 4 if head[:1] in (b"\x08", b"\x09", b"\x12") else None


def _program_stream(head: bytes) -> int | None:
    if head[:3] != b"\0\0\1" or len(head) < 14:
        return None
    if head[3] == 0xBA:
        return 14 + (head[13] & 7) if head[4] >> 6 == 1 else 12
    return None if head[3] < 0xBB else 6 + int.from_bytes(head[4:6], "big")


def _mp4(head: bytes) -> int | None:
    length = int.from_bytes(head[:4], "big") if len(head) >= 8 else 0
    # 1: the length follows in eight bytes; 0: the box lasts until the end of the file.
    return int.from_bytes(head[8:16], "big") if length == 1 else length


def _ac3(head: bytes) -> int | None:
    if head[:2] != b"\x0b\x77" or len(head) < 6:
        return None
    if head[5] >> 3 > 10:  # E-AC-3, which states the length of a frame
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    rate, size = head[4] >> 6, head[4] & 63
    if rate == 3 or size >= 2 * len(_AC3_KBITS):
        return None
    kbits = _AC3_KBITS[size // 2]
    return 2 * (2 * kbits, 320 * kbits // 147 + size % 2, 3 * kbits)[rate]


def _avi(head: bytes) -> int | None:
    if head[:4] in (b"RIFF", b"LIST"):
        return 12  # what is inside follows
    length = int.from_bytes(head[4:8], "little")
    # The index behind the packets may be cut without loss.
    return None if head[:4] == b"idx1" or len(head) < 8 else 8 + length + length % 2


_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)

_CONTAINERS: tuple[tuple[bytes, _Step, int], ...] = (
    (b"\x1a\x45\xdf\xa3", _matroska, 0), (b"FLV", _flv, 13), (b"\0\0\1\xba", _program_stream, 0),
    (b"RIFF", _avi, 0), (b"\x0b\x77", _ac3, 0),
)  # fmt: skip
"""The first bytes of a container, the step from packet to packet, and where the first one begins."""
