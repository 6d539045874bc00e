"""Headers of uncompressed containers, and where the samples end if the length in the header is wrong.

WAV (RIFF, RIFX, RF64, BW64), W64, AIFF and CAF are chunks, each with its name and its length; AU and NIST have one
length only. If the length of the samples is too small, libsndfile would read only a part of the recording, without a
warning. If it is unknown or too large, libsndfile would read the chunks after the samples as samples.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

from pipeline.audio.impostors import SNIFFED, impostor
from pipeline.audio.window import Source, Window

TAIL = 1 << 16
"""Number of bytes at the end of a file that are searched for chunks after samples of unknown length."""

TRAILING_CHUNKS = re.compile(
    rb"LIST|id3 |ID3 |bext|iXML|cue |smpl|fact|PEAK|JUNK|junk|FLLR|PAD |NAME|AUTH|ANNO|MARK|INST|APPL|COMT|\(c\) "
    rb"|list\x2f\x91|fact\xf3\xac|info|strg|mark|uuid|free|umid|peak"
)
"""Chunks that programs write after the samples."""

_FARTHEST = 1 << 62
"""A position beyond the end of any file, to which the system can still seek; a damaged length may lead further."""

UNPACKED = (0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE)
"""Codings of WAV whose samples have a fixed number of bytes: integer, float, A-law, mu-law, extensible."""

AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Bytes of one sample of one channel, for each coding of AU that has a fixed number."""


@dataclass(frozen=True)
class Header:
    """The position of the samples in a file; lengths in bytes.

    Attributes:
        field: offset of the field that declares the length of the samples.
        form: format of that field for `struct`; empty if libsndfile does not use it.
        extra: number that the field counts beside the samples.
        declared: length of the samples that it declares, None if it says that the length is unknown.
        first: offset of the first sample.
        samples: length of the samples.
        present: length of the file from the first sample to its end.
        tidy: whether the samples are followed by nothing, or by chunks that end with the file.
        magic: first four bytes of the file. In a plain RIFF WAVE file, 0 stands for an unknown length too.
    """

    field: int
    form: str
    extra: int
    declared: int | None
    first: int
    samples: int
    present: int
    tidy: bool
    magic: bytes = b""

    @property
    def riff(self) -> bool:
        """Whether this is a plain RIFF WAVE file."""
        return self.magic == b"RIFF"

    @property
    def trusted(self) -> bool:
        """Whether the declared length agrees with the file."""
        return self.tidy and self.declared == self.samples

    @property
    def misleads(self) -> bool:
        """Whether a reader that trusts the length field would stop before or after the end of the samples."""
        if not self.form:
            return False
        if self.magic == b"BW64" or (self.declared is None and not self.riff):
            # libsndfile knows BW64 under its older name alone, and of the unknown lengths not each of each format.
            return True
        # For a length of 0, libsndfile reads no samples or treats it as unknown, depending on the rest of the header.
        # Other readers of libsndfile than that of RIFF refuse a length that reaches beyond the file.
        unknown = self.declared is None or (self.declared > self.present and self.riff)
        return self.samples != (self.present if unknown else self.declared) or self.declared == 0 < self.present

    @property
    def note(self) -> str:
        """Description of what is wrong with the length, else empty."""
        if self.trusted or self.declared is None or (self.riff and self.declared == 0):
            return ""
        follow = self.present if self.declared == self.samples else self.samples
        return f"its header declares {self.declared} bytes of samples and {follow} follow"

    @property
    def end(self) -> int:
        """Offset of the end of the samples."""
        return self.first + self.samples

    @property
    def patches(self) -> dict[int, bytes]:
        """The right length, by the offset of its field, and the name under which libsndfile knows the file."""
        named = {0: b"RF64"} if self.magic == b"BW64" else {}
        return {**named, self.field: struct.pack(self.form, self.samples + self.extra)}


@dataclass(frozen=True)
class _Family:
    """The way in which one kind of chunked files writes names and lengths.

    Attributes:
        length: format of a length for `struct`.
        name: bytes of a chunk's name.
        inclusive: whether a length counts the chunk's own head.
        pad: chunks begin at multiples of this number.
        start: offset of the first chunk.
        outer: offset of the length of the whole file, None if it has none.
        outer_extra: what is added to that length to get the end of the file.
        data: name of the chunk with the samples.
        inner: bytes in that chunk before the samples.
    """

    length: str
    name: int = 4
    inclusive: bool = False
    pad: int = 2
    start: int = 12
    outer: int | None = 4
    outer_extra: int = 8
    data: bytes = b"data"
    inner: int = 0

    @property
    def head(self) -> int:
        """Bytes of the head of a chunk."""
        return self.name + struct.calcsize(self.length)


_RIFF = _Family("<I")
_RIFX = _Family(">I")
_AIFF = _Family(">I", data=b"SSND", inner=8)
_CAF = _Family(">q", pad=1, start=8, outer=None, inner=4)
_W64 = _Family("<Q", name=16, inclusive=True, pad=8, start=40, outer=16, outer_extra=0)

TAGS = re.compile(rb"ID3|TAG|APETAGEX|LYRICSBEGIN|3DI|<\?xpacket")
"""The first bytes of tags that programs put behind the end of a file."""

FILES = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"riff", b"caff")
"""Beginnings of files, which are no chunks: a second recording is joined to the first."""


def repaired(stream: Source, header: Header) -> Source:
    """The file as a reader that trusts its header should see it."""
    return Window(stream, 0, header.end, header.patches) if header.misleads else stream


def _family(start: bytes) -> _Family | None:
    """The family of a file from its first 40 bytes."""
    if start[8:12] == b"WAVE" and start[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF
    if start[:4] == b"RIFX" and start[8:12] == b"WAVE":
        return _RIFX
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    if start[:4] == b"caff":
        return _CAF
    return _W64 if start[:4] == b"riff" and start[24:28] == b"wave" else None


def read_header(stream: Source) -> Header | None:
    """Read the header of an uncompressed container; None for any other file and for one without samples' chunk."""
    stream.seek(0)
    start = stream.read(40)
    if start[:4] in (b".snd", b"dns."):
        return _read_au(stream, start)
    if start[:7] == b"NIST_1A":
        return _read_nist(stream)
    family = _family(start)
    return None if family is None else _read_chunks(stream, start, family)


def _read_chunks(stream: Source, start: bytes, family: _Family) -> Header | None:
    size = stream.seek(0, io.SEEK_END)
    outer_end = _outer_end(start, family)
    position, frame = family.start, 1
    wide: int | None = None  # RF64: offset of the field of 64 bits that stands for one of 32
    while chunk := _chunk(stream, position, family):
        name, length = chunk
        first = position + family.head
        if name.startswith(family.data):
            field, form, extra = position + family.name, family.length, family.inner
            if family.inclusive:
                extra += family.head
            declared: int | None
            if wide is not None and length == 0xFFFFFFFF:
                field, form, declared = wide, "<Q", _wide(stream, wide)
                outer_end = 8 + _wide(stream, wide - 8)
            elif _is_unknown(length, family):
                declared = None
            else:
                declared = max(0, length - extra)
            first += family.inner
            samples, tidy = _samples(stream, first, declared, frame, outer_end, family)
            return Header(field, form, extra, declared, first, samples, max(0, size - first), tidy, start[:4])
        if name == b"ds64":
            wide = first + 8
        else:
            stream.seek(first)
            frame = _frame_bytes(name, stream.read(32), family.length[0]) or frame
        position = _after(position, length, family)
    return None


def _outer_end(start: bytes, family: _Family) -> int:
    """Where the file ends according to the length in its head; 0 if it states none."""
    if family.outer is None:
        return 0
    return int(struct.unpack_from(family.length, start, family.outer)[0]) + family.outer_extra


def _wide(stream: Source, position: int) -> int:
    stream.seek(position)
    return int.from_bytes(stream.read(8), "little")


def _is_unknown(length: int, family: _Family) -> bool:
    """Whether a length is one of those that programs write when they do not know it yet."""
    if struct.calcsize(family.length) == 4:
        return length in (0x7FFFF000, 0x7FFFFFFF, 0xFFFFF000, 0xFFFFFFFF)
    return length < 0 or length >= 1 << 62


def _frame_bytes(name: bytes, content: bytes, order: str) -> int:
    """Bytes of one sample of all channels, from the start of the chunk that describes them; 0 if it is another chunk.

    1 if that number is not fixed.
    """
    if name[:4] in (b"fmt ", b"fmt\xf3") and len(content) >= 16:
        coding, channels, bits = struct.unpack_from(f"{order}HH10xH", content)
        return max(1, channels * -(-bits // 8)) if coding in UNPACKED else 1
    if name == b"COMM" and len(content) >= 18:
        channels, bits = struct.unpack_from(">H4xH", content)
        packed = len(content) >= 22 and content[18:22] in (b"ima4", b"GSM ", b"ADP4", b"G722")
        return 1 if packed else max(1, channels * -(-bits // 8))
    if name == b"desc" and len(content) >= 32:
        packet, frames = struct.unpack_from(">II", content, 16)
        return int(packet) if packet and frames == 1 else 1
    return 0


def _samples(
    stream: Source, first: int, declared: int | None, frame: int, outer_end: int, family: _Family
) -> tuple[int, bool]:
    """The number of bytes of the samples, and whether only chunks follow them.

    Args:
        stream: the file.
        first: offset of the first sample.
        declared: length of the samples that the header declares; None if unknown.
        frame: number of bytes of one sample of all channels; the samples end with a complete one.
        outer_end: end of the file according to its outer length field.
        family: how chunks are written.
    """
    size = stream.seek(0, io.SEEK_END)
    if declared is not None:
        end = first + declared
        for after in dict.fromkeys((end, end + -end % family.pad)):
            if _only_chunks(stream, after, size, outer_end, family):
                return (declared if declared % frame == 0 else (after - first) // frame * frame), True
        # A killed writer leaves both lengths as they were when it last wrote them, and the samples go on. Other
        # programs put tags, pictures or zeros behind the end that both state.
        if declared and end <= size and outer_end in (end, end + -end % family.pad):
            stream.seek(end)
            rest = stream.read(1 << 20)
            if not any(rest) or TAGS.match(rest) or impostor(rest[:SNIFFED]) is not None:
                return declared, False
    return max(0, _end_before_chunks(stream, first, size, family) - first) // frame * frame, False


def _only_chunks(stream: Source, start: int, size: int, outer_end: int, family: _Family) -> bool:
    """Whether the file has nothing but chunks from `start` to its end, or nothing at all."""
    position = start
    while (chunk := _chunk(stream, position, family)) and all(32 <= byte < 127 for byte in chunk[0][:4]):
        if chunk[0][:4] in FILES or chunk[1] < (family.head if family.inclusive else 0):
            return False
        position = _after(position, chunk[1], family)
    # The last chunk may lack its padding.
    if start > size or not position - family.pad < size < position + family.head:
        return False
    # Zeros, fewer than the head of a chunk, are padding unless the outer length counts them as samples.
    stream.seek(position)
    return not any(stream.read()) and (position > start or size == start or outer_end <= start)


def _end_before_chunks(stream: Source, first: int, size: int, family: _Family) -> int:
    """Where the chunks at the end of the file begin when the lengths are wrong; the end of the file if it has none."""
    start = max(first, size - TAIL)
    stream.seek(start)
    for found in TRAILING_CHUNKS.finditer(stream.read()):
        after = start + found.start()
        if _only_chunks(stream, after, size, after, family):
            return after
    return size


def _chunk(stream: Source, position: int, family: _Family) -> tuple[bytes, int] | None:
    """Name and length of the chunk at `position`, None at the end of the file."""
    if position > _FARTHEST:
        return None
    stream.seek(position)
    head = stream.read(family.head)
    if len(head) < family.head:
        return None
    return head[: family.name], struct.unpack(family.length, head[family.name :])[0]


def _after(position: int, length: int, family: _Family) -> int:
    """Where the chunk after the one at `position` begins."""
    # A length that is unknown or too small for its own head would lead back: the chunk ends with the file.
    length = length if length >= 0 else 1 << 62
    whole = max(length, family.head) if family.inclusive else family.head + length
    return position + whole + -whole % family.pad


def _read_au(stream: Source, start: bytes) -> Header | None:
    order = ">" if start[:4] == b".snd" else "<"
    if len(start) < 24:
        return None
    first, declared, coding, _, channels = struct.unpack_from(f"{order}5I", start, 4)
    frame = max(1, AU_BYTES.get(coding, 1) * channels)
    present = max(0, stream.seek(0, io.SEEK_END) - first)
    known = None if declared == 0xFFFFFFFF else declared
    samples = present // frame * frame
    return Header(8, f"{order}I", 0, known, first, samples, present, known == samples)


def _read_nist(stream: Source) -> Header | None:
    """NIST Sphere, whose header is text; libsndfile reads to the end of the file whatever it declares."""
    stream.seek(0)
    text = stream.read(1024)
    size = re.match(rb"NIST_1A\n *(\d{1,9})\n", text)
    if size is None:
        return None
    first = int(size[1])
    stream.seek(0)
    text = stream.read(min(first, TAIL))
    numbers = {name: re.search(rb"%s -i (\d{1,18})\b" % name, text) for name in (
        b"channel_count", b"sample_n_bytes", b"sample_count")}  # fmt: skip
    coding = re.search(rb"sample_coding -s\d+ (\S+)", text)
    channels, width, count = (int(found[1]) if found else 0 for found in numbers.values())
    place = numbers[b"sample_count"]
    if not width or place is None or (coding and coding[1] not in (b"pcm", b"ulaw", b"mu-law", b"alaw")):
        return None
    frame = max(1, channels) * width
    present = max(0, stream.seek(0, io.SEEK_END) - first)
    samples = present // frame * frame
    return Header(place.start(1), "", 0, count * frame, first, samples, present, count * frame == samples)
