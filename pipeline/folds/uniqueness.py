"""Utterance keys and sounds must be unique over all corpora.

A reader reads one corpus only. Two utterances with the same key could not be distinguished in training; the same sound
in two corpora could be trained on and validated on in the same run.
"""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.wording import listed


def refuse_shared(utterances: pd.DataFrame) -> None:
    """Refuse corpora that share an utterance key or the sound of a recording.

    Segment keys begin with utterance keys, so they are unique too.

    Args:
        utterances: rows of `tables.UTTERANCES`, of all configured corpora.

    Raises:
        InputError: two corpora have the same key (`a` with `b-x`, and `a-b` with `x`), or the same decoded sound.
    """
    for rows in _shared(utterances, "utterance")[:1]:
        one, other = rows[0], rows[1]
        raise InputError(
            f"the utterance key {one['utterance']} means {_named(one)} and {_named(other)}; expected a key "
            f"for each; rename the corpus {one['corpus']} or {other['corpus']} in params.yaml so that neither name "
            "begins with the other"
        )
    if shared := _shared(utterances, "digest"):
        pairs = listed((" and ".join(map(_named, rows)) for rows in shared), most=3)
        one, other = shared[0][0], shared[0][1]
        raise InputError(
            f"different corpora hold the same sound, which could be trained on and validated on in the same run: "
            f"{pairs}; expected every recording in one corpus; remove the copies, or {one['corpus']} or "
            f"{other['corpus']} from params.yaml"
        )


def _shared(utterances: pd.DataFrame, column: str) -> list[list[dict[Hashable, str]]]:
    """The first row of each corpus, for each value of `column` that more than one corpus has."""
    firsts = utterances[["utterance", "corpus", "path", "digest"]].drop_duplicates([column, "corpus"])
    twice = firsts[firsts.duplicated(column, keep=False)]
    return [rows.to_dict("records") for _, rows in twice.groupby(column, sort=False)]


def _named(row: dict[Hashable, str]) -> str:
    return f"{row['path']} of {row['corpus']}"
