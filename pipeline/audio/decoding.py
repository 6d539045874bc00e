"""Any recording as mono float32 samples at 16 kHz on the int16 scale, as Kaldi reads audio.

WAV, FLAC and the other formats of libsndfile are read by soundfile; AVI and all other formats by PyAV (FFmpeg), which
decodes the audio track only. PyAV also reads files that libsndfile opens but cannot read. The format is detected from
the content, never from the end of the file's name. The decoded length is compared with the length in the header and
with the bytes that follow; the longer reading is taken, and a note says so.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
import soundfile

from pipeline.audio.channels import Levels, mix
from pipeline.audio.ffmpeg import opened_by_ffmpeg, unreadable
from pipeline.audio.frames import WINDOW, resampled_length
from pipeline.audio.headers import Header, read_header, repaired
from pipeline.audio.impostors import SNIFFED, impostor
from pipeline.audio.joined import parts
from pipeline.audio.libsndfile import NotReadError, opened_by_libsndfile, sound_file
from pipeline.audio.recording import (
    DENIED,
    FULL_SCALE,
    GONE,
    AudioError,
    Examined,
    Loaded,
    Note,
    Probe,
    Samples,
    Streamed,
    Surveyed,
)
from pipeline.audio.resampling import resample
from pipeline.audio.track import Track
from pipeline.audio.window import Source, Window
from pipeline.core.errors import OPEN_FILES
from pipeline.core.wording import enumerated

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
"""Hz; no recorder writes a rate outside these limits, so a header with one is damaged."""

# Bytes for each sample of one channel, of the codings whose number of samples follows from the number of bytes.
SAMPLE_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ALAW": 1, "ULAW": 1}


LOUDEST = 1e15
"""Largest absolute sample on the int16 scale whose power spectrum is finite in float32, with room to spare."""

Result = TypeVar("Result")


def probe(path: Path) -> Probe:
    """The size of a recording: from the header of an uncompressed one if it agrees with the file, else by decoding.

    Raises:
        AudioError: the file is unreadable.
    """
    return _header_size(path) or survey(path).probe


def survey(path: Path) -> Surveyed:
    """The size of a recording, and what a user should know about it; it is decoded unless its header settles both.

    Raises:
        AudioError: the file is unreadable.
    """
    if (size := _header_size(path)) is not None and size.channels == 1:
        return Surveyed(size)
    size, _, checks, notes = _pass(path, _exhaust, None)
    return Surveyed(size, (*notes, *checks.levels.notes()))


def _header_size(path: Path) -> Probe | None:
    try:
        with _opened_file(path) as stream:
            header = read_header(stream)
            if header is None or not header.trusted:
                return None
            with sound_file(repaired(stream, header)) as sound:
                frames, rate, channels, subtype = sound.frames, sound.samplerate, sound.channels, sound.subtype
    except (OSError, soundfile.SoundFileError):
        return None
    width = SAMPLE_BYTES.get(subtype)
    if width is None or frames != header.samples // (width * channels) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        return None
    return Probe(frames, rate, channels)


def examine(path: Path) -> Examined:
    """Decode a recording block by block and check it.

    Raises:
        AudioError: the recording is unreadable, too short (under 25 ms), not finite, or silent (one constant value).
    """
    return Examined(*_decode(path, _digest))


def load(path: Path) -> Samples:
    """Load a recording as mono samples at 16 kHz.

    Returns:
        Samples, shape (resampled_length(N, rate),), float32 on the int16 scale from -32768 to 32767, which
        floating-point files may exceed.

    Raises:
        AudioError: the recording is unreadable, too short (under 25 ms), not finite, or silent (one constant value).
    """
    return _decode(path, _at_16_khz)[1]


def load_or_stream(path: Path, most: int) -> Loaded | Streamed:
    """Load a recording that has at most `most` samples at 16 kHz; decode a longer one block by block.

    A longer recording is decoded once to check it and to choose its channel, and again when its blocks are taken, so
    memory does not grow with its length.

    Raises:
        AudioError: as `load`.
    """

    def up_to(blocks: Iterator[Samples], sample_rate: int) -> Samples:
        return _at_16_khz(_counted(blocks, most, sample_rate), sample_rate)

    try:
        probe, samples, notes = _decode(path, up_to)
    except _TooLongError:
        probe, channel, notes = _decode_channel(path)
        length = resampled_length(probe.num_samples, probe.sample_rate)
        return Streamed(length, notes, probe, lambda: _mono_at_16_khz(path, channel))
    return Loaded(samples, notes, probe)


class _TooLongError(Exception):
    """A recording has more samples than are to be held in memory."""


def _counted(blocks: Iterator[Samples], most: int, sample_rate: int) -> Iterator[Samples]:
    taken = 0
    for block in blocks:
        taken += len(block)
        if resampled_length(taken, sample_rate) > most:
            raise _TooLongError
        yield block


def _mono_at_16_khz(path: Path, channel: int | None) -> Iterator[Samples]:
    """The samples at 16 kHz of a recording that was checked before, block by block."""
    with _opened(path) as track:
        yield from resample((mix(block, channel) for block in track.blocks), track.sample_rate)


def _decode_channel(path: Path) -> tuple[Probe, int | None, tuple[Note, ...]]:
    """Decode a recording without keeping it; its size, the channel to take (None: the mean of all), and its notes."""
    size, _, checks, notes = _pass(path, _exhaust, None)
    channel = checks.levels.instead() if checks.finite else None
    if channel is not None:
        size, _, alone, notes = _pass(path, _exhaust, channel)
        alone.levels = checks.levels
        checks = alone
    checks.refuse(size, notes)
    return size, channel, (*notes, *checks.levels.notes())


def _exhaust(blocks: Iterator[Samples], sample_rate: int) -> None:
    for _ in blocks:
        pass


def _digest(blocks: Iterator[Samples], sample_rate: int) -> str:
    found = hashlib.sha256()
    for mono in blocks:
        found.update(mono.data)
    found.update(str(sample_rate).encode())
    return found.hexdigest()


def _at_16_khz(blocks: Iterator[Samples], sample_rate: int) -> Samples:
    pieces = deque(resample(blocks, sample_rate))
    samples = np.empty(sum(map(len, pieces)), np.float32)
    end = 0
    while pieces:
        # Each piece is freed when it is copied, so that a long recording is not in memory twice.
        piece = pieces.popleft()
        samples[end : end + len(piece)] = piece
        end += len(piece)
    return samples


def _decode(path: Path, use: Callable[[Iterator[Samples], int], Result]) -> tuple[Probe, Result, tuple[Note, ...]]:
    """Decode a recording, check it, and give its mono blocks and its rate to `use`.

    Returns:
        The size of the recording, what `use` made of it, and what a user should know.
    """
    size, result, checks, notes = _pass(path, use, None)
    if (channel := checks.levels.instead()) is not None and checks.finite:
        size, result, again, notes = _pass(path, use, channel)
        again.levels = checks.levels
        checks = again
    checks.refuse(size, notes)
    return size, result, (*notes, *checks.levels.notes())


def _pass(
    path: Path, use: Callable[[Iterator[Samples], int], Result], channel: int | None
) -> tuple[Probe, Result, _Checks, list[Note]]:
    """Decode a recording once, taking one channel or the mean of all."""
    with _opened(path) as track:
        checks = _Checks(Levels(track.channels, track.sample_rate))
        result = use(checks.mono(track.blocks, channel), track.sample_rate)
        return Probe(checks.num_samples, track.sample_rate, track.channels), result, checks, track.notes


class _Checks:
    """What is counted and compared while the blocks of a recording pass."""

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        self.num_samples = 0
        self.finite = True
        self._least, self._greatest = np.inf, -np.inf

    def mono(self, blocks: Iterator[Samples], channel: int | None) -> Iterator[Samples]:
        """The mono blocks of blocks of several channels."""
        for block in blocks:
            mono = mix(block, channel)
            self.num_samples += len(mono)
            least, greatest = mono.min(), mono.max()
            self.finite = self.finite and bool(np.isfinite(least) and np.isfinite(greatest))
            self._least, self._greatest = min(self._least, least), max(self._greatest, greatest)
            if channel is None and self.finite:
                self.levels.add(block, mono)
            yield mono

    def refuse(self, size: Probe, notes: list[Note]) -> None:
        """Raise the reason why the recording cannot be used, if there is one."""
        # A spectrum needs at least one window.
        if resampled_length(size.num_samples, size.sample_rate) < WINDOW:
            milliseconds = 1000 * size.duration_s
            length = f"{milliseconds:.1f} ms, a window is 25 ms" if size.num_samples else "empty"
            notes_of_length = "".join(f"; {note.text}" for note in notes if note.kind == "length")
            raise AudioError(f"too short: {length}{notes_of_length}")
        if not self.finite:
            raise AudioError("not finite")
        if (loudest := max(-self._least, self._greatest)) > LOUDEST:
            raise AudioError(
                f"not finite: a sample of {loudest / FULL_SCALE:.3g} times full scale has no finite spectrum"
            )
        if self._least == self._greatest:
            raise AudioError("silent" if self._least == 0 else f"silent: every sample is {self._least:g}")


def _opened_file(path: Path) -> FileIO:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        raise AudioError("unreadable: not a regular file")
    # Unbuffered, so that the descriptor is at our position when libsndfile reads from it.
    return path.open("rb", buffering=0)


@contextmanager
def _opened(path: Path) -> Iterator[Track]:
    """Open a file that holds one recording, or several joined ones."""
    try:
        with _opened_file(path) as stream, ExitStack() as stack:
            start = stream.read(SNIFFED)
            if not start:
                raise AudioError("unreadable: the file is empty")
            if (found := impostor(start)) is not None:
                raise AudioError(f"unreadable: {found}")
            header = read_header(stream)
            places = parts(stream, header)
            if len(places) == 1 and places[0][0] == 0:
                yield _check_format(_opened_part(stack, stream, header))
                return
            windows = [Window(stream, *place) for place in places]
            tracks = [_check_format(_opened_part(stack, window, read_header(window))) for window in windows]
            yield _chained(tracks) if len(tracks) > 1 else tracks[0]
    except av.FFmpegError as error:
        # First, since some are of the system's kinds of errors too, and say nothing about the file's permissions.
        if isinstance(error, av.InvalidDataError):
            raise AudioError(unreadable(error)) from None
        raise AudioError(
            f"unreadable: FFmpeg could not read it to its end ({error.strerror}), so it is probably damaged"
        ) from None
    except FileNotFoundError:
        raise AudioError(f"unreadable: {GONE}") from None
    except PermissionError:
        raise AudioError(f"unreadable: {DENIED}") from None
    except (OSError, soundfile.SoundFileError) as error:
        if getattr(error, "errno", None) in OPEN_FILES:
            raise
        raise AudioError(unreadable(error)) from None


def _opened_part(stack: ExitStack, stream: Source, header: Header | None) -> Track:
    """Open one recording with libsndfile, or with FFmpeg if libsndfile cannot read it."""
    try:
        track = stack.enter_context(opened_by_libsndfile(stream, header))
        return replace(track, blocks=_completed(stack, stream, track))
    except NotReadError as error:
        return stack.enter_context(opened_by_ffmpeg(stream, str(error), error.declared, error.notes))


def _completed(stack: ExitStack, stream: Source, track: Track) -> Iterator[Samples]:
    """The blocks of libsndfile's track; where it fails on the way, FFmpeg goes on from there."""
    held = 0
    try:
        for block in track.blocks:
            held += len(block)
            yield block
    except NotReadError as error:
        rest = stack.enter_context(opened_by_ffmpeg(stream, str(error), error.declared))
        if (rest.sample_rate, rest.channels) != (track.sample_rate, track.channels):
            raise AudioError(unreadable(error)) from None
        for block in rest.blocks:
            known, held = min(held, len(block)), max(0, held - len(block))
            if known < len(block):
                yield block[known:]
        track.notes.extend(rest.notes)


def _check_format(track: Track) -> Track:
    if not LOWEST_RATE <= track.sample_rate <= HIGHEST_RATE or track.channels < 1:
        raise AudioError(f"unreadable: {track.sample_rate} Hz in {track.channels} channels")
    return track


def _chained(tracks: list[Track]) -> Track:
    """Joined recordings as one."""
    formats = [(track.sample_rate, track.channels) for track in tracks]
    if len(set(formats)) > 1:
        different = ", ".join(f"{rate} Hz in {channels}" for rate, channels in dict.fromkeys(formats))
        raise AudioError(
            f"unreadable: it holds {len(tracks)} joined recordings of different rates or channels ({different}); "
            "separate them"
        )
    notes: list[Note] = []

    def blocks() -> Iterator[Samples]:
        held = []
        for track in tracks:
            held.append(0)
            for block in track.blocks:
                held[-1] += len(block)
                yield block
        text = f"it holds {len(tracks)} joined recordings, of {enumerated(map(str, held))} samples, and all are read"
        notes.append(Note("length", text))
        for track in tracks:
            notes.extend(note for note in track.notes if note not in notes)

    return Track(*formats[0], blocks(), notes)
