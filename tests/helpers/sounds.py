"""Recordings of noise in any container, made in memory."""

from __future__ import annotations

import io

import av
import numpy as np
import soundfile

RATE = 16_000


def noise(samples: int = 48_000, seed: int = 1) -> np.ndarray:
    """(samples,) int16."""
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


def by_libsndfile(
    container: str, subtype: str | None = None, *, samples: np.ndarray | None = None, rate: int = RATE,
    endian: str | None = None,
) -> bytes:  # fmt: skip
    """A file as libsndfile writes it."""
    stream = io.BytesIO()
    soundfile.write(
        stream, noise() if samples is None else samples, rate, format=container, subtype=subtype, endian=endian
    )
    return stream.getvalue()


class _Pipe:
    """A stream that cannot seek, as a pipe to another program."""

    def __init__(self) -> None:
        self.content = io.BytesIO()

    def write(self, content: bytes) -> int:
        return self.content.write(content)


def by_ffmpeg(
    container: str, codec: str, *, samples: np.ndarray | None = None, rate: int = RATE, piped: bool = False,
    options: dict[str, str] | None = None,
) -> bytes:  # fmt: skip
    """A mono file as FFmpeg writes it, to a file or to a pipe."""
    samples = noise() if samples is None else samples
    pipe = _Pipe()
    with av.open(pipe if piped else pipe.content, "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.codec_context.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode())
    return pipe.content.getvalue()
