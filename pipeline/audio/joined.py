"""Recordings joined into one file (`cat a.mp3 b.mp3`, chained Ogg): where each of them begins.

libsndfile reads the first one only and does not say so.
"""

from __future__ import annotations

import io
import mmap
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from pipeline.audio.headers import Header
from pipeline.audio.mpeg import after_tag, frames
from pipeline.audio.ogg import pages
from pipeline.audio.window import Source

_FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_UNCOMPRESSED = {
    b"RIFF": re.compile(rb"RIFF....WAVE(?=fmt |JUNK|junk|bext|LIST|fact)", re.DOTALL),
    b"RIFX": re.compile(rb"RIFX....WAVE(?=fmt |JUNK|junk|bext|LIST|fact)", re.DOTALL),
    b"RF64": re.compile(rb"RF64....WAVEds64", re.DOTALL),
    b"BW64": re.compile(rb"BW64....WAVEds64", re.DOTALL),
    b"FORM": re.compile(rb"FORM....AIF[FC](?=COMM|FVER|COMT|NAME|AUTH|ANNO|MARK|INST|APPL|PEAK)", re.DOTALL),
    b"NIST": re.compile(rb"NIST_1A\n *\d+\n"),
    b"dns.": re.compile(rb"dns\.[\x14-\xff]\0\0\0.{4}[\x01-\x1b]\0\0\0..[\x00-\x0c]\0.\0\0\0", re.DOTALL),
    b"riff": re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb"),
    b"caff": re.compile(rb"caff\x00\x01\x00\x00desc"),
    b".snd": re.compile(rb"\.snd\0\0.{6}\0\0\0[\x01-\x1b]\0[\x00-\x0c]..\0\0\0", re.DOTALL),
}

_INITIAL = re.escape(bytes(byte for byte in range(256) if byte & 8))  # of the second byte of the flags of WavPack
_COMPRESSED = (
    re.compile(rb"TTA1[\x01\x02]\0[\x01-\x20]\0"),
    re.compile(rb"#!AMR(-WB)?\n"),
    re.compile(rb"FLV\x01[\x01\x04\x05]\0\0\0\x09"),
    re.compile(rb"wvpk.{12}\0\0\0\0.{4}.[" + _INITIAL + rb"]", re.DOTALL),
    re.compile(rb"\0\0\0[\x10-\x40]ftyp[ -~]{4}", re.DOTALL),
)
"""Beginnings of recordings of formats of which FFmpeg reads the first one only."""


def parts(stream: Source, header: Header | None) -> list[tuple[int, int]]:
    """Start and end of each recording in a file; one pair if it holds one. A tag (ID3) before FLAC does not count.

    Args:
        stream: the open file.
        header: its header, if it is uncompressed.
    """
    size = stream.seek(0, io.SEEK_END)
    starts: Iterable[int]
    first = after_tag(stream, 0)
    stream.seek(first)
    if stream.read(4) != b"fLaC":
        first = 0
    stream.seek(first)
    start = stream.read(40)
    magic = start[:4]
    if magic == b"OggS":
        starts = _ogg_starts(stream)
    elif magic == b"fLaC":
        starts = _matches(stream, _FLAC)
    elif (pattern := next((one for one in _COMPRESSED if one.match(start)), None)) is not None:
        starts = _matches(stream, pattern)
    elif header is not None:
        # A header that agrees with its file leaves no room for another recording.
        known = magic in _UNCOMPRESSED and not header.trusted
        starts = _matches(stream, _UNCOMPRESSED[magic]) if known else ()
    else:
        starts = _mpeg_starts(stream)
    ordered = [first, *(start for start in starts if start > first), size]
    return list(pairwise(ordered))


def _matches(stream: Source, pattern: re.Pattern[bytes]) -> Iterator[int]:
    try:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield from [found.start() for found in pattern.finditer(content)]
    except (OSError, ValueError):  # a file system without memory maps
        return


def _mpeg_starts(stream: Source) -> Iterator[int]:
    """Where an encoder put the mark of a first frame, or frames of another kind begin."""
    for before, frame in pairwise(frames(stream)):
        kinds = {(one.layer, one.rate, one.mono) for one in (before, frame)}
        if frame.info is not None or len(kinds) > 1:
            yield frame.start


def _ogg_starts(stream: Source) -> Iterator[int]:
    """Where the first pages of a stream follow pages of sound."""
    sound = False
    for page in pages(stream):
        if page.first and sound:
            yield page.position
        sound = not page.first
