"""A choice between values of an option within the training folds, with actors kept apart."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.models.rows import TrainingRows


@dataclass
class Fits:
    """Fits estimators of scikit-learn and counts those whose solver did not converge.

    Attributes:
        unfinished: number of fits that ended at the solver's largest number of iterations.
        done: number of all fits.
    """

    unfinished: int = 0
    done: int = 0

    def fit(self, estimator: Any, values: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
        """The fitted estimator; warnings of convergence are counted instead of shown."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(values, labels)
        self.done += 1
        self.unfinished += any(issubclass(one.category, ConvergenceWarning) for one in caught)
        return estimator

    def noted(self, family: str) -> Mapping[str, float]:
        """`unfinished_fits` for the record of the run, if there are any; a line says the same to people."""
        if not self.unfinished:
            return {}
        print(
            f"{family}: {self.unfinished} of {counted(self.done, 'fit')} ended before the solver had converged; the "
            "results stand, but features of very different size or a large C cause it: see the model's standardise "
            "and C",
            file=sys.stderr,
        )
        return {"unfinished_fits": float(self.unfinished)}


@dataclass(frozen=True)
class Choice:
    """The chosen value, and what is recorded of the choice: nothing if there was only one value."""

    value: float
    noted: Mapping[str, float] = field(default_factory=dict)


def choose(
    name: str,
    candidates: float | Sequence[float],
    rows: TrainingRows,
    fitted: Callable[[float, NDArray[np.float64], NDArray[np.int64]], Any],
    folds: int,
) -> Choice:
    """The value with the highest unweighted accuracy on actors that were left out; of equal ones the smallest.

    The accuracy is the mean over inner folds, which `StratifiedGroupKFold` makes of the training segments: each leaves
    out the segments of some actors. Where there are fewer actors than `folds`, each actor is left out alone. An inner
    fold is not used if the segments that remain lack a class.

    Args:
        name: name of the option, for the record and messages.
        candidates: a value, which is taken as it is, or the values to choose from.
        rows: training segments.
        fitted: function that returns an estimator with this value of the option, fitted to values and labels.
        folds: number of inner folds.

    Raises:
        InputError: there is more than one value, and actors cannot be left out.
    """
    if not isinstance(candidates, Sequence):
        return Choice(float(candidates))
    ordered = sorted(candidates)
    if len(ordered) == 1:
        return Choice(ordered[0])
    splits = inner_folds(rows, folds)
    if not splits:
        raise InputError(
            f"{name}: no choice between {', '.join(f'{value:g}' for value in ordered)} is possible, since the training "
            f"folds have {counted(len(np.unique(rows.actors)), 'actor')} and a class would be missing without any of "
            f"them; expected every class from at least two actors. Give the model one value, such as {name}: "
            f"{ordered[len(ordered) // 2]:g}"
        )
    accuracies = [
        np.mean([_accuracy(fitted(value, *_part(rows, train)), *_part(rows, held)) for train, held in splits])
        for value in ordered
    ]
    # Equal accuracies may differ in the last digit of their sums.
    best = int(np.argmax(np.round(accuracies, 9)))
    return Choice(
        ordered[best], {name: ordered[best], "inner_ua": float(accuracies[best]), "inner_folds": float(len(splits))}
    )


def inner_folds(rows: TrainingRows, folds: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Positions of the segments that are learned from, and of those that are left out, for each inner fold."""
    from sklearn.model_selection import StratifiedGroupKFold

    number = min(folds, len(np.unique(rows.actors)), int(np.bincount(rows.labels).max()))
    if number < 2:
        return []
    with warnings.catch_warnings():
        # It warns of a class with fewer segments than folds; a class that is missing is looked for below.
        warnings.simplefilter("ignore", UserWarning)
        splits = list(StratifiedGroupKFold(number).split(rows.values, rows.labels, rows.actors))
    classes = len(np.unique(rows.labels))
    return [split for split in splits if len(split[1]) and len(np.unique(rows.labels[split[0]])) == classes]


def _part(rows: TrainingRows, positions: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return rows.values[positions], rows.labels[positions]


def _accuracy(estimator: Any, values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Unweighted accuracy in percent over the classes that occur."""
    right = estimator.predict(values) == labels
    return 100 * float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
