"""The settings of section 5 and Table 5 of the paper, the size of its data, and its names of the corpora."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = "Huang & Narayanan, arXiv 1808.00876"

EPOCHS_TRAINED = 1000

FOLD_COUNT = 4

SEED_COUNT = 3

SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "segment.seconds": 6.4,
        "features.left": 10,
        "features.right": 5,
        "features.every": 8,
        "partition.folds": FOLD_COUNT,
        "network.kernel": (2, 16),
        "network.widths": (4, 8, 16, 32),
        "network.blocks": (3, 1, 1),
        "network.branches": 2,
        "network.dropout": 0.5,
        "train.epochs": EPOCHS_TRAINED,
        "train.batch_segments": 8,
        "train.learning_rate": 1e-3,
        "train.precision": "fp32",
        "train.optimiser": "adam",
        "train.schedule": "constant",
        "train.loss": "cross_entropy",
        "train.sampling": "shuffled",
        "train.augment": None,
    }
)
"""The settings by their place in the params, `<section>.<key>`."""

CLASSES = ("joy", "anger", "sadness", "fear")

ACTOR_COUNT = 96

SEGMENT_COUNT = 6803

FRAME_COUNT = 2_720_000
"""Approximate number of spectrogram frames of all segments: 4 s in the mean."""

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
