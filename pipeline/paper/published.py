"""The figures the paper prints, and the settings it prints them for."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.params import ModelParams, ShakeParams

SOURCE = "Huang & Narayanan, arXiv 1808.00876"

SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "segment.seconds": 6.4,
        "features.left": 10,
        "features.right": 5,
        "features.every": 8,
        "partition.folds": 4,
        "network.kernel": (2, 16),
        "network.widths": (4, 8, 16, 32),
        "network.blocks": (3, 1, 1),
        "network.branches": 2,
        "network.dropout": 0.5,
        "train.epochs": 1000,
        "train.batch_segments": 8,
        "train.learning_rate": 1e-3,
        "train.precision": "fp32",
    }
)
"""What section 5 and Table 5 fix, by its place in the params."""

CLASSES = ("joy", "anger", "sadness", "fear")
SEEDS = 3
SEGMENTS = 6803
ACTORS = 96

CORPORA: Mapping[str, str] = MappingProxyType(
    {
        "enterface": "eNTERFACE",
        "ravdess": "RAVDESS",
        "iemocap": "IEMOCAP",
        "emodb": "Emo-DB",
        "emovo": "EMOVO",
        "savee": "SAVEE",
    }
)
"""The paper's names of the corpora, by their readers."""

_FOLDER = Path(__file__).parent / "published"


def published_rows(table: str) -> list[dict[str, str]]:
    """The rows of one published table as text (`table2`); how each column is named is the file's own."""
    with (_FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def model_key(architecture: str, shake: str, gamma0: str) -> str:
    """The key of the model behind a row of Tables 2, 8 and 10: `PreActBN`, `Both`, `0.20` is `PreActBN-Both-g020`.

    `no` is no shaking, `yes` is Full.
    """
    if shake == "no":
        return architecture
    name = f"{architecture}-{'Full' if shake == 'yes' else shake}"
    return name if gamma0 in ("", "1.00") else f"{name}-g{gamma0.replace('.', '')}"


def published_models() -> dict[str, ModelParams]:
    """The paper's 22 models by key, as Tables 6, 8 and 10 describe them."""
    models = {}
    for row in (*published_rows("table8"), *published_rows("table10")):
        key = model_key(row["architecture"], row["shake"], row["gamma0"])
        bands = {"no": None, "yes": ShakeParams(bands=1), "Both": ShakeParams(bands=2)}[row["shake"]]
        gamma0 = float(row["gamma0"] or 1)
        models[key] = ModelParams.model_validate(
            {"label": key, "layout": row["architecture"], "gamma0": gamma0, "shake": bands}
        )
    return models
