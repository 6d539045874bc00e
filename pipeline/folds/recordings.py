"""The recordings that are divided into parts, with what schemes keep apart: people and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.wording import counted, enumerated
from pipeline.folds.assignment import Shares
from pipeline.folds.people import Integers, Source, groups_of, linked, people_of, sentences_of

READ = ("utterance", "corpus", "path", "emotion", "actor", "gender", "group")
KNOWN = ("text", "session")
"""Columns that only some readers give."""


def recordings_of(utterances: pd.DataFrame, segments: pd.DataFrame, sources: Mapping[str, Source]) -> pd.DataFrame:
    """One row for each utterance.

    Args:
        utterances: rows of `tables.UTTERANCES` of all configured corpora, with `text` and `session` where known.
        segments: rows of `tables.SEGMENTS` of the same corpora.
        sources: where the names of each corpus come from.

    Returns:
        The columns of utterances, `text` and `session` (empty where not known), `segments` (their number), `unit`
        (number of the set of people who stay together), `person` and `sentence` (empty where not known).
    """
    table = utterances.reindex(columns=[*READ, *KNOWN]).reset_index(drop=True)
    table = table.assign(**{name: table[name].fillna("").astype(str) for name in KNOWN})
    numbers = segments["utterance"].value_counts()
    table["segments"] = table["utterance"].map(numbers).fillna(0).astype("int64")
    table["person"] = people_of(table, sources)
    table["sentence"] = sentences_of(table, sources)
    return with_units(table, sources)


def with_units(table: pd.DataFrame, sources: Mapping[str, Source]) -> pd.DataFrame:
    """The table with `unit`: the people of one group, or of linked ones, are one unit."""
    return table.assign(unit=linked(groups_of(table, sources).tolist(), table["person"].tolist()))


def in_sessions(table: pd.DataFrame, sources: Mapping[str, Source]) -> tuple[pd.DataFrame, list[str]]:
    """The recordings with sessions as groups, and a note on corpora without sessions.

    Actors of several sessions join these to one group, named after all of them. The names are for people: `unit`
    follows from the earlier groups, which may be shared by corpora, from people, and from the sessions of each corpus.
    """
    group = table["group"].copy()
    without = []
    for corpus, rows in table.groupby("corpus", sort=False):
        if (rows["session"] == "").all():
            without.append(str(corpus))
            continue
        joined = linked(rows["actor"].tolist(), rows["session"].tolist(), rows["group"].tolist())
        for number in np.unique(joined):
            members = rows.index[joined == number]
            if sessions := sorted(set(rows.loc[members, "session"]) - {""}):
                group[members] = "+".join(sessions)
    session = (table["corpus"] + "|" + table["session"]).where(table["session"] != "", "")
    keys = groups_of(table, sources), table["person"], session
    changed = table.assign(group=group, unit=linked(*(key.tolist() for key in keys)))
    notes = []
    if without:
        notes.append(
            f"{enumerated(without)} {'has' if len(without) == 1 else 'have'} no sessions (no column `session` in "
            "data/utterances): actors stay together there, as in scheme: actors"
        )
    return changed, notes


def shares_of(table: pd.DataFrame, unit: Integers, units: int, classes: Sequence[str]) -> Shares:
    """The share of the segments of each class that each unit has, (units, classes); 0 for a class without segments."""
    counts = np.stack(
        [np.bincount(unit, table["segments"] * (table["emotion"] == name), minlength=units) for name in classes], axis=1
    )
    return np.asarray(counts / np.maximum(counts.sum(0), 1))


def described(table: pd.DataFrame) -> str:
    """`24 recordings (emodb 20, savee 4)`."""
    numbers = table["corpus"].value_counts(sort=False)
    return f"{counted(len(table), 'recording')} ({', '.join(f'{name} {number}' for name, number in numbers.items())})"
