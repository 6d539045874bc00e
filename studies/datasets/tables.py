"""Labelled tables as values, how they are split, and those that ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split

from studies.datasets.images import Images

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of a table, counted from 0, for training, validation and test; no row is in two of them."""

    train: Rows
    valid: Rows
    test: Rows


@dataclass(frozen=True)
class Table:
    """A classification table.

    Attributes:
        name: its key.
        features: (rows, inputs) float64.
        labels: (rows,) int64 classes, from 0.
        splits: one or more splits.
    """

    name: str
    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    splits: tuple[Split, ...]

    @property
    def num_classes(self) -> int:
        """Number of classes, with those that have no row in some split."""
        return int(self.labels.max()) + 1

    def parts(self, number: int) -> tuple[Images, Images, Images]:
        """Training, validation and test rows of split `number`, from 1, standardised by the training rows.

        A feature that is the same in all training rows is 0 there.
        """
        split = self.splits[number - 1]
        train = self.features[split.train]
        deviation = train.std(axis=0)
        deviation[deviation <= 1e-12 * np.abs(train).max(axis=0)] = np.inf
        scaled = ((self.features - train.mean(axis=0)) / deviation).astype(np.float32)
        features, labels = torch.from_numpy(scaled), torch.from_numpy(self.labels)
        train_rows, valid_rows, test_rows = (torch.from_numpy(rows) for rows in (split.train, split.valid, split.test))
        return (
            Images(features[train_rows], labels[train_rows]),
            Images(features[valid_rows], labels[valid_rows]),
            Images(features[test_rows], labels[test_rows]),
        )


SHIPPED: Mapping[str, Callable[..., tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]] = {
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
}
"""UCI tables that come with scikit-learn. All have fewer than 1000 rows but `digits`, the test part of `optical`."""

SPLITS = 4
"""Number of splits of each table, as of the published ones."""


def shipped(name: str) -> Table:
    """A table that ships with scikit-learn, with splits drawn by class, the same for every run.

    A quarter of the rows is for testing, and a quarter of the rest for validation: the sizes of the published splits
    (wine: 100, 34 and 44 rows).
    """
    features, labels = SHIPPED[name](return_X_y=True)
    splits = tuple(_drawn(labels.astype(np.int64), seed) for seed in range(SPLITS))
    return Table(name, features.astype(np.float64), labels.astype(np.int64), splits)


def _drawn(labels: npt.NDArray[np.int64], seed: int) -> Split:
    rest, test = train_test_split(np.arange(len(labels)), test_size=0.25, random_state=seed, stratify=labels)
    train, valid = train_test_split(rest, test_size=0.25, random_state=seed, stratify=labels[rest])
    return Split(np.sort(train), np.sort(valid), np.sort(test))
