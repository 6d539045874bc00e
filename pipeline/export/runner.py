#!/usr/bin/env python3
"""Emotions of recordings with an exported model: `python run.py recording.wav ...` prints CSV.

This file, `model.onnx` and `config.json` are all that is needed, with the packages numpy, soundfile and onnxruntime. It
is also a module: `Model(folder).predict("recording.wav")`.

Recordings at other rates than 16 kHz are resampled by soxr where it is installed, which is what the model was trained
with; else by a filter of this file, whose last digits differ.
"""

import argparse
import csv
import hashlib
import io
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile

Array = np.ndarray[Any, Any]
RATE, WINDOW, SHIFT = 16000, 400, 160  # Hz; samples of a window and from one to the next
FORMAT = "shaking-emotions-export-1"
TOGETHER = 16  # segments at a time, so that memory is bounded by the recording itself
LONGEST = 6 * 3600  # s
CANCELLED, ALIKE = 10 ** (-20 / 10), 10 ** (-1 / 10)


class UnusableError(Exception):
    """A bundle or a recording cannot be used; the message says which and why."""


class Model:
    """An exported model.

    Attributes:
        classes: names of the classes, in the order of the probabilities.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self.config = _config(folder / "config.json")
        path = folder / "model.onnx"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UnusableError(f"{path} cannot be read: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != self.config["sha256"]:
            raise UnusableError(
                f"{path} is not the model that config.json describes (another SHA-256); export it again"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise UnusableError(f"{path} cannot be loaded: {error}") from None
        self.classes = tuple(self.config["classes"])

    def predict(self, recording: str | Path | Array) -> Array:
        """(classes,) probabilities of a recording: a path, or (samples,) at 16 kHz from -1 to 1."""
        probabilities: Array = self.segments(recording)[2].mean(axis=(0, 1))
        return probabilities

    def segments(self, recording: str | Path | Array) -> tuple[Array, Array, Array]:
        """Probabilities of the segments of a recording.

        Args:
            recording: a path, or (samples,) at 16 kHz from -1 to 1. Where the front end is not in the model: a path of
                an .npy with (rows, columns) features of one segment, or that array.

        Returns:
            (segments,) starts and (segments,) ends in seconds, and (segments, members, classes) probabilities.
        """
        if self.config["input"] == "features":
            features = np.asarray(_loaded(recording) if isinstance(recording, str | Path) else recording, np.float32)
            if features.ndim != 2 or features.shape[1] != self.config["dims"] or not len(features):
                raise UnusableError(f"features are {features.shape}; expected (rows, {self.config['dims']})")
            values = self._run(features, [(0, len(features))])
            return np.zeros(1), np.full(1, np.nan), values
        samples = load(recording) if isinstance(recording, str | Path) else np.asarray(recording, np.float32) * 32768
        if len(samples) < WINDOW:
            raise UnusableError(f"too short: {1000 * len(samples) / RATE:.1f} ms, a window is 25 ms")
        frames = 1 + (len(samples) - WINDOW) // SHIFT
        bounds = cut(frames, self.config["longest_segment"])
        reach, found = self.config["reach"], []
        size = len(bounds) if reach is None else TOGETHER
        for first in range(0, len(bounds), size):
            group = bounds[first : first + size]
            begin, end = 0, frames
            if reach is not None:
                begin = max(0, group[0][0] - reach)
                end = min(frames, max(start + length for start, length in group) + reach)
            part = samples[begin * SHIFT : (end - 1) * SHIFT + WINDOW]
            found.append(self._run(part, [(start - begin, length) for start, length in group]))
        starts = np.array([start * SHIFT / RATE for start, _ in bounds])
        ends = np.array([((start + length - 1) * SHIFT + WINDOW) / RATE for start, length in bounds])
        return starts, ends, np.concatenate(found)

    def _run(self, values: Array, bounds: Sequence[tuple[int, int]]) -> Array:
        inputs = {self.config["input"]: np.ascontiguousarray(values, np.float32), "bounds": np.array(bounds, np.int64)}
        members: Array = self._session.run(["members"], inputs)[0]
        if not np.isfinite(members).all():
            raise UnusableError("not finite: the model gives no finite probabilities for it")
        return members


def _config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if config["format"] != FORMAT:
            raise UnusableError(f"{path} has the format {str(config['format'])[:60]!r}; expected {FORMAT!r}")
        names, longest, reach, kind = (config[key] for key in ("classes", "longest_segment", "reach", "input"))
        good = (
            isinstance(names, list)
            and 1 < len(names) <= 1000
            and all(isinstance(one, str) and one.isprintable() for one in names)
            and isinstance(longest, int)
            and 0 < longest <= 10**6
            and (reach is None or (isinstance(reach, int) and 0 <= reach <= 1000))
            and kind in ("samples", "features")
            and isinstance(config["sha256"], str)
            and isinstance(config["dims"], int)
        )
    except UnusableError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnusableError(f"{path} cannot be read as the description of a model: {error!r}") from None
    if not good:
        raise UnusableError(f"{path} is damaged: a value in it is not what an export writes")
    return config


def cut(frames: int, longest: int) -> list[tuple[int, int]]:
    """(start, number of frames) of the fewest segments of `longest` frames that cover a recording, evenly spread."""
    if frames <= longest:
        return [(0, frames)]
    segments = -(-frames // longest)
    return [(k * (frames - longest) // (segments - 1), longest) for k in range(segments)]


def _loaded(path: str | Path) -> Array:
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except Exception as error:
        raise UnusableError(f"unreadable as .npy of numbers: {error}") from None


def load(path: str | Path) -> Array:
    """(samples,) of a recording: mono, float32, 16 kHz, from -32768 to 32767."""
    if not Path(path).exists():
        raise UnusableError("unreadable: there is no such file")
    if not Path(path).is_file():  # opening a pipe would wait for ever
        raise UnusableError("unreadable: not a regular file")
    # soundfile takes names that are not UTF-8 as bytes alone.
    name = os.fsencode(path) if any("\ud800" <= one <= "\udfff" for one in str(path)) else path
    try:
        with soundfile.SoundFile(name) as sound:
            rate = sound.samplerate
            if 0 <= LONGEST * rate < sound.frames < 2**62:
                raise UnusableError(f"longer than {LONGEST // 3600} hours; cut it into shorter recordings")
            channels = sound.read(dtype="float32", always_2d=True) * np.float32(32768)
    except (OSError, RuntimeError, TypeError) as error:
        raise UnusableError(f"unreadable: {error}") from None
    mono = mix(channels)
    if len(mono) * RATE < rate * WINDOW:
        raise UnusableError(f"too short: {1000 * len(mono) / rate:.1f} ms, a window is 25 ms")
    if not np.isfinite(mono).all():
        raise UnusableError("not finite")
    if mono.min() == mono.max():
        raise UnusableError("silent")
    return resample(mono, rate)


def mix(channels: Array) -> Array:
    """The mean of channels, or the strongest where they cancel each other."""
    if channels.shape[1] == 1:
        return channels[:, 0]
    mean: Array = channels.mean(axis=1, dtype=np.float32)
    levels = channels.var(axis=0, dtype=np.float64)
    if mean.var(dtype=np.float64) < CANCELLED * levels.max():
        return np.ascontiguousarray(channels[:, int(np.argmax(levels >= ALIKE * levels.max()))])
    return mean


def resample(samples: Array, rate: int) -> Array:
    """Samples at 16 kHz: ceil(16000 N / rate) of them."""
    if rate == RATE:
        return samples
    length = -(-len(samples) * RATE // rate)
    try:
        import soxr
    except ImportError:
        return _filtered(samples, rate, length)
    padded = np.concatenate([samples, np.zeros(2 + 2 * rate // RATE, np.float32)])
    resampled: Array = soxr.resample(padded, rate, RATE, quality="HQ")[:length]
    return resampled


def _filtered(samples: Array, rate: int, length: int) -> Array:
    """Resampling by the windowed sinc that soxr's HQ amounts to; numpy alone."""
    divisor = math.gcd(rate, RATE)
    up, down = RATE // divisor, rate // divisor
    scale = min(1.0, RATE / rate)
    # Cutoff, half the length in samples at the lower rate, and window, fitted to impulse responses of soxr 1.0: exact
    # for ratios of small numbers; else soxr has two filters in a row, of which one lowers high frequencies a little.
    lower = (0.0, 0.0)
    if down < 4 and max(up, down) < 5:
        cutoff, reach, beta = 0.95687183, {2: 97.265, 3: 96.833, 4: 97.05}[max(up, down)], 13.042
    elif up == 1:
        cutoff, reach, beta = 0.95687183, 101.5, 13.711
    else:
        cutoff, reach, beta, lower = 0.956865, 103.02, 14.06, (1.791e-3, -5.74e-4)
    half = math.ceil((reach + 1) / scale)  # input samples at each side
    padded = np.pad(samples.astype(np.float64), (half, half + down + 1))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    result = np.empty(length, np.float32)
    for phase in range(min(up, length)):
        whole, part = divmod(phase * down, up)
        time = (np.arange(-half, half + 1) - part / up) * scale
        taps = scale * (1 - 2 * sum(lower)) * _sinc(time, cutoff, reach, beta)
        for delay, share in zip((0.5, 1.0), lower, strict=True):
            for shifted in (time - delay, time + delay):
                taps += scale * share * _sinc(shifted, cutoff, reach, beta)
        count = -(-(length - phase) // up)
        chosen = windows[whole : whole + (count - 1) * down + 1 : down]
        for begin in range(0, count, 4096):
            result[phase + begin * up :: up][: len(chosen[begin : begin + 4096])] = chosen[begin : begin + 4096] @ taps
    return result


def _sinc(time: Array, cutoff: float, reach: float, beta: float) -> Array:
    inside = np.clip(1 - (time / reach) ** 2, 0, None)
    values: Array = cutoff * np.sinc(cutoff * time) * np.i0(beta * np.sqrt(inside)) * (inside > 0) / np.i0(beta)
    return values


def main() -> int:
    """Print a row for each recording or segment; the exit status is 1 if one cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "recordings", nargs="+", help="recordings that libsndfile reads: WAV, FLAC, MP3, Ogg and others"
    )
    parser.add_argument("--per", choices=("utterance", "segment"), default="utterance", help="a row for each of them")
    parser.add_argument("--model", default=str(Path(__file__).resolve().parent), help="folder of the bundle")
    options = parser.parse_args()
    try:
        model = Model(options.model)
    except UnusableError as error:
        sys.exit(str(error))
    several = len(model.config["members"]) > 1
    spreads = [f"spread_{name}" for name in model.classes] if several else []
    times = ["segment", "start_s", "end_s"] if options.per == "segment" else []
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are not UTF-8
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["path", *times, "predicted", *(f"p_{name}" for name in model.classes), *spreads, "error"])
    failed = False
    place: list[object]
    for path in options.recordings:
        cell = f"./{path}" if path.startswith(("=", "+", "-", "@")) else path
        try:
            starts, ends, values = model.segments(path)
        except (UnusableError, OSError, ValueError, RuntimeError, MemoryError) as error:
            failed = True
            reason = str(error) or "too long for the memory of this machine"
            table.writerow([cell, *["" for _ in [*times, *model.classes, *spreads]], "", reason])
            continue
        if options.per != "segment":
            values = values.mean(axis=0, keepdims=True)
        for number, members in enumerate(values):
            mean, spread = members.mean(axis=0), members.std(axis=0)
            place = [number + 1, f"{starts[number]:.3f}", f"{ends[number]:.3f}"] if times else []
            numbers = [*mean, *(spread if several else ())]
            table.writerow([cell, *place, model.classes[int(mean.argmax())], *(f"{one:.6f}" for one in numbers), ""])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
