"""Memory and time of workers that read the same features: each with a copy of its own, or all from one memory map.

Writes features, starts workers side by side, and
lets each read epochs of batches, as training does. `private` is the memory that a worker shares with no other
process (USS), beyond that of a worker without features.

    python -m benchmarks.features [--segments 1500] [--workers 2]

The last line is JSON; `ratio` is the time of an epoch of batches in memory over that from the map.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch

from pipeline.core.errors import explained
from pipeline.core.features import Shape
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.core.tables import FOLDS, SEGMENTS, write_table
from pipeline.core.workers import map_in_order
from pipeline.features.archive import ArchiveWriter
from pipeline.features.fingerprints import fingerprints
from pipeline.training.data import load_experiment
from pipeline.training.order import shuffled_batches
from pipeline.training.params import Reading

CLASSES = ("joy", "anger", "sadness", "fear")
READING = Reading("spectrogram", 10, 5, 8, "fp32")  # the paper's splicing
FRAMES = 400  # 4 s, the mean length of a segment


def write_features(root: Path, segments: int) -> None:
    """Tables and one archive of noise."""
    rows = [
        {
            "segment": f"s{i}", "utterance": f"s{i}", "corpus": "noise", "emotion": CLASSES[i % 4],
            "actor": f"a{i % 8}", "gender": "F", "group": f"a{i % 8}", "start_frame": 0, "num_frames": FRAMES,
        }
        for i in range(segments)
    ]  # fmt: skip
    write_table(pd.DataFrame(rows), root / "data/segments/noise.csv", SEGMENTS)
    actors = [
        {"corpus": "noise", "actor": f"a{i}", "gender": "F", "group": f"a{i}", "fold": 1 + i % 4} for i in range(8)
    ]
    write_table(pd.DataFrame(actors), root / "data/folds.csv", FOLDS)
    (root / "data/frontends").mkdir()
    (root / "data/frontends/spectrogram.json").write_text(json.dumps({"shape": vars(Shape(257, frequency_axis=True))}))
    source = np.random.default_rng(0)
    folder = Path("data/features/spectrogram")
    with chdir(root), ArchiveWriter(folder / "noise.ark", folder / "noise.scp") as archive:
        for row in rows:
            archive.write(row["segment"], source.standard_normal((FRAMES, 257), dtype=np.float32))
    found = fingerprints(["noise"], ["spectrogram"], root / "data/features", root / "data/segments")
    (root / "data/inputs.json").write_text(json.dumps(found))


def read_epoch(task: tuple[str, str, int]) -> dict[str, float]:
    """What one worker measures: seconds of an epoch of batches, and its private memory before and after."""
    root, where, seed = task
    torch.set_num_threads(1)
    process = psutil.Process()
    before = process.memory_full_info().uss
    any_place: Any = where
    bank = load_experiment(["noise"], CLASSES, READING, torch.device("cpu"), where=any_place, root=Path(root)).bank
    positions = torch.arange(len(bank.num_frames))
    taken = []
    for epoch in range(3):
        order = torch.Generator().manual_seed(seed + epoch)
        begin = time.perf_counter()
        for batch in shuffled_batches(positions, 8, order):
            bank.gather(batch)
        taken.append(time.perf_counter() - begin)
    return {"seconds": min(taken), "private": process.memory_full_info().uss - before}


def main(segments: int, workers: int) -> None:
    measured: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        write_features(Path(name), segments)
        size = (Path(name) / "data/features/spectrogram/noise.ark").stat().st_size
        for where in ("resident", "streamed"):
            tasks = [(name, where, 10 * worker) for worker in range(workers)]
            found = list(map_in_order(read_epoch, tasks, max(2, workers)))
            measured[where] = {key: statistics.mean(one[key] for one in found) for key in found[0]}
            print(
                f"{where}: {measured[where]['private'] / 1e9:.2f} GB private for each of {workers} workers, "
                f"{measured[where]['seconds']:.2f} s for an epoch of batches"
            )
    print(json.dumps({
        "features_gb": round(size / 1e9, 3),
        "private_gb": {where: round(found["private"] / 1e9, 3) for where, found in measured.items()},
        "seconds": {where: round(found["seconds"], 3) for where, found in measured.items()},
        "ratio": round(measured["resident"]["seconds"] / measured["streamed"]["seconds"], 2),
        "segments": segments, "workers": workers, "cores": available_cores(), "machine": platform.machine(),
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with explained("features"):
        refuse_other_code()
        main(arguments.segments, arguments.workers)
