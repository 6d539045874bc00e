"""A linear SVM over thousands of functionals, end to end: from features on disk to a finished run with its weights.

Random features of the size of ComParE_2016 functionals (6803 columns, 2452 segments, 24 actors, 4 classes, 4 folds). A
run reads them, standardises them, chooses C out of five values on five inner folds, learns, scores and is recorded.

    python -m benchmarks.svm [--segments 2452] [--dims 6803] [--family linear_svm]

The last line is JSON; `seconds` is one run of one fold, `cpu_seconds` the same without waiting for other processes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch

from pipeline.core.errors import explained
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.core.tables import FOLDS, SEGMENTS, write_table
from pipeline.features.archive import ArchiveWriter
from pipeline.features.fingerprints import fingerprints
from pipeline.runs.params import RunSections
from pipeline.runs.scheduler import plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer

CLASSES = ("joy", "anger", "sadness", "fear")
ACTORS, FOLD_COUNT = 24, 4


def write_experiment(segments: int, dims: int) -> None:
    """Random features that tell the class a little, in the current folder."""
    source = np.random.default_rng(0)
    labels, actors = source.integers(0, len(CLASSES), segments), source.integers(0, ACTORS, segments)
    centres = source.standard_normal((len(CLASSES), 20))
    features = Path("data/features/functionals")
    rows = []
    with ArchiveWriter(features / "noise.ark", features / "noise.scp") as archive:
        for number, (label, actor) in enumerate(zip(labels.tolist(), actors.tolist(), strict=True)):
            values = source.standard_normal((1, dims)).astype(np.float32)
            values[0, :20] += 0.3 * centres[label]
            archive.write(f"s{number}", values)
            rows.append({
                "segment": f"s{number}", "utterance": f"s{number}", "corpus": "noise", "emotion": CLASSES[label],
                "actor": f"a{actor}", "gender": "F", "group": f"a{actor}", "start_frame": 0, "num_frames": 300,
            })  # fmt: skip
    write_table(pd.DataFrame(rows), Path("data/segments/noise.csv"), SEGMENTS)
    folds = [
        {"corpus": "noise", "actor": f"a{actor}", "gender": "F", "group": f"a{actor}", "fold": 1 + actor % FOLD_COUNT}
        for actor in sorted(set(actors.tolist()))
    ]
    write_table(pd.DataFrame(folds), Path("data/folds.csv"), FOLDS)
    found = fingerprints(["noise"], ["functionals"], Path("data/features"), Path("data/segments"))
    Path("data/inputs.json").write_text(json.dumps(found))
    described = {"options": {"kind": "table"}, "shape": {"dims": dims, "framewise": False}}
    Path("data/frontends").mkdir(parents=True)
    Path("data/frontends/functionals.json").write_text(json.dumps(described))


def params_of(family: str) -> RunSections:
    return RunSections.model_validate({
        "classes": CLASSES, "corpora": {"noise": {}}, "segment": {"seconds": 6.4},
        "features": {"left": 0, "right": 0, "every": 1, "cmvn": "segment"},
        "partition": {"folds": FOLD_COUNT, "seed": 0},
        "network": {"kernel": (1, 1), "widths": (1, 1), "blocks": (1,), "branches": 1, "pooling": "bands",
                    "padding": "paired", "dropout": 0.0},
        "models": {"X": {"label": "X", "family": family, "frontend": "functionals"}},
        "train": {"epochs": 1, "seeds": (1,), "folds": (1,), "batch_segments": 8, "learning_rate": 0.01,
                  "precision": "fp32", "threads": 1, "eval_train_every": 1},
        "execution": {"device": "cpu", "workers": 1},
    })  # fmt: skip


def main(segments: int, dims: int, family: str) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        write_experiment(segments, dims)
        params = params_of(family)
        spec = plan_all(params, ["X"])[0]
        begin, begin_cpu = time.perf_counter(), time.process_time()
        outcome = Trainer(params, "cpu", Path("store")).train(spec)
        taken, taken_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
        if outcome.failure is not None:
            raise SystemExit(outcome.failure)
        run = RunFolder(Path("store"), spec).load()
        os.chdir("/")
    chosen = ", ".join(f"{key} {value:g}" for key, value in run.chosen.items())
    print(f"{family}: {taken:.1f} s from features on disk to a finished run; {chosen}")
    print(json.dumps({
        "seconds": round(taken, 1), "cpu_seconds": round(taken_cpu, 1), "family": family,
        "segments": segments, "dims": dims, "chosen": run.chosen,
        "valid_ua": round(run.history[0].valid_score, 2),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "threads": 1, "cores": available_cores(), "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=2452)
    parser.add_argument("--dims", type=int, default=6803)
    parser.add_argument("--family", choices=("linear_svm", "logistic", "random_forest", "mlp"), default="linear_svm")
    arguments = parser.parse_args()
    with explained("svm"):
        refuse_other_code()
        main(arguments.segments, arguments.dims, arguments.family)
