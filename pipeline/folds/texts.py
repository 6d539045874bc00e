"""Sentences to folds, so that what is validated has never been trained on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, enumerated, listed
from pipeline.folds.assignment import Assignment, Balance, Task, assign
from pipeline.folds.parts import Mask
from pipeline.folds.people import Integers
from pipeline.folds.recordings import described, shares_of


def refuse_unknown_texts(recordings: pd.DataFrame, scheme: str, test: Mask) -> list[str]:
    """Sentences on the recordings without a text, which no part but the test can have.

    Args:
        recordings: rows of `recordings_of`.
        scheme: the scheme, for the message.
        test: (recordings,) whether a recording is set apart.

    Raises:
        InputError: a corpus has no text at all.
    """
    unknown = recordings["sentence"] == ""
    silent = unknown.groupby(recordings["corpus"], sort=False).all()
    if without := [str(corpus) for corpus in silent.index[silent]]:
        raise InputError(
            f"partition.scheme is {scheme}, and the sentences of {enumerated(without)} are not known (no column "
            "`text` in "
            "data/utterances, or an empty one); expected corpora whose recordings tell their sentence. Give the table "
            "of a corpus of your own a column `text`, remove the corpus, or choose another scheme"
        )
    notes = []
    if (rest := unknown & ~test).any():
        notes.append(f"left out, since their sentences are not known: {described(recordings[rest])}")
    if (tested := unknown & test).any():
        notes.append(
            "in the test, though their sentences are not known, so that runs may learn the same ones: "
            f"{described(recordings[tested])}"
        )
    return notes


def spoken_by_one(recordings: pd.DataFrame) -> pd.Series[bool]:
    """(recordings,) whether people of one unit alone speak the sentence."""
    return recordings.groupby("sentence")["unit"].transform("nunique") == 1


def note_on_single_speakers(recordings: pd.DataFrame, scheme: str) -> list[str]:
    """A sentence on texts that one actor alone speaks."""
    alone = recordings[spoken_by_one(recordings) & (recordings["sentence"] != "")]
    if alone.empty:
        return []
    texts, number = recordings.loc[recordings["sentence"] != "", "sentence"].nunique(), alone["sentence"].nunique()
    names = listed(sorted({f"{row.corpus} {row.text!r}" for row in alone.itertuples()}), 3)
    effect = (
        "they follow their actors, and nothing is left out for them"
        if scheme == "actors+texts"
        else "a run has not trained on them, but may have trained on their actor; scheme: actors+texts keeps both apart"
    )
    return [f"{number} of {counted(texts, 'sentence')} are spoken by one actor or group alone ({names}): {effect}"]


@dataclass(frozen=True)
class TextTask:
    """The requirements of an assignment of sentences; see `assignment.Task`."""

    folds: int
    seed: int
    classes: Sequence[str]
    balance_classes: bool
    dev: bool = False


def fold_of_text(recordings: pd.DataFrame, task: TextTask, taken: Collection[bytes], repeat: int) -> TextFolds:
    """Assign the sentences of the recordings to folds.

    Args:
        recordings: rows with a sentence.
        task: the requirements.
        taken: earlier partitions, which this one must differ from.
        repeat: number of the partition.

    Raises:
        InputError: there are fewer sentences than folds, a class would be missing from training, or there are not as
            many different partitions.
    """
    codes, names = pd.factorize(recordings["sentence"], sort=True)
    unit = codes.astype(np.int64)
    if len(names) < task.folds:
        raise InputError(
            f"partition.folds is {task.folds}, and there {'is' if len(names) == 1 else 'are'} "
            f"{counted(len(names), 'sentence')}; expected at least as many sentences as folds. Lower partition.folds "
            "in params.yaml, or choose another scheme"
        )
    balance = _balance(recordings, unit, len(names))
    shares = shares_of(recordings, unit, len(names), task.classes)
    try:
        found = assign(Task(balance, shares, task.folds, task.seed, task.balance_classes, task.dev), taken, repeat)
    except LookupError:
        raise InputError(
            f"partition.repeats asks for more different partitions of {counted(len(names), 'sentence')} than were "
            f"found; expected at most {len(taken)}. Lower partition.repeats in params.yaml"
        ) from None
    if isinstance(found, Assignment):
        return TextFolds(found.fold_of[unit], found.partition)
    whole = np.any(found > 1 - 1e-9, axis=1)
    name = task.classes[int(whole.mean(0).argmax())]
    rows = recordings[recordings["emotion"] == name]
    texts = sorted(set(rows["corpus"] + " " + rows["text"].map(repr)))
    raise InputError(
        f"class {name} is in {counted(len(texts), 'sentence')} only ({listed(texts)}), and a run would hold all of "
        "them "
        f"out, so that its training part would have no {name}. Remove the class from classes in params.yaml, lower "
        "partition.folds, or choose another scheme"
    )


@dataclass(frozen=True)
class TextFolds:
    """The fold of each recording, from 0, and bytes that are different for each different partition."""

    fold_of: Integers
    partition: bytes


def blocks_of_texts(recordings: pd.DataFrame, task: TextTask, repeat: int) -> pd.DataFrame:
    """The sentences of each reader in blocks: each fold validates the next block, and after the last one the first.

    A reader with fewer sentences than folds has fewer blocks, and all its actors are still validated.

    Args:
        recordings: rows with a sentence.
        task: the requirements.
        repeat: number of the partition.

    Returns:
        (recordings) columns `block`, from 0, and `blocks`, their number; 1 for a reader with one sentence.

    Raises:
        InputError: a reader has too few sentences for a block to hold out beside that which is validated.
    """
    found = pd.DataFrame({"block": 0, "blocks": 1}, index=recordings.index)
    for _, rows in recordings.groupby(recordings["sentence"].str.partition("|")[0], sort=True):
        of_class = rows.groupby("emotion")["sentence"].nunique()
        # Every block should have every class of the reader, and others must be left for training.
        texts = rows["sentence"].nunique()
        number = min(task.folds, texts, max(3 if task.dev else 2, int(of_class.min())))
        if task.dev and number < 3:
            raise InputError(
                f"partition.dev: {enumerated(sorted(set(rows['corpus'])))} has {counted(texts, 'sentence')}, and with "
                "scheme: actors+texts a run validates some, holds others out as `dev`, and trains on the rest; "
                "expected at least 3. Set partition.dev to false, remove the corpus, or choose scheme: actors"
            )
        if number < 2:
            continue
        codes, names = pd.factorize(rows["sentence"], sort=True)
        unit = codes.astype(np.int64)
        shares = shares_of(rows, unit, len(names), sorted(rows["emotion"].unique()))
        balance = _balance(rows, unit, len(names))
        sought = Task(balance, shares, number, task.seed, task.balance_classes, task.dev)
        assigned = assign(sought, repeat=repeat)
        if not isinstance(assigned, Assignment):
            # A class of one sentence; the balance of all is what is left to look for.
            assigned = assign(replace(sought, shares=np.full((len(names), 1), 1 / len(names))), repeat=repeat)
        assert isinstance(assigned, Assignment)  # noqa: S101 (one class of several sentences is never in one block)
        found.loc[rows.index, "block"] = assigned.fold_of[unit]
        found.loc[rows.index, "blocks"] = number
    return found


def _balance(recordings: pd.DataFrame, unit: Integers, units: int) -> Balance:
    """The numbers of sentences of each corpus, and of those with each class in it."""
    names, columns = [], []
    of_class = (recordings["corpus"] + " " + recordings["emotion"]).to_numpy()
    for kind in (recordings["corpus"].to_numpy(), of_class):
        for name in sorted(set(kind)):
            names.append(str(name))
            columns.append(np.bincount(unit[kind == name], minlength=units) > 0)
    return Balance(tuple(names), np.stack(columns, axis=1).astype(np.int64))
