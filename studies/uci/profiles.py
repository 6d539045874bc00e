"""Comparing methods over many data sets: wins and performance profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Errors = Mapping[str, Sequence[float]]
"""Errors of each method, one for each data set, in the same order for all methods; in [0, 1]."""


def wins(errors: Errors) -> dict[str, int]:
    """Data sets on which each method has the lowest error (Littwin & Wolf 2018, section 3 and table 4).

    Methods that share the lowest error all win; a data set on which all are equal counts for none.
    """
    names, table = _table(errors)
    best = table.min(axis=0)
    differ = table.max(axis=0) > best
    return {name: int(((row == best) & differ).sum()) for name, row in zip(names, table, strict=True)}


def performance_profile(errors: Errors, thresholds: npt.ArrayLike) -> dict[str, npt.NDArray[np.float64]]:
    """Share of data sets on which a method's accuracy is at least tau times the best method's, for each tau.

    The profile of Dolan & Moré 2002 turned round for accuracies, as in figure 3 of Littwin & Wolf 2018.

    Args:
        errors: errors of each method.
        thresholds: (T,) thresholds tau in [0, 1].

    Returns:
        By method, (T,) shares in [0, 1], which fall as tau rises.
    """
    names, table = _table(errors)
    accuracy = 1 - table
    # Compared as a difference with room for rounding: the best method reaches tau = 1.
    reached = accuracy[:, :, None] >= np.asarray(thresholds) * accuracy.max(axis=0)[:, None] - 1e-12
    return dict(zip(names, reached.mean(axis=1), strict=True))


def _table(errors: Errors) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Names and (methods, data sets)."""
    counts = {name: len(row) for name, row in errors.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"data sets by method are {counts}; expected the same number of each, at least 1")
    return list(errors), np.array(list(errors.values()), dtype=np.float64)
