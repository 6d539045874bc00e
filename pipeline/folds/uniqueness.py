"""What has to be unique over all corpora: the keys of utterances, and the sound itself.

A reader knows one corpus only. Two corpora of one key would overwrite each other in training; one sound in two
corpora would be trained on in one fold and validated in another.
"""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.wording import listed


def refuse_shared(utterances: pd.DataFrame) -> None:
    """Refuse corpora that share an utterance key or a recording's sound.

    Segment keys are unique with the utterance keys that they begin with.

    Args:
        utterances: rows of `records.UTTERANCES`, of all configured corpora.

    Raises:
        InputError: two corpora made one key (`a` with `b-x`, and `a-b` with `x`), or hold the same decoded sound.
    """
    for rows in _shared(utterances, "utterance")[:1]:
        one, other = rows[0], rows[1]
        raise InputError(
            f"the utterance key {one['utterance']} stands for {_named(one)} and for {_named(other)}; expected a key "
            f"for each; rename the corpus {one['corpus']} or {other['corpus']} in params.yaml so that neither name "
            "begins with the other"
        )
    if shared := _shared(utterances, "digest"):
        pairs = listed((" and ".join(map(_named, rows)) for rows in shared), most=3)
        one, other = shared[0][0], shared[0][1]
        raise InputError(
            f"different corpora hold the same sound, which would be trained on in one fold and validated in another: "
            f"{pairs}; expected every recording in one corpus; remove the copies, or {one['corpus']} or "
            f"{other['corpus']} from params.yaml"
        )


def _shared(utterances: pd.DataFrame, column: str) -> list[list[dict[Hashable, str]]]:
    """The first row of each corpus, for every value of `column` that more than one corpus has."""
    firsts = utterances[["utterance", "corpus", "path", "digest"]].drop_duplicates([column, "corpus"])
    twice = firsts[firsts.duplicated(column, keep=False)]
    return [rows.to_dict("records") for _, rows in twice.groupby(column, sort=False)]


def _named(row: dict[Hashable, str]) -> str:
    return f"{row['path']} of {row['corpus']}"
