"""The pages of an Ogg file, without their content."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.audio.window import Source

_HEAD = 27  # bytes before the table of segments


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        position: its offset.
        length: its length in bytes, as its head declares it.
        first: whether it begins a stream.
        last: whether it ends a stream.
    """

    position: int
    length: int
    first: bool
    last: bool


def pages(stream: Source) -> Iterator[Page]:
    """The pages from the start of the file to its end, or to the first place without a page."""
    position = 0
    while True:
        stream.seek(position)
        head = stream.read(_HEAD)
        if len(head) < _HEAD or head[:4] != b"OggS":
            return
        table = stream.read(head[26])
        length = _HEAD + len(table) + sum(table)
        yield Page(position, length, bool(head[5] & 2), bool(head[5] & 4))
        position += length


def cut_short(stream: Source) -> str | None:
    """The sign by which an Ogg file shows that its end is missing; None if its end is there."""
    size = stream.seek(0, io.SEEK_END)
    page = None
    for page in pages(stream):  # noqa: B007 (the last one)
        pass
    if page is None or page.position + page.length < size:
        return None  # something else follows, which is no sign of an end that is missing
    if page.position + page.length > size:
        held = size - page.position
        return f"its last Ogg page declares {page.length} bytes and {held} follow, so its end is missing"
    return None if page.last else "its last Ogg page declares that more follow, so its end is missing"
