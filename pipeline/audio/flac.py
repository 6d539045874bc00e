"""The number of samples of a FLAC file as its last frame states it, without decoding the other frames."""

from __future__ import annotations

import io
import re

from pipeline.audio.window import Source

_TAIL = 1 << 17
"""Bytes at the end of the file in which the last frame begins; a frame is a few kilobytes as a rule."""

_SYNC = re.compile(rb"\xff[\xf8\xf9]")


def declared_samples(stream: Source) -> int | None:
    """The number of samples that the head of a FLAC file declares, 0 if it is unknown; None for another file."""
    stream.seek(0)
    head = stream.read(42)
    if head[:4] != b"fLaC" or len(head) < 42:
        return None
    return int.from_bytes(head[18:26], "big") & (1 << 36) - 1


def reached_samples(stream: Source) -> int | None:
    """The end of the last frame in samples; None if no frame is found at the end of the file.

    Seldom, bytes that look like a frame are found; the caller compares with what decodes.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    block = int.from_bytes(stream.read(12)[8:10], "big")
    start = max(42, size - _TAIL)
    stream.seek(start)
    content = stream.read()
    ends = [_end(content[found.start() : found.start() + 16], block) for found in _SYNC.finditer(content)]
    return next((end for end in reversed(ends) if end is not None), None)


def _end(head: bytes, block: int) -> int | None:
    """Number of samples up to the end of the frame with this head; None if it is no head of a frame."""
    if len(head) < 16 or head[3] & 1 or head[2] >> 4 == 0 or head[2] & 15 == 15:
        return None
    number, used = _coded(head[4:11])
    if number is None:
        return None
    place = 4 + used
    code = head[2] >> 4
    if code in (6, 7):
        samples = int.from_bytes(head[place : place + code - 5], "big") + 1
        place += code - 5
    else:
        samples = 192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8
    place += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if place >= len(head) or _crc8(head[:place]) != head[place]:
        return None
    return (number if head[1] & 1 else number * block) + samples


def _coded(content: bytes) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes characters, up to 36 bits, and the number of its bytes."""
    lead = content[0]
    if lead < 0x80:
        return lead, 1
    used = 8 - (lead ^ 0xFF).bit_length()
    if used < 2 or used > 7 or any(byte >> 6 != 2 for byte in content[1:used]):
        return None, 0
    number = lead & (0x7F >> used)
    for byte in content[1:used]:
        number = number << 6 | byte & 63
    return number, used


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x107) if crc & 0x80 else crc << 1
    return crc
