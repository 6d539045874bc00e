"""Speakers and sentences that two parts of a run share, in a split that was given and not made here."""

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
    """What two parts of one fold share.

    Attributes:
        kind: `speakers` or `texts`.
        fold: the fold.
        parts: names of the parts.
        names: what is shared, for people.
        recordings: number of recordings of the later part that are concerned.
    """

    kind: Leak
    fold: int
    parts: tuple[str, str]
    names: tuple[str, ...]
    recordings: int


def leaks_of(recordings: pd.DataFrame, parts: Parts, fold: int) -> Iterator[Found]:
    """What each two parts of a fold share, speakers first."""
    kinds: tuple[tuple[Leak, str, str], ...] = (("speakers", "person", "actor"), ("texts", "sentence", "text"))
    for kind, key, shown in kinds:
        values = recordings[key].to_numpy()
        for one, other in _PAIRS:
            common = np.intersect1d(values[parts == one].astype(str), values[parts == other].astype(str))
            common = common[common != ""]
            if not len(common):
                continue
            rows = recordings[(parts == other) & np.isin(values.astype(str), common)]
            names = (rows["corpus"] + " " + rows[shown]).unique().tolist()
            yield Found(kind, fold, (one, other), tuple(sorted(names)), len(rows))


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
            f"{where} leaks: {named}; expected parts that share no speaker and no sentence. Correct the table, or say "
            f"that you know: partition.allow_leaks: [{', '.join(kinds)}] in params.yaml, which the report repeats"
        )
    return [
        f"leak in {where}, allowed by partition.allow_leaks: {_sentence(kind, found)}" for kind, found in kinds.items()
    ]


def _sentence(kind: str, found: Sequence[Found]) -> str:
    """`speakers (emodb 03, emodb 08 and 2 more) of train are in valid, in folds 1 and 2 (40 recordings)`."""
    names = listed(sorted({name for leak in found for name in leak.names}), 3)
    parts = enumerated(dict.fromkeys(f"{one} and {other}" for leak in found for one, other in [leak.parts]))
    folds = enumerated(str(fold) for fold in sorted({leak.fold for leak in found}))
    number = sum(leak.recordings for leak in found)
    return f"{kind} ({names}) are shared by {parts} in fold {folds} ({counted(number, 'recording')})"
