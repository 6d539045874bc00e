"""Time and memory of ingesting many recordings: a custom corpus of one-second 16 kHz WAV files.

Every recording is decoded whole and hashed. On 2 cores, Python 3.11, libsndfile 1.2.2, files in the page cache:

    recordings   seconds   peak memory
        10,000         4        180 MB
       100,000        37        360 MB

Run: `python benchmarks/ingestion.py 10000` from the repository root (3.2 GB of disk for 100,000).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from pipeline import audio
from pipeline.ingestion import ingest
from pipeline.params import CorpusParams

CLASSES = ("joy", "anger", "sadness", "fear")


def plant(root: Path, recordings: int) -> list[Path]:
    rows, paths = ["path,emotion,actor,gender"], []
    noise = np.random.default_rng(0).integers(-300, 300, 16000, dtype=np.int16)
    for number in range(recordings):
        path = root / f"{number % 200:03d}" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        noise[:2] = number % 1000, number // 1000
        soundfile.write(path, noise, 16000)
        paths.append(path)
        rows.append(f"{path.relative_to(root)},{CLASSES[number % 4]},actor{number % 100},{'FM'[number % 2]}")
    (root / "table.csv").write_text("\n".join(rows))
    return paths


def main(recordings: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = plant(Path(folder), recordings)
        start = time.perf_counter()
        for path in paths[:10_000]:
            audio.probe(path)
        print(f"probe: {min(recordings, 10_000)} headers in {time.perf_counter() - start:.1f} s, one thread")
        start = time.perf_counter()
        ingest("own", CorpusParams(path=folder, reader="custom", table="table.csv"), "custom", CLASSES)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ingest: {recordings} recordings in {time.perf_counter() - start:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=int, nargs="?", default=10_000)
    main(parser.parse_args().recordings)
