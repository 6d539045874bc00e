"""The frames of an MPEG audio file (MP3, MP2), without decoding them.

An encoder writes the number of frames into an empty first frame, with the mark `Xing` or `Info`. libsndfile trusts
that number: it stops there, whatever follows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.audio.window import Source, Window

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_BITRATES = {  # kbit/s by (MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_LOST = 1 << 16
"""Bytes that are searched for the next frame when a frame does not follow the one before."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        position: its offset.
        length: its length in bytes, as its head declares it.
        layer: 1, 2 or 3.
        samples: number of samples of each channel.
        rate: sampling rate in Hz.
        info: offset of the mark `Xing` or `Info` in the file; None in a frame of sound.
        gapless: whether the frame with that mark also states how much silence the encoder added.
        declared: number of frames that the mark declares; None if it does not.
        start: offset of the tags before it, or its own.
        mono: whether it has one channel; the others have two.
    """

    position: int
    length: int
    layer: int
    samples: int
    rate: int
    mono: bool
    info: int | None = None
    gapless: bool = False
    declared: int | None = None
    start: int = 0


@dataclass(frozen=True)
class Counted:
    """What a file of one MPEG recording declares and holds.

    Attributes:
        info: its first frame, if it carries the mark `Xing` or `Info`.
        held: number of complete frames of sound.
        layer: 1, 2 or 3.
        samples: number of samples in a frame.
        rate: sampling rate in Hz.
        missing: description of an incomplete last frame, else None.
    """

    info: Frame | None
    held: int
    layer: int
    samples: int
    rate: int
    missing: str | None

    @property
    def declares(self) -> bool:
        """Whether the first frame declares how many follow."""
        return self.info is not None and self.info.declared is not None

    @property
    def declared_samples(self) -> int | None:
        """The number of samples that the first frame declares, the coder's delay included; None if it does not."""
        return None if self.info is None or self.info.declared is None else self.info.declared * self.samples

    @property
    def held_samples(self) -> int:
        """The number of samples of the complete frames, the coder's delay included."""
        return self.held * self.samples

    @property
    def is_cut(self) -> bool:
        """Whether frames are missing; some encoders count the first one, which has no sound."""
        declared = None if self.info is None else self.info.declared
        return declared is not None and self.held < declared - 1


def frames(stream: Source) -> Iterator[Frame]:
    """The frames of a file, from the first to the last; none if the file is no MPEG audio.

    The last one may reach beyond the end of the file. Tags before and between frames are skipped.
    """
    start, position = 0, after_tag(stream, 0)
    trusted = False
    while True:
        frame = _frame(stream, position)
        # At first, and after a gap, another frame must follow at once: two bytes are easily found by chance.
        if frame is None or not (trusted or _follows(stream, frame)):
            trusted = False
            found = _search(stream, position) if position else None
            if found is None:
                return
            position = found
            continue
        trusted = True
        yield replace(frame, start=start)
        start = position + frame.length
        position = after_tag(stream, start)


def count(stream: Source) -> Counted | None:
    """Count the frames of a file of one recording; None if it is no MPEG audio."""
    size = stream.seek(0, io.SEEK_END)
    info, held, layer, samples, rate, missing = None, 0, 3, 0, 0, None
    for frame in frames(stream):
        if frame.info is not None and not held:
            info = frame
            continue
        layer, samples, rate = frame.layer, frame.samples, frame.rate
        if frame.position + frame.length > size:
            missing = f"its last frame declares {frame.length} bytes and {size - frame.position} follow"
        else:
            held += 1
    return Counted(info, held, layer, samples, rate, missing) if held else None


def _follows(stream: Source, frame: Frame) -> bool:
    size = stream.seek(0, io.SEEK_END)
    after = frame.position + frame.length
    return after >= size or _frame(stream, after_tag(stream, after)) is not None


def _search(stream: Source, position: int) -> int | None:
    stream.seek(position)
    content = stream.read(_LOST)
    place = content.find(b"\xff", 1)
    while place >= 0:
        frame = _frame(stream, position + place)
        if frame is not None and _follows(stream, frame):
            return position + place
        place = content.find(b"\xff", place + 1)
    return None


def after_tag(stream: Source, position: int) -> int:
    """The offset after an ID3 tag at `position`, or `position` itself."""
    stream.seek(position)
    head = stream.read(10)
    if head[:3] == b"TAG":
        return after_tag(stream, position + 128)
    if len(head) == 10 and head[:3] == b"ID3" and all(byte < 128 for byte in head[6:]):
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return after_tag(stream, position + 10 + length + (10 if head[5] & 16 else 0))
    return position


def _frame(stream: Source, position: int) -> Frame | None:
    stream.seek(position)
    head = stream.read(64)
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    newest = version == 3
    kbits, hertz, padding = _BITRATES[newest, layer][bitrate - 1], _RATES[version][rate], head[2] >> 1 & 1
    if layer == 1:
        samples, length = 384, (12_000 * kbits // hertz + padding) * 4
    else:
        samples = 1152 if newest or layer == 2 else 576
        length = samples * 125 * kbits // hertz + padding
    if length < 24:
        return None
    mono = head[3] >> 6 == 3
    if layer != 3:
        return Frame(position, length, layer, samples, hertz, mono)
    mark = 4 + ((17 if mono else 32) if newest else (9 if mono else 17))
    if head[mark : mark + 4] not in (b"Xing", b"Info") or any(head[4:mark]):
        return Frame(position, length, layer, samples, hertz, mono)
    flags = int.from_bytes(head[mark + 4 : mark + 8], "big")
    declared = int.from_bytes(head[mark + 8 : mark + 12], "big") if flags & 1 else None
    # Behind it: the number of frames, of bytes, a table of 100 bytes, a quality; each only if its flag is set.
    behind = sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1)
    stream.seek(position + mark + 8 + behind)
    gapless = stream.read(4) in (b"LAME", b"Lavf", b"Lavc", b"L3.9")
    return Frame(position, length, layer, samples, hertz, mono, position + mark, gapless, declared)


def repaired(stream: Source, counted: Counted) -> Window | None:
    """The file with the number of frames that it holds, if it declares fewer; None if there is nothing to repair."""
    info = counted.info
    if info is None or info.info is None or info.declared is None or info.declared >= counted.held:
        return None
    size = stream.seek(0, io.SEEK_END)
    return Window(stream, 0, size, {info.info + 8: counted.held.to_bytes(4, "big")})
