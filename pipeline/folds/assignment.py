"""The search for an even assignment of units to folds.

A unit is what stays together, such as an actor or a sentence. An integer program over kinds of units finds the best
balance; random walks then find many assignments with this balance, and the one with the most even classes is chosen.
Where it leaves a class out of some fold, further walks look for one that leaves out fewer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

Integers = NDArray[np.int64]
Shares = NDArray[np.float64]

CANDIDATES = 1000  # random assignments to choose from (Table 4 is one of many that satisfy its constraints)
_STEPS = 1500  # random exchanges before each of them
_NODES = 500  # limit of the search of the integer program, seconds at most; groups of one actor need one node
_CELLS = 20_000_000  # candidates times units, which fit into memory
_TRIES = 3  # searches for another assignment than those already taken
_WHOLE = 1 - 1e-9  # share of a class from which it is all of it


@dataclass(frozen=True)
class Balance:
    """The quantities to balance: `weights[unit, quantity]` is what a unit counts for `names[quantity]`."""

    names: tuple[str, ...]
    weights: Integers

    def counts(self, assignments: Integers, folds: int) -> Integers:
        """The (candidates, folds, quantities) in each fold, for fold indices of shape (candidates, units)."""
        return np.stack([(assignments == fold).astype(np.int64) @ self.weights for fold in range(folds)], axis=1)


@dataclass(frozen=True)
class Task:
    """The units that are assigned, and the properties of a good assignment.

    Attributes:
        balance: quantities that should differ by at most one between folds.
        shares: (units, classes) share of the segments of each class that each unit has.
        folds: number of folds.
        seed: seed of the random assignment.
        balance_classes: whether the most even classes are chosen; else the first assignment that was found.
        dev: whether a run leaves out the next fold too.
    """

    balance: Balance
    shares: Shares
    folds: int
    seed: int
    balance_classes: bool
    dev: bool = False


@dataclass(frozen=True)
class Assignment:
    """One assignment of all units.

    Attributes:
        fold_of: (units,) index of the fold of each unit, from 0.
        proven: whether it is proven that no assignment is more even in total.
        uneven: whether a more even assignment was found, which leaves a class out of a fold.
    """

    fold_of: Integers
    proven: bool
    uneven: bool = False

    @property
    def partition(self) -> bytes:
        """Bytes that are the same for all assignments that differ only in the numbers of their folds."""
        return _partition(self.fold_of)


def assign(task: Task, taken: Collection[bytes] = (), repeat: int = 1) -> Assignment | Shares:
    """The best of many even assignments whose training parts have every class.

    Args:
        task: the units, and the properties of a good assignment.
        taken: earlier partitions, which this one must differ from.
        repeat: number of the assignment, from 1; others than the first have random streams of their own.

    Returns:
        The assignment. If there is none whose training parts have every class, the (candidates, folds, classes) shares
        that are left out of training.

    Raises:
        LookupError: all assignments that were found are taken.
    """
    start, proven = _most_even(task.balance.weights, task.folds)
    for attempt in range(_TRIES):
        seed = task.seed if repeat == 1 and attempt == 0 else (task.seed, repeat, attempt)
        walked = _random_walks(start, task, np.random.default_rng(seed))
        choices = _Choices(walked, task)
        found = choices.first(taken)
        if found is not None and choices.missing[found] <= least_missing(task):
            return Assignment(walked[found], proven)
        further = _random_walks(start, task, np.random.default_rng((task.seed, repeat, attempt, 1)), present=True)
        others = _Choices(further, task)
        other = others.first(taken)
        if other is not None and (found is None or others.missing[other] < choices.missing[found]):
            excess, least = (
                _excess(task.balance.counts(one[None], task.folds))[0] for one in (further[other], walked[0])
            )
            return Assignment(further[other], proven and bool(excess <= least), uneven=bool(excess > least))
        if found is not None:
            return Assignment(walked[found], proven)
        if not choices.complete.any() and not others.complete.any():
            return choices.left_out
    raise LookupError(f"{len(taken)} different assignments")


def least_missing(task: Task) -> int:
    """The number of pairs of a fold and a class that every assignment leaves empty: classes of too few units."""
    return int(np.maximum(task.folds - (task.shares > 0).sum(0), 0).sum())


class _Choices:
    """Properties of many assignments.

    Attributes:
        left_out: (candidates, folds, classes) share of each class that a run does not learn from.
        complete: (candidates,) whether every training part has every class.
        missing: (candidates,) number of pairs of a fold and a class that the fold's validation part lacks.
    """

    def __init__(self, assignments: Integers, task: Task) -> None:
        in_fold = np.stack([(assignments == fold) @ task.shares for fold in range(task.folds)], axis=1)
        self._assignments = assignments
        self.left_out = in_fold + np.roll(in_fold, -1, axis=1) if task.dev else in_fold
        self.complete: NDArray[np.bool_] = np.asarray((self.left_out < _WHOLE).all((1, 2)))
        self.missing: Integers = np.asarray((in_fold <= 0).sum((1, 2)))
        deviation = np.square(in_fold - 1 / task.folds).sum((1, 2)).round(12)
        order = (deviation,) if task.balance_classes else ()
        # The last key counts most; equal ones stay in their order.
        self._order = np.lexsort((*order, self.missing, ~self.complete))

    def first(self, taken: Collection[bytes]) -> int | None:
        """The best complete candidate that differs from all earlier partitions."""
        for candidate in self._order:
            if not self.complete[candidate]:
                return None
            if not taken or _partition(self._assignments[candidate]) not in taken:
                return int(candidate)
        return None


def _partition(fold_of: Integers) -> bytes:
    """The folds numbered by their first unit."""
    _, first, number = np.unique(fold_of, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return bytes(rank[number].astype(np.int16).tobytes())


def _most_even(weights: Integers, folds: int) -> tuple[Integers, bool]:
    """An assignment with the least sum of excess differences, and whether the search proved that it is the least.

    The excess of a quantity is the difference between its largest and smallest count in a fold, minus one. Groups of
    the same composition are interchangeable, so the program counts the groups of each kind in each fold: with integers
    x[kind, fold], minimise the sum of excess[q] subject to
    low[q] <= sum over kinds of weight * x <= low[q] + 1 + excess[q].
    """
    kinds, kind_of, sizes = np.unique(weights, axis=0, return_inverse=True, return_counts=True)
    quantities = weights.shape[1]
    x = np.arange(len(kinds) * folds).reshape(len(kinds), folds)
    low = x.size + np.arange(quantities)
    excess = low + quantities
    variables = x.size + 2 * quantities

    entries: list[tuple[int, int, int]] = []
    least: list[float] = []
    most: list[float] = []

    def add(columns: Sequence[int], factors: Sequence[int], lower: float, upper: float) -> None:
        entries.extend((len(least), int(column), int(factor)) for column, factor in zip(columns, factors, strict=True))
        least.append(lower)
        most.append(upper)

    for kind, size in enumerate(sizes):
        add(x[kind], [1] * folds, size, size)
    for quantity in range(quantities):
        held = np.flatnonzero(kinds[:, quantity])
        for fold in range(folds):
            columns, factors = list(x[held, fold]), list(kinds[held, quantity])
            add([*columns, low[quantity]], [*factors, -1], 0, np.inf)
            add([*columns, low[quantity], excess[quantity]], [*factors, -1, -1], -np.inf, 1)

    row, column, factor = zip(*entries, strict=True)
    upper = np.full(variables, np.inf)
    upper[x] = sizes[:, None]
    result = milp(
        c=np.where(np.arange(variables) >= excess[0], 1.0, 0.0),
        integrality=np.ones(variables),
        bounds=Bounds(np.zeros(variables), upper),
        constraints=LinearConstraint(coo_array((factor, (row, column))).tocsr(), least, most),
        options={"node_limit": _NODES},
    )
    if result.x is None:
        return np.arange(len(weights)) % folds, False
    counts = np.rint(result.x[x]).astype(np.int64)
    assignment = np.empty(len(weights), dtype=np.int64)
    for kind in range(len(kinds)):
        assignment[kind_of == kind] = np.repeat(np.arange(folds), counts[kind])
    return assignment, bool(result.status == 0)


def _excess(counts: Integers) -> Integers:
    """The sum of the excess of all quantities, shape (candidates,), for counts (candidates, folds, quantities)."""
    return np.asarray(np.maximum(counts.max(1) - counts.min(1) - 1, 0).sum(1))


def _random_walks(start: Integers, task: Task, random: np.random.Generator, *, present: bool = False) -> Integers:
    """Fold indices, shape (candidates, units), after random walks from `start` that never make the balance worse.

    All candidates walk at the same time. A step exchanges the folds of two random units, or moves one to a random fold.
    With `present`, walks also never leave more classes out of folds, which counts more than the balance.
    """
    folds, balanced = task.folds, task.balance.weights
    units, quantities = balanced.shape
    # The number of units with each class is counted like the quantities, but has other costs.
    weights = np.concatenate([balanced, task.shares > 0], axis=1).astype(np.int64) if present else balanced

    def costs(counts: Integers) -> Integers:
        excess = _excess(counts[:, :, :quantities])
        if not present:
            return excess
        return np.asarray((counts[:, :, quantities:] == 0).sum((1, 2)) * (1 + balanced.sum()) + excess)

    number = max(20, min(CANDIDATES, _CELLS // units))
    every = np.arange(number)
    relabelled = random.permuted(np.tile(np.arange(folds), (number, 1)), axis=1)
    assignments = relabelled[:, start]
    counts = Balance((), weights).counts(assignments, folds)
    best = costs(counts)
    for step in range(_STEPS):
        one, other = random.integers(units, size=(2, number))
        source, target = assignments[every, one], assignments[every, other]
        change = weights[one]
        if step % 2:
            target = random.integers(folds, size=number)
        else:
            change = change - weights[other]
        counts[every, source] -= change
        counts[every, target] += change
        reached = costs(counts)
        worse = reached > best
        counts[every[worse], source[worse]] += change[worse]
        counts[every[worse], target[worse]] -= change[worse]
        better = every[~worse]
        assignments[better, one[~worse]] = target[~worse]
        if step % 2 == 0:
            assignments[better, other[~worse]] = source[~worse]
        best = np.minimum(best, reached)
    return np.asarray(assignments[costs(counts) == best.min()])
