"""Features of one recording after the other: this pipeline against `torchaudio.compliance.kaldi` in a loop.

Both sides use one thread and the same files: noise with the lengths of emotional speech, 48 kHz, 16 bit, mono.
Decoding, resampling, and spectrogram with CMVN are timed separately; then `extract` as the stage calls it, with 1, 2,
4 ... worker processes, including the time to start them.

    python -m benchmarks.extract [--recordings 60] [--repeats 5]

The last line is JSON; `ratio` is torchaudio's time over ours for spectrogram and CMVN, `ratio_chain` for everything
from the file on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
import torch
import torchaudio

from pipeline.audio.decoding import load
from pipeline.audio.resampling import resample
from pipeline.core.errors import explained
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.features.extraction import extract
from pipeline.features.segmentation import segment
from pipeline.frontends.kaldi import normalise, spectrogram
from pipeline.frontends.spectrogram import Spectrogram, SpectrogramOptions

RATE = 48_000  # Hz
EXTRACTED = 1200  # recordings in the measurement of worker processes


def write_recordings(folder: Path, number: int) -> list[Path]:
    random = np.random.default_rng(0)
    paths = []
    for i in range(number):
        samples = random.normal(scale=3000, size=int(random.uniform(1.5, 6.4) * RATE))
        paths.append(folder / f"u{i}.wav")
        soundfile.write(paths[-1], samples.round().astype(np.int16), RATE)
    return paths


def plain_decode(path: Path) -> torch.Tensor:
    samples, _ = soundfile.read(path, dtype="float32")
    return torch.from_numpy(samples)[None] * 32768


def plain_resample(samples: torch.Tensor) -> torch.Tensor:
    return torchaudio.functional.resample(samples, RATE, 16_000)


def plain_features(samples: torch.Tensor) -> torch.Tensor:
    values = torchaudio.compliance.kaldi.spectrogram(samples, energy_floor=0.0)
    return (values - values.mean(0)) / values.std(0, correction=0)


def our_resample(samples: np.ndarray) -> np.ndarray:
    return np.concatenate(list(resample([samples], RATE)))


def our_features(samples: torch.Tensor) -> torch.Tensor:
    return normalise(spectrogram(samples))


def seconds(task: Callable[[object], object], arguments: Sequence[object]) -> float:
    begin = time.perf_counter()
    for argument in arguments:
        task(argument)
    return time.perf_counter() - begin


def measure(paths: list[Path], repeats: int) -> dict[str, float]:
    """Least seconds over `repeats` of each step, the two sides taking turns."""
    decoded = [plain_decode(path) for path in paths]
    as_arrays = [samples[0].numpy() for samples in decoded]
    resampled = [torch.from_numpy(load(path)) for path in paths]
    as_batches = [samples[None] for samples in resampled]
    steps = {
        "plain_decode": (plain_decode, paths),
        "plain_resample": (plain_resample, decoded),
        "plain_features": (plain_features, as_batches),
        "plain_chain": (lambda path: plain_features(plain_resample(plain_decode(path))), paths),
        "our_load": (load, paths),
        "our_resample": (our_resample, as_arrays),
        "our_features": (our_features, resampled),
        "our_chain": (lambda path: our_features(torch.from_numpy(load(path))), paths),
    }
    measured = dict.fromkeys(steps, float("inf"))
    for _ in range(repeats):
        for name, (task, arguments) in steps.items():
            measured[name] = min(measured[name], seconds(task, arguments))
    return measured


def measure_workers(paths: list[Path], folder: Path) -> dict[int, float]:
    """Seconds of `extract` with 1, 2, 4 ... processes up to the cores of this one."""
    sizes = [soundfile.info(path).frames for path in paths]
    rows = [
        {
            "utterance": f"v{i}", "corpus": "noise", "path": paths[i % len(paths)].name, "emotion": "joy",
            "actor": "a1", "gender": "F", "group": "a1", "sample_rate": RATE, "num_samples": sizes[i % len(paths)],
        }
        for i in range(EXTRACTED)
    ]  # fmt: skip
    utterances = pd.DataFrame(rows)
    segments = segment(utterances, 640)
    front_end = Spectrogram(SpectrogramOptions(kind="spectrogram", cmvn="segment"))
    os.chdir(folder)
    taken = {}
    workers = 1
    while workers <= available_cores():
        begin = time.perf_counter()
        extract(utterances, segments, folder, Path("noise.ark"), Path("noise.scp"), front_end, workers)
        taken[workers] = time.perf_counter() - begin
        workers *= 2
    return taken


def main(recordings: int, repeats: int) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_recordings(folder, recordings)
        frames = sum(1 + (len(load(path)) - 400) // 160 for path in paths)
        measured = measure(paths, repeats)
        workers = measure_workers(paths, folder)
    for step, taken in measured.items():
        print(f"{step:15} {1e3 * taken / recordings:8.2f} ms a recording")
    for number, taken in workers.items():
        print(f"extract, {number} worker processes: {EXTRACTED / taken:6.0f} recordings a second, start included")
    print(json.dumps({
        "ratio": round(measured["plain_features"] / measured["our_features"], 2),
        "ratio_chain": round(measured["plain_chain"] / measured["our_chain"], 2),
        "frames_per_second": round(frames / measured["our_features"]),
        "seconds": {step: round(taken, 4) for step, taken in measured.items()},
        "recordings": recordings,
        "recordings_per_second_by_workers": {number: round(EXTRACTED / taken, 1) for number, taken in workers.items()},
        "threads": 1, "dtype": "float32", "cores": available_cores(), "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "torchaudio": torchaudio.__version__, "numpy": np.__version__,
                     "soxr": soxr.__version__},
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with explained("extract"):
        refuse_other_code()
        main(arguments.recordings, arguments.repeats)
