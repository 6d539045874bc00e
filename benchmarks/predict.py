"""Recordings a second and memory of `python -m pipeline predict`: many short files, and one hour in one file.

    python benchmarks/predict.py WEIGHTS [WEIGHTS ...]

Files of noise are written to a temporary folder. Each case runs in a process of its own, whose largest memory the
system states; it has the libraries too, which the first line shows alone. Times are of one run, with
as many threads as OMP_NUM_THREADS says.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
CHUNK = 60  # seconds of a file that are written at a time


def write(path: Path, seconds: float, seed: int) -> None:
    """A recording of noise that swells."""
    source = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        left = round(seconds * RATE)
        while left:
            number = min(left, CHUNK * RATE)
            swelling = 0.05 + 0.1 * np.abs(np.sin(np.arange(number) / RATE))
            file.write(swelling * source.standard_normal(number))
            left -= number


def measured(weights: list[str], *recordings: str) -> None:
    """Predict in this process; print seconds and the largest memory."""
    from pipeline.prediction.ensemble import load_ensemble
    from pipeline.prediction.listing import list_recordings
    from pipeline.prediction.segments import score

    ensemble = load_ensemble([Path(one) for one in weights])
    begin = time.perf_counter()
    for path in list_recordings(recordings).paths if recordings else ():
        score(path, ensemble)
    seconds = time.perf_counter() - begin
    print(f"{seconds:.2f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def in_process(weights: list[str], *recordings: str) -> tuple[float, float]:
    """Seconds and MiB of a process that predicts."""
    command = [sys.executable, __file__, *weights, "--only", *recordings]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (this file)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def main() -> None:
    """Print one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--files", type=int, default=500, help="number of short files, of 1 to 6 s")
    parser.add_argument("--hours", type=float, default=1.0, help="length of the long file")
    parser.add_argument("--only", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        measured(options.weights, *options.only)
        return
    with tempfile.TemporaryDirectory() as folder:
        many, long = Path(folder) / "many", Path(folder) / "long.wav"
        many.mkdir()
        lengths = np.random.default_rng(0).uniform(1, 6, options.files)
        for number, seconds in enumerate(lengths):
            write(many / f"{number:05}.wav", seconds, number)
        write(long, 3600 * options.hours, 0)
        _, alone = in_process(options.weights)
        print(f"libraries and weights alone: {alone:.0f} MiB")
        for name, path, length in (
            (f"{options.files} files, {lengths.sum() / 60:.0f} minutes", many, lengths.sum()),
            (f"one file, {options.hours:g} h", long, 3600 * options.hours),
        ):
            taken, memory = in_process(options.weights, str(path))
            print(f"{name}: {taken:.1f} s, {length / taken:.0f} x real time, {memory:.0f} MiB")


if __name__ == "__main__":
    main()
