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
from pipeline.models.base import TrainingSet
from pipeline.models.rows import TrainingRows, in_own_space, one_thread, training_rows


@dataclass(frozen=True)
class Method:
    """The way in which a family of scikit-learn learns.

    Attributes:
        family: name of the family, for messages.
        option: option whose value is chosen.
        candidates: its value, or the values to choose from.
        folds: number of inner folds of the choice.
        estimator: function that makes the estimator for a value of the option and a seed of everything random.
        weighted: whether segments are given weights inversely proportional to the size of their class; else the
            estimator does that itself.
        by_products: whether every step of its solver depends on products of rows alone; then rows with more columns
            than segments are replaced by others with the same products.
        unfinished: what to do about a solver that does not converge, for a message.
    """

    family: str
    option: str
    candidates: float | Sequence[float]
    folds: int
    estimator: Callable[[float, int], Any]
    weighted: bool = False
    by_products: bool = False
    unfinished: str = ""


NEVER = -1e6
"""Score of a class that the training segments lack, so that it is never the answer: its probability is 0."""


@dataclass(frozen=True)
class Learned:
    """The estimator that was fitted to all training segments, and what is recorded of the choice.

    Attributes:
        estimator: the fitted estimator.
        chosen: the chosen value, the unweighted accuracy in percent that it was chosen by, and the number of inner
            folds; nothing where there was no choice. `unfinished_fits` counts fits that ended before the solver had
            converged.
        basis: if not None, (dims, columns) directions of the columns that the estimator was given; see `in_own_space`.
    """

    estimator: Any
    chosen: Mapping[str, float]
    basis: NDArray[np.float64] | None = None

    @property
    def present(self) -> NDArray[np.int64]:
        """The classes that it has learned, in order: those that the training segments have."""
        return np.asarray(self.estimator.classes_, dtype=np.int64)


def learn(method: Method, training: TrainingSet) -> Learned:
    """Choose the option's value within the training segments, then fit the estimator to all of them.

    Raises:
        InputError: a feature is not finite, or there are not enough actors for a choice.
    """
    rows, fits, basis = training_rows(training), _Fits(method, training.seed), None
    with one_thread():
        if method.by_products and rows.values.shape[1] > len(rows.values):
            rows, basis = in_own_space(rows)
        choice = choose(method.option, method.candidates, rows, fits.fitted, method.folds)
        estimator = fits.fitted(choice.value, rows.values, rows.labels)
    return Learned(estimator, {**choice.noted, **fits.noted()}, basis)


class _Fits:
    """Fits estimators, and counts those whose solver did not converge instead of showing a warning for each."""

    def __init__(self, method: Method, seed: int) -> None:
        self._method, self._seed = method, seed
        self._unfinished = self._done = 0

    def fitted(self, value: float, values: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
        """The estimator for a value of the option, fitted to segments."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.utils.class_weight import compute_sample_weight

        estimator = self._method.estimator(value, self._seed)
        weights = {"sample_weight": compute_sample_weight("balanced", labels)} if self._method.weighted else {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            estimator.fit(values, labels, **weights)
        self._done += 1
        self._unfinished += any(issubclass(one.category, ConvergenceWarning) for one in caught)
        return estimator

    def noted(self) -> dict[str, float]:
        """The number of unfinished fits, if there are any; a line tells people."""
        if not self._unfinished:
            return {}
        print(
            f"{self._method.family}: {self._unfinished} of {counted(self._done, 'fit')} ended before the solver had "
            f"converged; the results are used as they are. {self._method.unfinished}",
            file=sys.stderr,
        )
        return {"unfinished_fits": float(self._unfinished)}


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
