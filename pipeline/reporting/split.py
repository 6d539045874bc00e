"""The division of recordings in words, where it is not the paper's, and notes on it."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.folds.params import PartitionParams
from pipeline.folds.record import PartitionRecord

WAYS: Mapping[str, str] = {
    "actors": "validated on actors that it never heard",
    "sessions": "validated on sessions of which it never heard any speaker",
    "corpora": "validated on a corpus that it never heard",
    "cross_corpus": "trained on one corpus and validated on all others",
    "texts": "validated on sentences that it never heard, by actors that it may have heard",
    "actors+texts": "validated on sentences and actors that it never heard",
    "table": "trained and validated as a table of the user's own says",
}
"""Description of a run, by `partition.scheme`."""


def way(partition: PartitionParams) -> str:
    """The description of a run."""
    if partition.leave_one_out:
        return "trained on all corpora but one and validated on that; more are trained on one and validated on others"
    return WAYS[partition.scheme]


def split_words(partition: PartitionParams) -> list[str]:
    """A sentence on the division of recordings, if it is not the paper's."""
    parts = []
    if partition.scheme != "actors":
        parts.append(f"a model is {way(partition)} (partition.scheme: {partition.scheme})")
    if partition.leave_one_out:
        parts.append(
            "the runs that leave one corpus out are those of all tables, tests and figures but the matrix across "
            "corpora, which has those on one corpus too (partition.leave_one_out)"
        )
    if partition.dev:
        parts.append("one more fold is held out of training, to choose epochs and temperatures by (partition.dev)")
    if partition.test is not None:
        parts.append("the test is in no fold (partition.test)")
    return [f"Split: {'; '.join(parts)}."] if parts else []


def split_notes(record: PartitionRecord) -> list[str]:
    """The notes of the stage `partition`, as lines."""
    return [f"{note[:1].upper()}{note[1:]}." for note in record.notes]
