"""Recordings that FFmpeg decodes: the first audio track of videos, and formats that libsndfile does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import av
import numpy as np
from av.codec.context import Flags2
from numpy.typing import NDArray

from pipeline.audio.libsndfile import MPEG_DELAYS, delay_note
from pipeline.audio.packets import cut_short
from pipeline.audio.recording import FULL_SCALE, AudioError, Note, Samples
from pipeline.audio.track import Track, length_note
from pipeline.audio.window import Source

# Containers of recordings. Playlists and other formats that refer to other files are not opened.
CONTAINERS = (
    "avi,mov,mp4,m4a,matroska,webm,mpeg,mpegts,asf,ogg,mp3,aac,ac3,eac3,flac,wav,w64,aiff,au,caf,amr,flv,wv,tta,ape,"
    "nistsphere"
)

AVI_UNKNOWN = 1 << 30
"""The length that FFmpeg writes into the head of an AVI file as long as it does not know the real one."""

COUNTED = frozenset(("mov,mp4,m4a,3gp,3g2,mj2", "wv", "tta", "ape", "caf", "w64", "aiff"))
"""Containers that state the length of a track; elsewhere FFmpeg's number is an estimate, or that of the video."""

TOLERANCE_S = 0.1
"""Lengths of compressed tracks are stated in whole packets or with the coder's delay."""

DELAYS = {"mp3float": MPEG_DELAYS[3], "mp3": MPEG_DELAYS[3], "mp2float": MPEG_DELAYS[2], "mp2": MPEG_DELAYS[2],
          "aac": ("AAC", 2112), "ac3": ("AC-3", 256)}  # fmt: skip
"""Samples that these codings put before the sound: encoder and decoder together, as the common encoders do."""

STATES_DELAY = frozenset(("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mp3"))
"""Containers that may state the delay, which FFmpeg then removes."""


@contextmanager
def opened_by_ffmpeg(
    stream: Source, first_error: str, promised: int | None = None, found: Iterable[Note] = ()
) -> Iterator[Track]:
    """Open the first audio track of a file.

    Args:
        stream: the open file, or a window of one.
        first_error: why libsndfile did not read it, which is reported if FFmpeg does not know it either.
        promised: number of samples that the header declares, None if unknown.
        found: what is known about the recording already.

    Raises:
        AudioError: the file cannot be opened, or has no audio track.
    """
    missing = cut_short(stream)
    notes = list(found)
    refused = AudioError("; ".join((unreadable(first_error), *(note.text for note in notes))))
    stream.seek(0)
    # An open file instead of a name: FFmpeg would interpret `concat:...` or `http:...` as a protocol.
    try:
        container = av.open(stream, options={"format_whitelist": CONTAINERS}, metadata_errors="replace")
    except (av.FFmpegError, OSError):
        raise (AudioError(stopped) if (stopped := _without_index(stream)) else refused) from None
    with container:
        if not container.streams.audio:
            raise AudioError("unreadable: it has no audio track")
        track = container.streams.audio[0]
        if track.codec_context is None:
            raise AudioError("unreadable: the coding of its audio track is unknown")
        if container.format.name == "caf" and track.codec_context.name == "alac":
            # The last frame knows its own length, and FFmpeg would cut it a second time.
            track.codec_context.flags2 |= Flags2.skip_manual
        # Some codings state their rate in the first frame only.
        frames = _decoded(container, track, notes)
        try:
            first = next(frames, None)
        except av.InvalidDataError:
            raise
        except av.FFmpegError:
            # FFmpeg's words for a wrong header are "Invalid argument" and the like; libsndfile's name the mistake.
            raise refused from None
        codec = track.codec_context
        rate, channels = codec.sample_rate, codec.channels
        if codec.name in DELAYS and container.format.name not in STATES_DELAY and rate:
            notes.append(delay_note(*DELAYS[codec.name], rate))
        declared, tolerance = (promised, 0) if promised is not None else _declared(container, track, rate)
        blocks = _blocks(frames if first is None else chain((first,), frames), rate, channels)
        yield Track(rate, channels, _counting(blocks, declared, tolerance, missing, notes), notes)


def _declared(container: Any, track: Any, rate: int) -> tuple[int | None, int]:
    """The number of samples that a container states, and the difference that is no sign of a mistake."""
    name = container.format.name
    if name == "avi":
        # Its head states a number of samples or packets; `duration` is an estimate where the index is missing.
        tolerance = 0 if track.codec_context.name.startswith("pcm_") else int(TOLERANCE_S * rate)
        known = 0 < track.frames < AVI_UNKNOWN
        return (round(track.frames * track.time_base * rate) if known else None), tolerance
    if name in COUNTED and track.duration:
        tolerance = 0 if name in ("wv", "tta", "ape") else int(TOLERANCE_S * rate)
        return round(track.duration * track.time_base * rate), tolerance
    if stated := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", track.metadata.get("DURATION", "")):  # Matroska
        hours, minutes, seconds = map(float, stated.groups())
        return round((3600 * hours + 60 * minutes + seconds) * rate), int(TOLERANCE_S * rate)
    if len(container.streams) == 1 and container.duration and name in ("matroska,webm", "asf", "flv"):
        return round(container.duration / av.time_base * rate), int(TOLERANCE_S * rate)
    return None, 0


def _decoded(container: Any, track: Any, notes: list[Note]) -> Iterator[Any]:
    """The frames of a track. A damaged packet at its end is a recording that was cut; elsewhere it is refused."""
    damaged: av.FFmpegError | None = None
    packets = container.demux(track)
    while True:
        try:
            if (packet := next(packets, None)) is None:
                break
        except av.InvalidDataError as error:
            damaged = damaged or error
            break
        try:
            frames = packet.decode()
        except (av.InvalidDataError, av.EOFError) as error:
            damaged = damaged or error
            continue
        if damaged is not None and frames and packet.dts is not None:
            raise damaged
        yield from frames
    if damaged is not None:
        notes.append(Note("length", "its last packet is not complete, so its end is missing"))


def _counting(
    blocks: Iterator[Samples], declared: int | None, tolerance: int, missing: str | None, notes: list[Note]
) -> Iterator[Samples]:
    held = 0
    for block in blocks:
        held += len(block)
        yield block
    if declared is not None and abs(declared - held) > tolerance:
        notes.append(length_note(declared, held))
    elif missing is not None and not any(note.kind == "length" for note in notes):
        notes.append(Note("length", missing))


def _blocks(frames: Iterable[Any], rate: int, channels: int) -> Iterator[Samples]:
    for frame in frames:
        if frame.sample_rate != rate or frame.layout.nb_channels != channels:
            raise AudioError("unreadable: the rate or the channels change within the file")
        try:
            values = frame.to_ndarray()
        except ValueError:
            raise AudioError(
                f"unreadable: samples of the kind {frame.format.name}; convert it to WAV or FLAC"
            ) from None
        values = values.T if frame.format.is_planar else values.reshape(-1, channels)
        if len(values):
            yield _on_int16_scale(values)


def _on_int16_scale(values: NDArray[Any]) -> Samples:
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - np.float32(128)) * np.float32(256)
    with np.errstate(over="ignore"):
        scale = FULL_SCALE if values.dtype.kind == "f" else FULL_SCALE / 2.0 ** (8 * values.dtype.itemsize - 1)
        return values.astype(np.float32) * np.float32(scale)


def _without_index(stream: Source) -> str | None:
    """The reason why MP4 or QuickTime cannot be opened; None for another file."""
    stream.seek(4)
    if stream.read(4) not in (b"ftyp", b"mdat", b"wide"):
        return None
    return (
        "unreadable: MP4 or QuickTime whose index (moov) is missing or damaged, as a download or recording that "
        "stopped leaves it; get it again"
    )


CLEARER = {
    # Some text is taken for MP3, and anything unknown for half a file of Sound Designer.
    "not a regular file": "Format not recognised",
    "bad resource fork": "Format not recognised",
    "SF_INFO struct incomplete": "its header declares an impossible rate or number of channels",
    "psf_fseek() failed": "its end is missing",
    "Unspecified internal error": "its header is damaged",
}
"""Messages of libsndfile about some files, and clearer words for them."""


def unreadable(error: object) -> str:
    """The reason "unreadable" with the detail of an error of libsndfile, FFmpeg or the system."""
    text = " ".join(str(getattr(error, "strerror", None) or error).rsplit(": ", 1)[-1].split()).rstrip(". ")
    return f"unreadable: {next((clear for said, clear in CLEARER.items() if said in text), text)}"
