"""From the tables and archives on disk to the resident segments of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, SEGMENTS, read_table
from pipeline.features.archive import MappedMatrices, read_archive
from pipeline.frontends.spectrogram import BINS
from pipeline.params import Params
from pipeline.training.batches import PRECISIONS, SegmentBank, StreamedBank, make_bank, model_frames
from pipeline.training.memory import free_memory


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
        device = self.bank.device
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


def load_experiment(params: Params, device: torch.device, root: Path = Path(), processes: int = 1) -> Experiment:
    """Read everything that training needs into memory once, or map what is too large to be kept there.

    Args:
        params: the experiment's.
        device: where to train.
        root: the repository root.
        processes: how many keep a copy in the device's memory.

    Raises:
        InputError: tables and archives do not belong together.
    """
    segments = read_segments(params, root)
    emotions = segments["emotion"].map(list(params.classes).index).tolist()
    features, dtype = params.features, PRECISIONS[params.train.precision]
    matrices = _matrices(segments, params, root)
    if is_resident(params, segments, device, processes):
        bank: SegmentBank = make_bank(
            matrices,
            emotions,
            left=features.left,
            right=features.right,
            every=features.every,
            device=device,
            dtype=dtype,
        )
    else:
        counts = [model_frames(len(matrix), features.every) for matrix in matrices]
        bank = StreamedBank(
            num_frames=torch.tensor(counts, device=device),
            emotions=torch.tensor(emotions, device=device),
            context=features.context,
            every=features.every,
            matrices=MappedMatrices([root / f"data/features/{corpus}.scp" for corpus in sorted(params.corpora)], root),
            left=features.left,
            dtype=dtype,
        )
    return Experiment(segments, bank)


RESIDENT_SHARE = 0.4
"""Of the free memory, the part that spectrograms may take; a training step needs the rest."""


def is_resident(params: Params, segments: pd.DataFrame, device: torch.device, processes: int) -> bool:
    """Whether the segments' spectrograms are kept in the device's memory: as told, or as far as they fit."""
    if params.execution.features != "auto":
        return params.execution.features == "resident"
    rows = int(segments["num_frames"].sum()) + len(segments) * (params.features.context - 1)
    size = rows * BINS * PRECISIONS[params.train.precision].itemsize
    return size * processes <= RESIDENT_SHARE * free_memory(device)


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
