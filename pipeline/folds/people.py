"""Names that belong to one person, and recordings that must stay together.

The names of actors and of sentences belong to the reader of a corpus: two entries of one reader, such as RAVDESS's
speech and song, have the same people. The names in a table of the user's own belong to that table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.core.wording import counted, enumerated, listed

Integers = NDArray[np.int64]

OWN_TABLES = frozenset({"audformat", "custom"})
"""Readers of tables of the user's own: a name means nothing outside its table."""

EDITIONS: Mapping[str, str] = {"emodb2": "emodb"}
"""Readers of another edition of a corpus, with the same people and sentences."""


@dataclass(frozen=True)
class Source:
    """Where the names of a corpus come from.

    Attributes:
        people: whose names its actors and sentences are: a reader's, or its own.
        shared_groups: whether its groups are those of the same name in all corpora with shared groups.
        own: whether they are those of a table of the user's.
    """

    people: str
    shared_groups: bool = False
    own: bool = False


def source_of(corpus: str, entry: Any) -> Source:
    """The source of a corpus, from its entry in params.yaml, which need not have been checked."""
    options = entry if isinstance(entry, Mapping) else {}
    reader = str(options.get("reader") or corpus)
    own = reader in OWN_TABLES
    # A key of a corpus has no slash, so that no corpus is mistaken for a reader.
    people = f"{corpus}/" if own else EDITIONS.get(reader, reader)
    return Source(people, options.get("split_group") == "shared", own)


def linked(*keys: Sequence[str]) -> Integers:
    """Numbers of the sets of rows that are linked by a common key, directly or over others, by first appearance.

    Args:
        keys: lists of one key a row; an empty key links nothing.

    >>> linked(["a", "b", "c", "d"], ["x", "y", "x", ""]).tolist()
    [0, 1, 0, 2]
    """
    rows = len(keys[0])
    ends, offset = [], rows
    for column in keys:
        codes, names = pd.factorize(pd.Series(column, dtype=object).replace("", None))
        known = np.flatnonzero(codes >= 0)
        ends.append(np.stack([known, offset + codes[known]]))
        offset += len(names)
    pairs = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(offset, offset))
    _, found = connected_components(graph, directed=False)
    numbers, _ = pd.factorize(found[:rows])
    return np.asarray(numbers, dtype=np.int64)


def people_of(table: pd.DataFrame, sources: Mapping[str, Source]) -> pd.Series[str]:
    """The person of each row of a table with `corpus` and `actor`."""
    names = {corpus: sources.get(corpus, Source(f"{corpus}/", own=True)).people for corpus in table["corpus"].unique()}
    return table["corpus"].map(names) + "|" + table["actor"]


def groups_of(table: pd.DataFrame, sources: Mapping[str, Source]) -> pd.Series[str]:
    """The group of each row of a table with `corpus` and `group`: of its corpus, or of all with shared groups."""
    names = {
        corpus: "" if (known := sources.get(corpus)) and known.shared_groups else corpus
        for corpus in table["corpus"].unique()
    }
    return table["corpus"].map(names) + "|" + table["group"]


def sentences_of(table: pd.DataFrame, sources: Mapping[str, Source]) -> pd.Series[str]:
    """The sentence of each row of a table with `corpus` and `text`; empty where it is not known.

    Tables of the user's own may spell one sentence in several ways and share it: letters and digits count alone.
    """
    own = {corpus for corpus in table["corpus"].unique() if sources.get(corpus, Source("", own=True)).own}
    names = {corpus: "" if corpus in own else sources[corpus].people for corpus in table["corpus"].unique()}
    plain = table["text"].str.casefold().str.replace(r"[\W_]+", " ", regex=True).str.strip()
    # A sentence without letters, such as one in symbols, stays as it is.
    text = table["text"].where(~table["corpus"].isin(own) | (plain == ""), plain).str.strip()
    return (table["corpus"].map(names) + "|" + text).where(text != "", "")


def shared_people(table: pd.DataFrame, sources: Mapping[str, Source]) -> list[str]:
    """A sentence for each set of corpora that have people in common, such as two entries of one reader."""
    rows = table[["corpus", "actor"]].drop_duplicates()
    rows = rows.assign(person=people_of(rows, sources))
    found: dict[tuple[str, ...], list[str]] = {}
    for person, theirs in rows.groupby("person", sort=False):
        if len(names := sorted(set(theirs["corpus"]))) > 1:
            found.setdefault(tuple(names), []).append(str(person).partition("|")[2])
    return [
        f"{enumerated(names)} have {counted(len(people), 'actor')} in common ({listed(sorted(people), 3)}): each is "
        "one person, whose recordings stay together"
        for names, people in found.items()
    ]
