"""Speakers, groups and sentences that two parts of a run share, in a split that was given and not made here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, enumerated, listed
from pipeline.folds.params import Leak
from pipeline.folds.parts import DEV, TEST, TRAIN, VALID, Parts

_PAIRS = tuple(combinations((TRAIN, DEV, VALID, TEST), 2))


@dataclass(frozen=True)
class Found:
    """The speakers, groups or texts that two parts of one fold share.

    Attributes:
        kind: `speakers`, `groups` or `texts`.
        fold: the fold.
        parts: names of the parts.
        names: what is shared, for people.
        recordings: keys of the recordings of the later part that are concerned.
    """

    kind: Leak
    fold: int
    parts: tuple[str, str]
    names: tuple[str, ...]
    recordings: frozenset[str]


def leaks_of(recordings: pd.DataFrame, parts: Parts, fold: int) -> Iterator[Found]:
    """The leaks between each two parts of a fold, speakers first; groups only of people who are not shared."""
    kinds: tuple[tuple[Leak, str, str], ...] = (
        ("speakers", "person", "actor"), ("groups", "unit", "group"), ("texts", "sentence", "text"),
    )  # fmt: skip
    people = recordings["person"].to_numpy()
    for kind, key, shown in kinds:
        values = recordings[key].to_numpy()
        for one, other in _PAIRS:
            common = np.intersect1d(values[parts == one].astype(str), values[parts == other].astype(str))
            common = common[common != ""]
            if not len(common):
                continue
            concerned = (parts == other) & np.isin(values.astype(str), common)
            if kind == "groups":
                concerned &= ~np.isin(people, people[parts == one])
            rows = recordings[concerned]
            if rows.empty:
                continue
            names = (rows["corpus"] + " " + rows[shown]).unique().tolist()
            yield Found(kind, fold, (one, other), tuple(sorted(names)), frozenset(rows["utterance"]))


def refuse_leaks(leaks: Sequence[Found], allowed: Collection[str], where: str) -> list[str]:
    """A sentence for each kind of leak that is allowed.

    Raises:
        InputError: there are leaks that are not allowed.
    """
    kinds: dict[str, list[Found]] = {}
    for leak in leaks:
        kinds.setdefault(leak.kind, []).append(leak)
    if refused := [kind for kind in kinds if kind not in allowed]:
        named = "; ".join(_sentence(kind, kinds[kind]) for kind in refused)
        raise InputError(
            f"{where} leaks: {named}; expected parts that share no speaker, no group and no sentence. Correct the "
            f"table, or say that you know: partition.allow_leaks: [{', '.join(kinds)}] in params.yaml, which the "
            "report repeats"
        )
    return [
        f"leak in {where}, allowed by partition.allow_leaks: {_sentence(kind, found)}" for kind, found in kinds.items()
    ]


def _sentence(kind: str, found: Sequence[Found]) -> str:
    """`speakers (emodb 03, emodb 08) are shared by train and valid in folds 1 and 2 (40 recordings)`."""
    names = listed(sorted({name for leak in found for name in leak.names}), 3)
    parts = enumerated(dict.fromkeys(" and ".join(leak.parts) for leak in found))
    numbers = sorted({leak.fold for leak in found})
    folds = f"fold{'s' if len(numbers) > 1 else ''} {enumerated(map(str, numbers))}"
    concerned = frozenset[str]().union(*(leak.recordings for leak in found))
    return f"{kind} ({names}) are shared by {parts} in {folds} ({counted(len(concerned), 'recording')})"
