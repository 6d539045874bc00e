"""Recordings that libsndfile decodes, with what their headers promise compared with what decodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

import numpy as np
import soundfile

from pipeline.audio import flac, mpeg, ogg
from pipeline.audio.headers import Header, repaired
from pipeline.audio.recording import FULL_SCALE, Note, Samples
from pipeline.audio.track import BLOCK, Track, length_note
from pipeline.audio.window import Source

CHECKED = frozenset(("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST", "FLAC", "OGG", "MP3", "MPEG", "HTK"))
"""Formats of libsndfile whose lengths are compared, here or (HTK) by itself; the others are of old programs."""

_UNKNOWN = 1 << 62
"""libsndfile's number of samples of a FLAC file that does not declare it is above this."""


MPEG_DELAYS = {1: ("MP1", 481), 2: ("MP2", 481), 3: ("MP3", 1105)}
"""Samples that encoder and decoder of each layer put before the sound, as the common encoders do."""


class NotReadError(Exception):
    """libsndfile does not know the format, or knows it and cannot decode the whole of it: FFmpeg is asked.

    Attributes:
        declared: number of samples that the header declares, None if unknown.
        notes: what was found already.
    """

    def __init__(self, reason: str, declared: int | None, notes: list[Note]) -> None:
        super().__init__(reason)
        self.declared, self.notes = declared, notes


def sound_file(stream: Source) -> soundfile.SoundFile:
    """Open a file or a window of one."""
    # A descriptor instead of a name: soundfile concludes a format from some endings (`.raw`).
    stream.seek(0)
    if isinstance(stream, FileIO):
        return soundfile.SoundFile(stream.fileno(), closefd=False)
    return soundfile.SoundFile(stream)


@contextmanager
def opened_by_libsndfile(stream: Source, header: Header | None) -> Iterator[Track]:
    """Open one recording.

    Args:
        stream: the file, or the window with this recording.
        header: its header, if it is uncompressed.

    Raises:
        NotReadError: libsndfile cannot read it; FFmpeg may.
    """
    source: Source = stream
    notes: list[Note] = []
    counted = None
    if header is not None:
        source = repaired(stream, header)
        if header.note:
            notes.append(Note("length", header.note))
    elif (counted := mpeg.count(stream)) is not None:
        source = mpeg.repaired(stream, counted) or stream
        notes += _mpeg_notes(counted)
    elif (missing := ogg.cut_short(stream)) is not None:
        notes.append(Note("length", missing))
    try:
        sound = sound_file(source)
    except soundfile.SoundFileError as error:
        raise NotReadError(str(error), None, notes) from None
    with sound:
        declared = sound.frames if header is None and 0 <= sound.frames < _UNKNOWN else None
        if counted is not None:
            # Without the mark of the encoder, libsndfile gives an estimate. A repaired mark is not the declared number.
            # For a cut file, libsndfile may give the number that the file still holds, and not the declared one.
            known = (
                counted.declares and source is stream and not (counted.is_cut and sound.frames <= counted.held_samples)
            )
            declared = declared if known else counted.declared_samples
        if sound.format == "FLAC" and (reached := flac.reached_samples(stream)) is not None:
            promised = flac.declared_samples(stream) or None
            if reached > (promised or 0):
                raise NotReadError("its frames hold more samples than its header declares", promised, notes)
            if isinstance(source, FileIO):
                # Looking into the file moved the descriptor, which libsndfile shares.
                sound.close()
                sound = sound_file(source)
        try:
            first = _read(sound)
        except soundfile.SoundFileError as error:
            raise NotReadError(str(error), declared, notes) from None
        if sound.format not in CHECKED:
            notes.append(Note("unchecked", f"{sound.format}, whose declared length is not compared with what it holds"))
        yield Track(sound.samplerate, sound.channels, _blocks(sound, first, declared, notes), notes)


def _read(sound: soundfile.SoundFile) -> Samples:
    block: Samples = sound.read(BLOCK, dtype="float32", always_2d=True)
    with np.errstate(over="ignore"):
        block *= np.float32(FULL_SCALE)
    return block


def _blocks(sound: soundfile.SoundFile, first: Samples, declared: int | None, notes: list[Note]) -> Iterator[Samples]:
    held, block = 0, first
    while len(block):
        held += len(block)
        yield block
        try:
            block = _read(sound)
        except soundfile.SoundFileError as error:
            raise NotReadError(str(error), declared, notes) from None
    if declared is not None and declared != held:
        notes.append(length_note(declared, held))


def _mpeg_notes(counted: mpeg.Counted) -> Iterator[Note]:
    if counted.missing and not counted.declares:
        yield Note("length", f"{counted.missing}, so its end is missing")
    if counted.info is None or not counted.info.gapless:
        coding, delay = MPEG_DELAYS[counted.layer]
        yield delay_note(coding, delay, counted.rate)


def delay_note(coding: str, samples: int, rate: int) -> Note:
    """The note of a track that does not say how much silence its coder put before the sound."""
    late = f"about {1000 * samples / rate:.0f} ms late"
    return Note("delay", f"{coding} that does not state its coder's delay, so that the sound begins {late}")
