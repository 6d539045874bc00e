"""A small experiment on disk: two corpora of noise whose spectra tell the emotion, and params that train it fast."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.core.tables import FOLDS, SEGMENTS, write_table
from pipeline.features.archive import ArchiveWriter
from pipeline.params import Params
from pipeline.training.data import Experiment, load_experiment

CLASSES = ("joy", "anger", "sadness", "fear")
ACTORS = {"emodb": ("spk03", "spk08", "spk10", "spk13"), "savee": ("DC", "JE", "JK", "KL")}

VALUES: dict[str, Any] = {
    "classes": CLASSES,
    "corpora": {"emodb": {"path": "emodb"}, "savee": {"path": "savee"}},
    "segment": {"seconds": 6.4},
    "features": {"left": 2, "right": 1, "every": 8, "cmvn": "segment"},
    "partition": {"folds": 2, "seed": 0},
    "network": {
        "kernel": (2, 4), "widths": (8, 8), "blocks": (1,), "branches": 2, "pooling": "bands", "padding": "paired",
        "dropout": 0.1,
    },
    "models": {
        "PreAct": {"label": "PreAct", "layout": "PreAct"},
        "PreActBN-Full": {"label": "PreActBN-Full", "layout": "PreActBN", "shake": {"bands": 1}},
    },
    "train": {
        "epochs": 4, "seeds": (1, 2), "folds": (1, 2), "batch_segments": 8, "learning_rate": 0.01,
        "precision": "fp32", "threads": 1, "eval_train_every": 3,
    },
    "report": {"selection": "last", "gap": "train_mode", "rope": 1.0},
    "execution": {"device": "cpu", "workers": 1},
}  # fmt: skip


def params_with(changes: Mapping[str, Any] | None = None) -> Params:
    """The experiment's params; `changes` are values by dotted path, such as {"train.epochs": 6}."""
    values = copy.deepcopy(VALUES)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        node = values
        for part in parents:
            node = node[part]
        node[last] = value
    return Params.model_validate(values)


def read_experiment(params: Params, root: Path = Path(), processes: int = 1, model: str = "PreAct") -> Experiment:
    """What `write_experiment` wrote, as a model of the params reads it."""
    return load_experiment(
        params.corpora, params.classes, params.reading_of(model), torch.device("cpu"),
        where=params.execution.features, root=root, processes=processes,
    )  # fmt: skip


def write_experiment(root: Path, takes: int = 2, seed: int = 0) -> None:
    """Write `data/` under `root`: segments, features, folds and inputs.json."""
    source = np.random.default_rng(seed)
    folds = []
    for corpus, actors in ACTORS.items():
        rows = [
            {
                "segment": f"{corpus}-{actor}-{emotion}{take}-1", "utterance": f"{corpus}-{actor}-{emotion}{take}",
                "corpus": corpus, "emotion": emotion, "actor": actor, "gender": "M", "group": actor,
                "start_frame": 0, "num_frames": int(source.integers(8, 20)),
            }
            for actor in actors for emotion in CLASSES for take in range(takes)
        ]  # fmt: skip
        segments = pd.DataFrame(rows)
        write_table(segments, root / f"data/segments/{corpus}.csv", SEGMENTS)
        features = Path("data/features/spectrogram")
        with chdir(root), ArchiveWriter(features / f"{corpus}.ark", features / f"{corpus}.scp") as archive:
            for row in rows:
                archive.write(str(row["segment"]), _matrix(row, source))
        folds += [
            {"corpus": corpus, "actor": actor, "gender": "M", "group": actor, "fold": 1 + index % 2}
            for index, actor in enumerate(actors)
        ]
    write_table(pd.DataFrame(folds), root / "data/folds.csv", FOLDS)
    note_inputs(root)
    description = {"options": {"kind": "spectrogram", "cmvn": "segment"}, "shape": {"dims": 257}, "identity": {}}
    (root / "data/frontends").mkdir()
    (root / "data/frontends/spectrogram.json").write_text(json.dumps(description))


def note_inputs(root: Path, corpora: Iterable[str] = tuple(ACTORS)) -> None:
    """Write what the stage `inputs` writes of the files under `root` as they are, whether they fit together or not."""

    def sha256(path: str) -> str:
        return hashlib.sha256((root / "data" / path).read_bytes()).hexdigest()

    ends = sorted(path.name for path in (root / "data/features").iterdir())
    entries = {
        corpus: {
            "segments": sha256(f"segments/{corpus}.csv"),
            "features": {
                end: {kind: sha256(f"features/{end}/{corpus}.{kind}") for kind in ("ark", "scp")} for end in ends
            },
        }
        for corpus in corpora
    }
    (root / "data/inputs.json").write_text(json.dumps(entries))


def _matrix(row: Mapping[str, Any], source: np.random.Generator) -> np.ndarray:
    """Noise with a raised band: 64 bins for each emotion."""
    matrix = source.standard_normal((row["num_frames"], 257)).astype(np.float32)
    band = 64 * CLASSES.index(row["emotion"])
    matrix[:, band : band + 64] += 0.5
    return matrix
