"""From the tables and archives on disk to the segments that a run learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.core.tables import PARTITION_AGAIN, SEGMENTS, read_folds, read_table
from pipeline.features.archive import MappedMatrices, read_archive
from pipeline.features.described import described_shape
from pipeline.features.fingerprints import recorded_hashes, refuse_changed
from pipeline.training.batches import PRECISIONS, SegmentBank, StreamedBank, make_bank, model_frames
from pipeline.training.device import free_memory
from pipeline.training.params import Reading, Where


@dataclass(frozen=True)
class Experiment:
    """All segments of the configured corpora and classes.

    Attributes:
        segments: rows of `tables.SEGMENTS` with a column `fold` of one partition, by corpus key, then in the order of
            the archives.
        bank: features of the segments, at the same positions.
        shape: shape of the features.
        variants: the same segments as other front ends give them, for training.
    """

    segments: pd.DataFrame
    bank: SegmentBank
    shape: Shape
    variants: tuple[SegmentBank, ...] = ()

    def split(self, fold: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions of the training segments and of the validation segments of `fold`."""
        valid = (self.segments["fold"] == fold).to_numpy()
        device = self.bank.device
        return torch.from_numpy(np.flatnonzero(~valid)).to(device), torch.from_numpy(np.flatnonzero(valid)).to(device)


def read_segments(
    corpora: Iterable[str], root: Path = Path(), folds: int | None = None, repeat: int = 1
) -> pd.DataFrame:
    """Segments of the configured corpora with their folds in one partition.

    Args:
        corpora: keys of the configured corpora.
        root: the repository root.
        folds: `partition.folds`; by default the highest fold of the file.
        repeat: number of the partition, from 1.

    Raises:
        InputError: a table is missing or broken, an actor has no fold, or a fold has no segment.
    """
    tables = [read_table(root / f"data/segments/{corpus}.csv", SEGMENTS) for corpus in sorted(corpora)]
    segments = pd.concat(tables, ignore_index=True)
    path = root / "data/folds.csv"
    table = read_folds(path, folds, repeat)
    merged = segments.merge(table[["corpus", "actor", "fold"]], on=["corpus", "actor"], how="left", validate="m:1")
    if merged["fold"].isna().any():
        lost = merged.loc[merged["fold"].isna(), ["corpus", "actor"]].iloc[0]
        raise InputError(
            f"data/folds.csv has no fold for actor {lost['actor']} of {lost['corpus']}; `dvc repro partition` makes it"
        )
    if silent := sorted(set(table["fold"]) - set(merged["fold"])):
        actors = ", ".join(table.loc[table["fold"] == silent[0], "actor"])
        raise InputError(
            f"{path}: fold {silent[0]} has only actors without segments in data/segments ({actors}); expected segments "
            f"in every fold. {PARTITION_AGAIN}"
        )
    return merged.astype({"fold": "int64"})


def load_experiment(
    corpora: Iterable[str],
    classes: Sequence[str],
    reading: Reading,
    device: torch.device,
    *,
    where: Where = "auto",
    root: Path = Path(),
    processes: int = 1,
    folds: int | None = None,
    repeat: int = 1,
) -> Experiment:
    """Read everything that training needs into the device's memory once, or map it where `resides` says so.

    Args:
        corpora: keys of the configured corpora.
        classes: emotions in the order of their indices.
        reading: form in which the model reads the data.
        device: device to train on.
        where: place of the features in training.
        root: the repository root.
        processes: number of processes that keep a copy in the device's memory.
        folds: `partition.folds`; by default the highest fold of the file.
        repeat: number of the partition that the folds are of, from 1.

    Raises:
        InputError: tables and archives do not match, or are not those that data/inputs.json describes.
    """
    corpora = sorted(corpora)
    recorded = recorded_hashes(root / "data/inputs.json", corpora, [reading.frontend, *reading.variants])
    refuse_changed({path: digest for path, digest in recorded.items() if not path.endswith(".ark")}, root)
    segments = read_segments(corpora, root, folds, repeat)
    emotions = segments["emotion"].map(list(classes).index).tolist()
    shape = described_shape(reading.frontend, root)
    copies = processes * (1 + len(reading.variants))

    def bank_of(frontend: str) -> SegmentBank:
        scps = {corpus: root / f"data/features/{frontend}/{corpus}.scp" for corpus in corpora}
        found = described_shape(frontend, root)
        matrices = _matrices(segments, scps, found, root)
        mapped = MappedMatrices(list(scps.values()), root)
        if where == "resident" or (where == "auto" and resides(segments, mapped, reading, found, device, copies)):
            return make_bank(
                matrices,
                emotions,
                left=reading.left,
                right=reading.right,
                every=reading.every,
                device=device,
                dtype=PRECISIONS[reading.precision],
            )
        counts = [model_frames(len(matrix), reading.every) for matrix in matrices]
        return StreamedBank(
            num_frames=torch.tensor(counts, device=device),
            emotions=torch.tensor(emotions, device=device),
            context=reading.context,
            every=reading.every,
            matrices=mapped,
            left=reading.left,
            dtype=PRECISIONS[reading.precision],
        )

    experiment = Experiment(segments, bank_of(reading.frontend), shape, tuple(map(bank_of, reading.variants)))
    # Once more after everything was read or mapped, so that a change in the meantime is seen; archives only now, when
    # the system has them in its cache.
    refuse_changed(recorded, root)
    return experiment


RESIDENT_SHARE = 0.4
"""Part of the free memory that features may take; a training step needs the rest."""


def resides(
    segments: pd.DataFrame,
    matrices: MappedMatrices,
    reading: Reading,
    shape: Shape,
    device: torch.device,
    processes: int,
) -> bool:
    """Whether features are kept in the device's memory: on a GPU that has room for those of all processes.

    On a CPU they stay in the memory map, of which all processes of a machine share one copy, in the system's cache.
    """
    if device.type == "cpu":
        return False
    rows = sum(shape.rows(number) or len(matrices[at]) for at, number in enumerate(segments["num_frames"]))
    rows += len(segments) * (reading.context - 1)
    size: int = rows * shape.dims * PRECISIONS[reading.precision].itemsize
    return size * processes <= RESIDENT_SHARE * free_memory(device)


def _matrices(segments: pd.DataFrame, scps: dict[str, Path], shape: Shape, root: Path) -> Iterator[np.ndarray]:
    """The matrices of all segments, each compared with its row of the table."""
    rows = zip(segments["segment"], segments["num_frames"], strict=True)
    for corpus, scp in scps.items():
        for key, matrix in read_archive(scp, root):
            segment, num_frames = next(rows, ("no further segment", 0))
            expected = shape.rows(num_frames)
            if key != segment or len(matrix) != (expected or len(matrix)):
                raise InputError(
                    f"{scp}: found {key} of {len(matrix)} frames where data/segments/{corpus}.csv has {segment} of "
                    f"{expected}; `dvc repro extract@{scp.parent.name}-{corpus}` makes them agree"
                )
            yield matrix
    if (left := next(rows, None)) is not None:
        raise InputError(f"data/features holds no matrix of segment {left[0]}; `dvc repro` makes it")
