"""Actor-disjoint folds, balanced as in Table 4.

The number of actors of each gender in each corpus, of each gender, and of all actors should differ by at most one
between folds. Groups (usually one actor; a session has two) stay together, so this is not always possible. So do all
recordings of one person, also where they are in several corpora. `assignment.py` has the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.folds.assignment import Assignment, Balance, Task, assign
from pipeline.folds.people import Integers, Source, groups_of, linked, people_of

ACTOR = ["corpus", "actor", "gender", "group"]


def partition(
    segments: pd.DataFrame,
    folds: int,
    seed: int,
    balance_classes: bool,
    classes: Sequence[str] | None = None,
    *,
    sources: Mapping[str, Source] = MappingProxyType({}),
    repeats: int = 1,
    dev: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """Assign the actors of all corpora to folds.

    Args:
        segments: rows of `tables.SEGMENTS`, in any order. An actor is (corpus, actor), a group is (corpus, group),
            unless `sources` says that corpora share them. A column `unit`, if there is one, says in their place which
            actors stay together.
        folds: number of folds.
        seed: seed of the random assignment.
        balance_classes: True chooses, of 1000 assignments, the one with the least sum over classes and folds of the
            squared deviation of a fold's share of the class's segments from 1 / folds; False chooses the first. An
            assignment that leaves fewer classes out of folds comes before either.
        classes: classes that the training part of every fold must have; default: those of `segments`.
        sources: where the names of each corpus come from.
        repeats: number of different partitions; the first does not depend on it.
        dev: whether a run leaves the next fold out of training too.

    Returns:
        Rows of `tables.FOLDS`, sorted by corpus and actor, with folds from 1, and with a column `repeat` if there are
        several; and a sentence for each quantity that differs by more than one between folds.

    Raises:
        InputError: there are fewer groups than folds; an actor has two genders or groups; a class would be missing
            from the training part of some fold; or there are not as many different partitions.
    """
    classes = sorted(segments["emotion"].unique()) if classes is None else list(classes)
    actors = _actors(segments)
    unit = _units(actors, sources)
    units = int(unit.max()) + 1 if len(unit) else 0
    if units < folds:
        raise InputError(
            f"partition.folds is {folds}, and there {'is' if units == 1 else 'are'} {counted(units, 'group')} of "
            f"actors that must stay together ({counted(len(actors), 'actor')}); expected at least as many groups as "
            "folds. Lower partition.folds in params.yaml or add recordings of more actors"
        )
    of_actor = pd.Series(unit, index=pd.MultiIndex.from_frame(actors[["corpus", "actor"]]))
    unit_of_segment = of_actor.loc[pd.MultiIndex.from_frame(segments[["corpus", "actor"]])].to_numpy()
    balance = _balance(actors, unit, sources)
    shares = class_shares(segments["emotion"].to_numpy(), unit_of_segment, units, classes)
    task = Task(balance, shares, folds, seed, balance_classes, dev)

    tables, notes = [], []
    taken: set[bytes] = set()
    for repeat in range(1, repeats + 1):
        found = _assigned(task, taken, repeat, segments, classes)
        taken.add(found.partition)
        tables.append(actors[ACTOR].assign(fold=found.fold_of[unit] + 1, **({"repeat": repeat} if repeats > 1 else {})))
        of_repeat = f"repeat {repeat}: " if repeats > 1 else ""
        notes += [f"{of_repeat}{note}" for note in _notes(balance, found, folds)]
    return pd.concat(tables, ignore_index=True), notes


def balance_table(table: pd.DataFrame) -> pd.DataFrame:
    """Number of women and men (and others, X, if there are any) of each corpus in each fold, as Table 4, with totals.

    Args:
        table: rows of `tables.FOLDS` of one partition.

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
    actors = segments[[*ACTOR, *(["unit"] if "unit" in segments else [])]].drop_duplicates()
    actors = actors.sort_values(ACTOR, ignore_index=True)
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


def _units(actors: pd.DataFrame, sources: Mapping[str, Source]) -> Integers:
    """The number of the unit of each actor: of those that are one person, or in one group, directly or over others."""
    order = actors.sort_values(["corpus", "group"], kind="stable").index
    ordered = actors.loc[order]
    unit = np.empty(len(actors), dtype=np.int64)
    if "unit" in actors:
        unit[order] = pd.factorize(ordered["unit"])[0]
    elif len(actors):
        unit[order] = linked(groups_of(ordered, sources).tolist(), people_of(ordered, sources).tolist())
    return unit


def _balance(actors: pd.DataFrame, unit: Integers, sources: Mapping[str, Source]) -> Balance:
    """The numbers of people of each unit: of each (corpus, gender), of each gender, and of all."""
    columns: dict[str, NDArray[np.bool_]] = {}
    for (corpus, gender), _ in actors.groupby(["corpus", "gender"]):
        columns[f"{corpus} {gender}"] = ((actors["corpus"] == corpus) & (actors["gender"] == gender)).to_numpy()
    first = ~people_of(actors, sources).duplicated().to_numpy()
    for gender in sorted(actors["gender"].unique()):
        columns[f"all corpora {gender}"] = first & (actors["gender"] == gender).to_numpy()
    columns["all actors"] = first
    weights = np.zeros((int(unit.max()) + 1, len(columns)), dtype=np.int64)
    np.add.at(weights, unit, np.stack(list(columns.values()), axis=1).astype(np.int64))
    return Balance(tuple(columns), weights)


def class_shares(
    emotions: NDArray[np.object_], unit: Integers, units: int, classes: Sequence[str]
) -> NDArray[np.float64]:
    """The share of the segments of each class that each unit has, shape (units, classes).

    Raises:
        InputError: a class has no segment.
    """
    counts = np.stack([np.bincount(unit[emotions == name], minlength=units) for name in classes], 1)
    missing = [name for name, count in zip(classes, counts.sum(0), strict=True) if count == 0]
    if missing:
        raise InputError(
            f"no segment of class {', '.join(missing)} in any configured corpus; expected some of each of "
            f"{', '.join(classes)}. Remove it from classes in params.yaml, or add a corpus that has it"
        )
    return np.asarray(counts / counts.sum(0))


def _assigned(task: Task, taken: set[bytes], repeat: int, segments: pd.DataFrame, classes: Sequence[str]) -> Assignment:
    """The assignment of one repeat.

    Raises:
        InputError: there is none.
    """
    try:
        found = assign(task, taken, repeat)
    except LookupError:
        raise InputError(
            "partition.repeats asks for more different partitions than were found: the balance of genders and "
            "corpora, "
            f"and every class in training, allow {len(taken)} of these groups in {counted(task.folds, 'fold')}; "
            f"expected at most {len(taken)}. Lower partition.repeats in params.yaml, or add recordings of more actors"
        ) from None
    if isinstance(found, Assignment):
        return found
    whole = np.any(found > 1 - 1e-9, axis=1)  # (candidates, classes): training lacks the class in some fold
    name = classes[int(whole.mean(0).argmax())]
    actors = segments.loc[segments["emotion"] == name, ["corpus", "actor"]].drop_duplicates()
    named = ", ".join(sorted(f"{corpus} {actor}" for corpus, actor in actors.to_numpy()))
    would = "would have all of them" if not task.dev else "and the next, which is held out too, would have all of them"
    raise InputError(
        f"class {name} has recordings of {counted(len(actors), 'actor')} only ({named}), and one of the {task.folds} "
        f"folds {would}, so that its training part would have no {name}. Remove the class from classes in params.yaml, "
        "or add recordings of it by other actors"
    )


def _notes(balance: Balance, found: Assignment, folds: int) -> list[str]:
    """A sentence for each quantity that differs by more than one between folds."""
    counts = balance.counts(found.fold_of[None], folds)[0]
    why = (
        "groups stay together, and no assignment is more even in total"
        if found.proven
        else "a more even assignment leaves a class out of a fold"
        if found.uneven
        else "this is the most even assignment found; a more even one may exist"
    )
    notes = []
    for name, column in zip(balance.names, counts.T, strict=True):
        difference = column.max() - column.min()
        if difference > 1:
            listed = ", ".join(map(str, column))
            notes.append(f"{name}: {listed} actors in folds 1 to {folds} differ by {difference}; {why}")
    return notes
