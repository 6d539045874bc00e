"""The rows that families of scikit-learn learn from, as NumPy has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.models.base import Batch, TrainingSet


@dataclass(frozen=True)
class TrainingRows:
    """One row for each training segment.

    Attributes:
        values: (segments, dims) features, in double.
        labels: (segments,) class indices; every class occurs.
        actors: (segments,) number of the actor of each segment.
    """

    values: NDArray[np.float64]
    labels: NDArray[np.int64]
    actors: NDArray[np.int64]


def rows_of(batch: Batch) -> Tensor:
    """(segments, dims) features of a batch whose segments have one row each, in double.

    Raises:
        ValueError: a segment has another number of rows.
    """
    if len(batch.frames) != len(batch.emotions):
        raise ValueError(f"{len(batch.emotions)} segments have {len(batch.frames)} rows; expected one row each")
    return batch.frames.flatten(1).double()


def training_rows(training: TrainingSet) -> TrainingRows:
    """The training rows of a family of scikit-learn.

    Raises:
        InputError: a feature is not a finite number.
    """
    values = rows_of(training.batch).cpu().numpy()
    finite = np.isfinite(values)
    if not finite.all():
        columns = np.flatnonzero(~finite.all(axis=0))
        raise InputError(
            f"{int((~finite).sum())} of {values.size} features are not finite numbers, in "
            f"{counted(int((~finite.all(axis=1)).sum()), 'segment')}, the first in column {columns[0] + 1} of "
            f"{values.shape[1]}; expected finite features, so correct the front end or the table that they come from"
        )
    return TrainingRows(values, training.batch.emotions.cpu().numpy(), training.actors.cpu().numpy())


def in_own_space(rows: TrainingRows) -> tuple[TrainingRows, NDArray[np.float64]]:
    """Rows with more columns than segments in coordinates of the space that they span, which are fewer.

    Distances and products of the rows stay as they are, and a linear classifier with an L2 penalty depends on nothing
    else; it learns several times as fast. A last column of zeros keeps more columns than segments, by which solvers
    choose their method.

    Returns:
        The rows, with (segments, segments + 1) values; and the (dims, segments + 1) basis: `values @ basis` gives the
        new values of any rows, `coef @ basis.T` the weights for the old columns.
    """
    basis, coordinates = np.linalg.qr(rows.values.T)
    values, basis = (np.pad(one, ((0, 0), (0, 1))) for one in (coordinates.T, basis))
    return replace(rows, values=np.ascontiguousarray(values)), basis


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold NumPy's linear algebra to one thread in the block: with more, the order of sums and the last digits vary."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
