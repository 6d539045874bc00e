"""From the tables and archives on disk to the resident segments of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.archive import read_archive
from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.records import FOLDS, SEGMENTS, read_table
from pipeline.training.batches import PRECISIONS, SegmentBank, make_bank


@dataclass(frozen=True)
class Experiment:
    """All segments of the configured corpora and classes.

    Attributes:
        segments: records.SEGMENTS rows with a column `fold`, sorted by corpus key, else in the order of the archives.
        bank: their spectrograms, at the same positions.
    """

    segments: pd.DataFrame
    bank: SegmentBank

    def split(self, fold: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions of the training segments and of the validation segments of `fold`."""
        valid = (self.segments["fold"] == fold).to_numpy()
        device = self.bank.rows.device
        return torch.from_numpy(np.flatnonzero(~valid)).to(device), torch.from_numpy(np.flatnonzero(valid)).to(device)


def read_segments(params: Params, root: Path = Path()) -> pd.DataFrame:
    """Segments of the configured corpora with their folds.

    Raises:
        InputError: a table is missing or broken, or an actor has no fold.
    """
    tables = [read_table(root / f"data/segments/{corpus}.csv", SEGMENTS) for corpus in sorted(params.corpora)]
    segments = pd.concat(tables, ignore_index=True)
    folds = read_table(root / "data/folds.csv", FOLDS)
    merged = segments.merge(folds[["corpus", "actor", "fold"]], on=["corpus", "actor"], how="left", validate="m:1")
    if merged["fold"].isna().any():
        lost = merged.loc[merged["fold"].isna(), ["corpus", "actor"]].iloc[0]
        raise InputError(
            f"data/folds.csv has no fold for actor {lost['actor']} of {lost['corpus']}; `dvc repro partition` makes it"
        )
    return merged.astype({"fold": "int64"})


def load_experiment(params: Params, device: torch.device, root: Path = Path()) -> Experiment:
    """Read everything that training needs into memory once.

    Raises:
        InputError: tables and archives do not belong together.
    """
    segments = read_segments(params, root)
    features = params.features
    bank = make_bank(
        _matrices(segments, params, root),
        segments["emotion"].map(list(params.classes).index).tolist(),
        left=features.left,
        right=features.right,
        every=features.every,
        device=device,
        dtype=PRECISIONS[params.train.precision],
    )
    return Experiment(segments, bank)


def _matrices(segments: pd.DataFrame, params: Params, root: Path) -> Iterator[np.ndarray]:
    rows = zip(segments["segment"], segments["num_frames"], strict=True)
    for corpus in sorted(params.corpora):
        scp = root / f"data/features/{corpus}.scp"
        for key, matrix in read_archive(scp, root):
            segment, num_frames = next(rows, ("no further segment", 0))
            if key != segment or len(matrix) != num_frames:
                raise InputError(
                    f"{scp}: found {key} of {len(matrix)} frames where data/segments/{corpus}.csv has {segment} of "
                    f"{num_frames}; `dvc repro extract@{corpus}` makes them agree"
                )
            yield matrix
    if (left := next(rows, None)) is not None:
        raise InputError(f"data/features holds no matrix of segment {left[0]}; `dvc repro extract` makes it")
