"""The ratio of validation to training recordings in a partition, which the corrected tests need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.tables import read_parts
from pipeline.folds.params import PartitionParams, headline_folds


@dataclass(frozen=True)
class Division:
    """The folds of a model's runs, as the corrected tests count them.

    Attributes:
        folds: 1 + training / validation recordings, which is the number of folds where a run trains on all others.
        withheld: why there can be no corrected test; empty if there can.
    """

    folds: float
    withheld: str = ""


def division(parts: Path, partition: PartitionParams) -> Division:
    """The division of a partition.

    Args:
        parts: `data/parts.csv`; without rows, each run trains on all that it does not validate.
        partition: the section of params.yaml.

    Raises:
        InputError: the file is broken.
    """
    headline = headline_folds(partition)
    train = valid = 0
    overlap = False
    for repeat in range(1, partition.repeats + 1):
        table = read_parts(parts, partition.folds, repeat)
        if table.empty:
            return Division(len(headline))
        validated = table[list(headline)] == "valid"
        train += int((table[list(headline)] == "train").to_numpy().sum())
        valid += int(validated.to_numpy().sum())
        overlap |= bool((validated.sum(axis=1) > 1).any())
    if len(headline) < 2:
        return Division(1 + train / valid, "one fold")
    return Division(1 + train / valid, "validation parts overlap" if overlap else "")
