"""Time and memory of the stages that see every recording: a custom corpus of one-second 16 kHz WAV files.

Each stage runs as `dvc repro` runs it, as a process of its own. `probe` reads headers alone, in one thread, as
`python -m pipeline corpora` does to add up hours. `ingest` decodes and hashes every recording.

On 2 cores, Python 3.11, libsndfile 1.2.2, files in memory (TMPDIR=/dev/shm), one run:

                    10,000 recordings    100,000 recordings
    probe (10,000)  0.4 s                0.4 s
    ingest          3.8 s   190 MB       20.9 s   325 MB
    segment         0.9 s   127 MB       1.9 s    223 MB
    partition       1.6 s   143 MB       2.1 s    190 MB

Memory is the peak of the stage's process. Run: `python -m benchmarks.ingestion 10000` from the repository root
(3.2 GB for 100,000).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from ruamel.yaml import YAML

from pipeline.audio import decoding as audio
from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code

ROOT = Path(__file__).resolve().parent.parent
CLASSES = ("joy", "anger", "sadness", "fear")
STAGES = (("ingest", "own"), ("segment", "own"), ("partition",))


def plant(root: Path, recordings: int) -> list[Path]:
    rows, paths = ["path,emotion,actor,gender"], []
    noise = np.random.default_rng(0).integers(-300, 300, 16000, dtype=np.int16)
    for number in range(recordings):
        path = root / f"{number % 200:03d}" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True, parents=True)
        noise[:2] = number % 1000, number // 1000
        soundfile.write(path, noise, 16000)
        paths.append(path)
        actor = number // len(CLASSES) % 100
        rows.append(f"{path.relative_to(root)},{CLASSES[number % 4]},actor{actor},{'FM'[actor % 2]}")
    (root / "table.csv").write_text("\n".join(rows))
    return paths


def configure(folder: Path) -> None:
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    params["corpora"] = {"own": {"reader": "custom", "path": "corpus", "table": "table.csv"}}
    (folder / "params.yaml").write_text(json.dumps(params))  # JSON is YAML


def measure(stage: tuple[str, ...], folder: Path) -> None:
    """Run one stage and print its seconds and its peak memory."""
    name, *arguments = stage
    start = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 (our own scripts)
        [sys.executable, "-m", f"stages.{name}", *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.1f} s, peak {used.ru_maxrss / 1024:.0f} MB, exit status {process.returncode}", flush=True)


def main(recordings: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = plant(folder / "corpus", recordings)
        configure(folder)
        start = time.perf_counter()
        for path in paths[:10_000]:
            audio.probe(path)
        print(f"probe: {min(recordings, 10_000)} headers in {time.perf_counter() - start:.1f} s", flush=True)
        for stage in STAGES:
            measure(stage, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=int, nargs="?", default=10_000)
    with explained("ingestion"):
        refuse_other_code()
        main(parser.parse_args().recordings)
