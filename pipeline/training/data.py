"""From the tables and archives on disk to the segments that a run learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.core.tables import PARTITION_AGAIN, SEGMENTS, read_folds, read_parts, read_table
from pipeline.features.archive import MappedMatrices, read_archive
from pipeline.features.described import described_shape
from pipeline.features.fingerprints import recorded_hashes, refuse_changed
from pipeline.training.batches import PRECISIONS, SegmentBank, StreamedBank, make_bank, model_frames
from pipeline.training.device import free_memory
from pipeline.training.params import Reading, Where

Part = Literal["train", "valid", "dev", "test", "unused"]


@dataclass(frozen=True)
class Positions:
    """Positions of the segments of each part of a run; those that it leaves out are in none.

    Attributes:
        train: segments that it learns from.
        valid: segments that it is validated on.
        dev: segments held out to choose epochs by; empty without `partition.dev`.
        test: segments that are set apart; empty without `partition.test`.
    """

    train: torch.Tensor
    valid: torch.Tensor
    dev: torch.Tensor
    test: torch.Tensor


@dataclass(frozen=True)
class Experiment:
    """All segments of the configured corpora and classes.

    Attributes:
        segments: rows of `tables.SEGMENTS` with their place in one partition (see `in_part`), by corpus key, then in
            the order of the archives; and with a column `person` where people in several corpora are known.
        bank: features of the segments, at the same positions.
        shape: shape of the features.
        variants: the same segments as other front ends give them, for training.
    """

    segments: pd.DataFrame
    bank: SegmentBank
    shape: Shape
    variants: tuple[SegmentBank, ...] = ()

    def split(self, fold: int) -> Positions:
        """Positions of the segments of each part of the runs of `fold`; nothing else decides what training sees."""

        def positions(part: Part) -> torch.Tensor:
            return torch.from_numpy(np.flatnonzero(in_part(self.segments, fold, part))).to(self.bank.device)

        return Positions(positions("train"), positions("valid"), positions("dev"), positions("test"))


def in_part(segments: pd.DataFrame, fold: int, part: Part) -> NDArray[np.bool_]:
    """(segments,) whether a segment is in a part of the runs of a fold.

    Args:
        segments: rows of `read_segments`. With a column `fold`, that fold validates them, and all others train on them;
            else the columns `part1`, `part2` and so on have their part in the runs of each fold.
        fold: the fold, from 1.
        part: the part.
    """
    if "fold" not in segments:
        return (segments[f"part{fold}"] == part).to_numpy()
    valid = (segments["fold"] == fold).to_numpy()
    if part in ("train", "valid"):
        return valid if part == "valid" else ~valid
    return np.zeros(len(segments), dtype=bool)


def read_segments(
    corpora: Iterable[str], root: Path = Path(), folds: int | None = None, repeat: int = 1, *, plain: bool = True
) -> pd.DataFrame:
    """Segments of the configured corpora with their places in one partition, see `in_part`.

    Args:
        corpora: keys of the configured corpora.
        root: the repository root.
        folds: `partition.folds`; by default the highest fold of the file.
        repeat: number of the partition, from 1.
        plain: whether `data/folds.csv` alone may say everything (`PartitionParams.plain`).

    Raises:
        InputError: a table is missing or broken, an actor has no fold, or a fold has no segment.
    """
    tables = [read_table(root / f"data/segments/{corpus}.csv", SEGMENTS) for corpus in sorted(corpora)]
    segments = pd.concat(tables, ignore_index=True)
    path = root / "data/folds.csv"
    if folds is not None:
        parts = _parts(root, folds, repeat, plain=plain)
        if len(parts):
            return _with_parts(segments, parts, root / "data/parts.csv")
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


def refuse_unsound_split(root: Path, folds: int, repeat: int, *, plain: bool) -> None:
    """Make sure, before anything is trained, that the partition is there and is one; see `read_segments`.

    Raises:
        InputError: it is not.
    """
    if not len(_parts(root, folds, repeat, plain=plain)):
        read_folds(root / "data/folds.csv", folds, repeat)


def _parts(root: Path, folds: int, repeat: int, *, plain: bool) -> pd.DataFrame:
    """The parts of one partition; no rows if its folds say everything.

    Raises:
        InputError: there must be some.
    """
    path = root / "data/parts.csv"
    parts = read_parts(path, folds, repeat)
    if not len(parts) and not plain:
        raise InputError(
            f"{path} has no row of repeat {repeat}; expected the part of every utterance, since the section partition "
            f"of params.yaml asks for more than folds of actors. {PARTITION_AGAIN}"
        )
    return parts


def _with_parts(segments: pd.DataFrame, parts: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Segments with a column for each fold."""
    unknown = ~segments["utterance"].isin(parts.index)
    if unknown.any():
        raise InputError(
            f"{path} has no part for utterance {segments.loc[unknown, 'utterance'].iloc[0]}; {PARTITION_AGAIN}"
        )
    of_segment = parts.loc[segments["utterance"]].reset_index(drop=True)
    placed = segments.assign(**{f"part{fold}": of_segment[fold] for fold in parts.columns})
    for fold in parts.columns:
        expected = ["train", "valid", *(["dev"] if (parts[fold] == "dev").any() else [])]
        for part in expected:
            if not (placed[f"part{fold}"] == part).any():
                raise InputError(f"{path}: fold {fold} has no segment in its part `{part}`. {PARTITION_AGAIN}")
    return placed


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
    plain: bool = True,
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
        plain: see `read_segments`.

    Raises:
        InputError: tables and archives do not match, or are not those that data/inputs.json describes.
    """
    corpora = sorted(corpora)
    recorded = recorded_hashes(root / "data/inputs.json", corpora, [reading.frontend, *reading.variants])
    refuse_changed({path: digest for path, digest in recorded.items() if not path.endswith(".ark")}, root)
    segments = read_segments(corpora, root, folds, repeat, plain=plain)
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
