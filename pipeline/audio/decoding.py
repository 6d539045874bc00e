"""Any recording as mono float32 samples at 16 kHz on the int16 scale, as Kaldi reads audio.

WAV, FLAC and the other formats of libsndfile are read by soundfile; AVI and all other formats by PyAV (FFmpeg), which
decodes the audio track only. The format is detected from the content, never from the end of the file's name.

Resampling is `scipy.signal.resample_poly` with its default filter: it works for any pair of rates, gives exactly
ceil(16000 N / rate) samples, and suppresses aliases better than torchaudio's default (at 9 kHz: -31 dB against -17 dB).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, FileIO
from itertools import chain
from math import gcd
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipeline.audio.frames import SAMPLE_RATE, WINDOW, resampled_length
from pipeline.audio.wav_header import read_wav_header

FULL_SCALE = 32768.0
"""The value that 1.0 of a floating-point file becomes."""

LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000
"""Hz; a header with a rate outside these limits is damaged."""

BLOCK = 1 << 17
"""Number of samples of each channel decoded at a time, so that memory does not grow with an examined recording."""

# Containers of recordings. Playlists and other formats that refer to other files are not opened.
CONTAINERS = "avi,mov,mp4,m4a,matroska,webm,mpeg,mpegts,asf,ogg,mp3,aac,flac,wav,w64,aiff,au,caf,amr,flv"

# Bytes for each sample of one channel, of the codings whose number of samples follows from the number of bytes.
SAMPLE_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ALAW": 1, "ULAW": 1}

GONE, DENIED = "the file is gone", "permission denied"
"""Reasons why a file could not be opened although the recording itself may be good."""

Samples = NDArray[np.float32]


class AudioError(Exception):
    """A file that cannot serve as a recording.

    Attributes:
        reason: one of `tables.REASONS`; a detail may follow after a colon.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Probe:
    """The size of a recording on disk.

    Attributes:
        num_samples: number of samples of each channel.
        sample_rate: sampling rate in Hz.
        channels: number of channels.
    """

    num_samples: int
    sample_rate: int
    channels: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True)
class Examined:
    """A recording that was decoded completely and has no error.

    Attributes:
        probe: size of the recording.
        digest: SHA-256 of its rate and mono samples; the same sound in another coding has the same hash.
        note: description of what is wrong with the header of a file that could be read, else empty.
    """

    probe: Probe
    digest: str
    note: str


@dataclass(frozen=True)
class _Track:
    """An open recording: its blocks are (samples, channels), float32 on the int16 scale.

    `declared` is the number of samples that its container declares, or None.
    """

    sample_rate: int
    channels: int
    blocks: Iterator[Samples]
    note: str = ""
    declared: int | None = None


def probe(path: Path) -> Probe:
    """The size of a recording: from the header of an uncompressed WAV if it agrees with the file, else by decoding.

    Raises:
        AudioError: the file is unreadable.
    """
    if (size := _header_size(path)) is not None:
        return size
    with _opened(path) as track:
        return Probe(sum(len(block) for block in track.blocks), track.sample_rate, track.channels)


def _header_size(path: Path) -> Probe | None:
    try:
        with _opened_file(path) as stream:
            header = read_wav_header(stream)
            if header is None or not header.trusted:
                return None
            stream.seek(0)
            with _libsndfile(stream) as sound:
                frames, rate, channels, subtype = sound.frames, sound.samplerate, sound.channels, sound.subtype
    except (OSError, soundfile.SoundFileError):
        return None
    width = SAMPLE_BYTES.get(subtype)
    if width is None or frames != header.declared // (width * channels):
        return None
    return Probe(frames, rate, channels)


def examine(path: Path) -> Examined:
    """Decode a recording block by block and check it.

    Raises:
        AudioError: the recording is unreadable, too short (under 25 ms), not finite, or silent (one constant value).
    """
    digest = hashlib.sha256()
    size, note = _decode(path, lambda mono: digest.update(mono.data))
    digest.update(str(size.sample_rate).encode())
    return Examined(size, digest.hexdigest(), note)


def load(path: Path) -> Samples:
    """Load a recording as mono samples at 16 kHz.

    Returns:
        Samples, shape (resampled_length(N, rate),), float32 on the int16 scale from -32768 to 32767, which
        floating-point files may exceed.

    Raises:
        AudioError: the recording is unreadable, too short (under 25 ms), not finite, or silent (one constant value).
    """
    blocks: list[Samples] = []
    size, _ = _decode(path, blocks.append)
    mono = np.concatenate(blocks)
    if size.sample_rate == SAMPLE_RATE:
        return mono
    common = gcd(SAMPLE_RATE, size.sample_rate)
    resampled = resample_poly(mono, SAMPLE_RATE // common, size.sample_rate // common)
    return np.ascontiguousarray(resampled, dtype=np.float32)


def _decode(path: Path, take: Callable[[Samples], object]) -> tuple[Probe, str]:
    """Give each mono block to `take`; returns the size of the recording and a note (see `Examined`)."""
    num_samples = 0
    finite = True
    least, greatest = np.inf, -np.inf
    with _opened(path) as track:
        for block in track.blocks:
            mono = _averaged(block)
            num_samples += len(mono)
            finite = finite and bool(np.isfinite(mono).all())
            least, greatest = min(least, mono.min()), max(greatest, mono.max())
            take(mono)
    # A spectrum needs at least one window.
    if resampled_length(num_samples, track.sample_rate) < WINDOW:
        milliseconds = 1000 * num_samples / track.sample_rate
        raise AudioError(f"too short: {milliseconds:.1f} ms, a window is 25 ms" if num_samples else "too short: empty")
    if not finite:
        raise AudioError("not finite")
    if least == greatest:
        raise AudioError("silent" if least == 0 else f"silent: every sample is {least:g}")
    note = track.note
    if track.declared not in (None, num_samples):
        note = f"its container declares {track.declared} samples and holds {num_samples}"
    return Probe(num_samples, track.sample_rate, track.channels), note


def _averaged(block: Samples) -> Samples:
    channels = block.shape[1]
    if channels == 1:
        return np.ascontiguousarray(block[:, 0])
    # Column by column, which is much faster than a sum along the short axis.
    total = block[:, 0].copy()
    # The sum of opposite infinite samples is not a number; `_decode` reports it.
    with np.errstate(invalid="ignore", over="ignore"):
        for channel in range(1, channels):
            total += block[:, channel]
        return np.asarray(total / np.float32(channels), dtype=np.float32)


def _opened_file(path: Path) -> FileIO:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        raise AudioError("unreadable: not a regular file")
    # Unbuffered, so that the descriptor is at our position when libsndfile reads from it.
    return path.open("rb", buffering=0)


def _libsndfile(stream: FileIO | BytesIO) -> soundfile.SoundFile:
    # A descriptor instead of a name: soundfile concludes a format from some endings (`.raw`).
    if isinstance(stream, BytesIO):
        return soundfile.SoundFile(stream)
    return soundfile.SoundFile(stream.fileno(), closefd=False)


@contextmanager
def _opened(path: Path) -> Iterator[_Track]:
    """Open a recording with soundfile, or with PyAV if soundfile does not know the format."""
    try:
        with _opened_file(path) as stream:
            if not stream.read(1):
                raise AudioError("unreadable: the file is empty")
            stream.seek(0)
            header = read_wav_header(stream)
            stream.seek(0)
            repaired = BytesIO(header.repair(stream.read())) if header is not None and header.misleads else None
            try:
                sound = _libsndfile(repaired or stream)
            except soundfile.SoundFileError as error:
                stream.seek(0)
                with _opened_by_ffmpeg(stream, str(error)) as track:
                    yield _check_format(track)
                return
            with sound:
                note = header.note if header is not None else ""
                yield _check_format(_Track(sound.samplerate, sound.channels, _sound_blocks(sound), note))
    except (OSError, soundfile.SoundFileError, av.FFmpegError) as error:
        raise AudioError(_unreadable(error)) from None


def _check_format(track: _Track) -> _Track:
    if not LOWEST_RATE <= track.sample_rate <= HIGHEST_RATE or track.channels < 1:
        raise AudioError(f"unreadable: {track.sample_rate} Hz in {track.channels} channels")
    return track


def _sound_blocks(sound: soundfile.SoundFile) -> Iterator[Samples]:
    while len(block := sound.read(BLOCK, dtype="float32", always_2d=True)):
        with np.errstate(over="ignore"):
            block *= np.float32(FULL_SCALE)
        yield block


@contextmanager
def _opened_by_ffmpeg(stream: Any, first_error: str) -> Iterator[_Track]:
    # An open file instead of a name: FFmpeg would interpret `concat:...` or `http:...` as a protocol.
    try:
        container = av.open(stream, options={"format_whitelist": CONTAINERS})
    except (av.FFmpegError, OSError):
        raise AudioError(_unreadable(first_error)) from None
    with container:
        if not container.streams.audio:
            raise AudioError("unreadable: it has no audio track")
        track = container.streams.audio[0]
        if track.codec_context is None:
            raise AudioError("unreadable: the coding of its audio track is unknown")
        # Some codings state their rate in the first frame only.
        frames = container.decode(track)
        first = next(frames, None)
        codec = track.codec_context
        rate, channels = codec.sample_rate, codec.channels
        # `frames` is the number of samples in AVI with uncompressed sound; elsewhere that of packets, or 0.
        counted = container.format.name == "avi" and codec.name.startswith("pcm_") and track.frames
        blocks = _frame_blocks(frames if first is None else chain((first,), frames), rate, channels)
        yield _Track(rate, channels, blocks, declared=track.frames if counted else None)


def _frame_blocks(frames: Iterable[Any], rate: int, channels: int) -> Iterator[Samples]:
    for frame in frames:
        if frame.sample_rate != rate or frame.layout.nb_channels != channels:
            raise AudioError("unreadable: the rate or the channels change within the file")
        values = frame.to_ndarray()
        values = values.T if frame.format.is_planar else values.reshape(-1, channels)
        if len(values):
            yield _on_int16_scale(values)


def _on_int16_scale(values: NDArray[Any]) -> Samples:
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - np.float32(128)) * np.float32(256)
    with np.errstate(over="ignore"):
        scale = FULL_SCALE if values.dtype.kind == "f" else FULL_SCALE / 2.0 ** (8 * values.dtype.itemsize - 1)
        return values.astype(np.float32) * np.float32(scale)


def _unreadable(error: object) -> str:
    if isinstance(error, FileNotFoundError):
        return f"unreadable: {GONE}"
    if isinstance(error, PermissionError):
        return f"unreadable: {DENIED}"
    text = " ".join(str(getattr(error, "strerror", None) or error).rsplit(": ", 1)[-1].split()).rstrip(". ")
    # libsndfile reports for some files that it interprets as MP3 that they do not exist.
    return "unreadable: Format not recognised" if "not a regular file" in text else f"unreadable: {text}"
