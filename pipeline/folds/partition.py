"""Actor-disjoint folds, balanced as in Table 4.

The number of actors of each gender in each corpus, of each gender, and of all actors should differ by at most one
between folds. Groups (usually one actor; a session has two) stay together, so this is not always possible. An integer
program over kinds of groups finds the best balance; random walks then find many assignments with this balance, and
the one with the most even classes is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from pipeline.core.errors import InputError
from pipeline.core.wording import counted

Integers = NDArray[np.int64]

CANDIDATES = 1000  # random assignments to choose from (Table 4 is one of many that satisfy its constraints)
_STEPS = 1500  # random exchanges before each of them
_NODES = 500  # limit of the search of the integer program, seconds at most; groups of one actor need one node


@dataclass(frozen=True)
class _Balance:
    """The quantities to balance: `weights[unit, quantity]` is the number of actors that count for `names[quantity]`."""

    names: tuple[str, ...]
    weights: Integers

    def counts(self, assignments: Integers, folds: int) -> Integers:
        """Numbers of actors, shape (candidates, folds, quantities), for fold indices, shape (candidates, units)."""
        return np.stack([(assignments == fold).astype(np.int64) @ self.weights for fold in range(folds)], axis=1)


def partition(
    segments: pd.DataFrame, folds: int, seed: int, balance_classes: bool, classes: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Assign the actors of all corpora to folds.

    Args:
        segments: rows of `tables.SEGMENTS`, in any order. An actor is (corpus, actor), a group is (corpus, group).
        folds: number of folds.
        seed: seed of the random assignment.
        balance_classes: True chooses, of 1000 assignments, the one with the least sum over classes and folds of the
            squared deviation of a fold's share of the class's segments from 1 / folds; False chooses the first.
        classes: classes that the training part of every fold must have; default: those of `segments`.

    Returns:
        Rows of `tables.FOLDS`, sorted by corpus and actor, with folds from 1; and a sentence for each quantity that
        differs by more than one between folds.

    Raises:
        InputError: there are fewer groups than folds; an actor has two genders or groups; or a class would be missing
            from the training part of some fold.
    """
    classes = sorted(segments["emotion"].unique()) if classes is None else list(classes)
    actors = _actors(segments)
    units = actors[["corpus", "group"]].drop_duplicates().sort_values(["corpus", "group"], ignore_index=True)
    if len(units) < folds:
        raise InputError(
            f"partition.folds is {folds}, and there are {len(units)} groups of actors that must stay together "
            f"({len(actors)} actors); expected at least as many groups as folds. Lower partition.folds in params.yaml "
            "or add recordings of more actors"
        )
    unit_of = pd.MultiIndex.from_frame(units)
    balance = _balance(actors, unit_of)
    shares = _class_shares(segments, unit_of, classes)

    start, proven = _most_even(balance.weights, folds)
    assignments = _random_walks(start, balance, folds, np.random.default_rng(seed))
    in_fold = np.stack([(assignments == fold) @ shares for fold in range(folds)], axis=1)
    _refuse_missing_class(in_fold, classes, segments, folds)
    complete = (in_fold < 1 - 1e-9).all((1, 2))
    deviation = np.square(in_fold - 1 / folds).sum((1, 2)).round(12)
    deviation[~complete] = np.inf
    chosen = assignments[deviation.argmin() if balance_classes else complete.argmax()]

    table = actors.assign(fold=chosen[unit_of.get_indexer(pd.MultiIndex.from_frame(actors[["corpus", "group"]]))] + 1)
    return table, _notes(balance, chosen, folds, proven)


def balance_table(table: pd.DataFrame) -> pd.DataFrame:
    """Number of women and men (and others, X, if there are any) of each corpus in each fold, as Table 4, with totals.

    Args:
        table: rows of `tables.FOLDS`.

    Returns:
        One row for each corpus and `Total`, one column for each (fold, gender).
    """
    genders = ["F", "M", *(["X"] if (table["gender"] == "X").any() else [])]
    columns = pd.MultiIndex.from_product([range(1, table["fold"].max() + 1), genders], names=["fold", "gender"])
    counts = pd.crosstab(table["corpus"], [table["fold"], table["gender"]]).reindex(columns=columns, fill_value=0)
    counts.loc["Total"] = counts.sum()
    return counts


def _actors(segments: pd.DataFrame) -> pd.DataFrame:
    """One row for each (corpus, actor) with gender and group, sorted."""
    actors = segments[["corpus", "actor", "gender", "group"]].drop_duplicates()
    actors = actors.sort_values(["corpus", "actor", "gender", "group"], ignore_index=True)
    twice = actors[actors.duplicated(["corpus", "actor"], keep=False)]
    if not twice.empty:
        corpus, actor = twice.iloc[0][["corpus", "actor"]]
        rows = twice[(twice["corpus"] == corpus) & (twice["actor"] == actor)]
        found = "; ".join(f"gender {row.gender}, group {row.group}" for row in rows.itertuples())
        raise InputError(
            f"actor {actor} of {corpus} has more than one gender or group ({found}); expected one of each, since an "
            "actor is in one fold only. Correct the labels of the corpus"
        )
    return actors


def _balance(actors: pd.DataFrame, unit_of: pd.MultiIndex) -> _Balance:
    """The numbers of actors of each group: of each (corpus, gender), of each gender, and of all."""
    unit = unit_of.get_indexer(pd.MultiIndex.from_frame(actors[["corpus", "group"]]))
    columns: dict[str, NDArray[np.bool_]] = {}
    for (corpus, gender), _ in actors.groupby(["corpus", "gender"]):
        columns[f"{corpus} {gender}"] = ((actors["corpus"] == corpus) & (actors["gender"] == gender)).to_numpy()
    for gender in sorted(actors["gender"].unique()):
        columns[f"all corpora {gender}"] = (actors["gender"] == gender).to_numpy()
    columns["all actors"] = np.ones(len(actors), dtype=bool)
    weights = np.zeros((len(unit_of), len(columns)), dtype=np.int64)
    np.add.at(weights, unit, np.stack(list(columns.values()), axis=1).astype(np.int64))
    return _Balance(tuple(columns), weights)


def _class_shares(segments: pd.DataFrame, unit_of: pd.MultiIndex, classes: Sequence[str]) -> NDArray[np.float64]:
    """The share of the segments of each class that each group has, shape (units, classes)."""
    unit = unit_of.get_indexer(pd.MultiIndex.from_frame(segments[["corpus", "group"]]))
    counts = np.stack([np.bincount(unit[segments["emotion"] == name], minlength=len(unit_of)) for name in classes], 1)
    missing = [name for name, count in zip(classes, counts.sum(0), strict=True) if count == 0]
    if missing:
        raise InputError(
            f"no segment of class {', '.join(missing)} in any configured corpus; expected some of each of "
            f"{', '.join(classes)}. Remove it from classes in params.yaml, or add a corpus that has it"
        )
    return np.asarray(counts / counts.sum(0))


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


def _random_walks(start: Integers, balance: _Balance, folds: int, random: np.random.Generator) -> Integers:
    """Fold indices, shape (candidates, units), after random walks from `start` that never make the balance worse.

    All candidates walk at the same time. A step exchanges the folds of two random units, or moves one to a random fold.
    """
    weights, units = balance.weights, len(start)
    every = np.arange(CANDIDATES)
    relabelled = random.permuted(np.tile(np.arange(folds), (CANDIDATES, 1)), axis=1)
    assignments = relabelled[:, start]
    counts = balance.counts(assignments, folds)
    best = _excess(counts)
    for step in range(_STEPS):
        one, other = random.integers(units, size=(2, CANDIDATES))
        source, target = assignments[every, one], assignments[every, other]
        change = weights[one]
        if step % 2:
            target = random.integers(folds, size=CANDIDATES)
        else:
            change = change - weights[other]
        counts[every, source] -= change
        counts[every, target] += change
        reached = _excess(counts)
        worse = reached > best
        counts[every[worse], source[worse]] += change[worse]
        counts[every[worse], target[worse]] -= change[worse]
        better = every[~worse]
        assignments[better, one[~worse]] = target[~worse]
        if step % 2 == 0:
            assignments[better, other[~worse]] = source[~worse]
        best = np.minimum(best, reached)
    return np.asarray(assignments[_excess(counts) == best.min()])


def _refuse_missing_class(
    in_fold: NDArray[np.float64], classes: Sequence[str], segments: pd.DataFrame, folds: int
) -> None:
    """Refuse if every candidate lacks a class in the training part of some fold."""
    whole = np.any(in_fold > 1 - 1e-9, axis=1)  # (candidates, classes): all of the class lies in one fold
    if not whole.any(1).all():
        return
    name = classes[int(whole.mean(0).argmax())]
    actors = segments.loc[segments["emotion"] == name, ["corpus", "actor"]].drop_duplicates()
    named = ", ".join(sorted(f"{corpus} {actor}" for corpus, actor in actors.to_numpy()))
    raise InputError(
        f"class {name} has recordings of {counted(len(actors), 'actor')} only ({named}), and one of the {folds} folds "
        f"would have all of them, so that its training part would have no {name}. Remove the class from classes in "
        "params.yaml, or add recordings of it by other actors"
    )


def _notes(balance: _Balance, chosen: Integers, folds: int, proven: bool) -> list[str]:
    """A sentence for each quantity that differs by more than one between folds."""
    counts = balance.counts(chosen[None], folds)[0]
    why = (
        "groups stay together, and no assignment is more even in total"
        if proven
        else "this is the most even assignment found; a more even one may exist"
    )
    notes = []
    for name, column in zip(balance.names, counts.T, strict=True):
        difference = column.max() - column.min()
        if difference > 1:
            listed = ", ".join(map(str, column))
            notes.append(f"{name}: {listed} actors in folds 1 to {folds} differ by {difference}; {why}")
    return notes
