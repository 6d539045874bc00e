"""A split list as it was read: one entry for each recording, or for each speaker where it lists speakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROLES = (
    "name", "speaker", "part", "fold", "repeat", "label", "gender", "corpus", "text", "group", "session", "digest",
    "start", "end",
)  # fmt: skip
"""The roles that a column of a list can have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a list; values that the list does not have are empty.

    Attributes:
        name: path or key of the recording; empty in a list of speakers.
        speaker: the list's own name of the speaker.
        part: the list's own name of the part: train, valid, test.
        fold: number of the fold.
        repeat: number of the partition, where a list has several.
        label: class in the list's words.
        gender: F, M or X.
        corpus: the list's name of the corpus.
        text: what is said.
        group: speakers that must share a part.
        session: session of the recording.
        digest: hash of its sound.
        start: where it begins in its file.
        end: where it ends.
    """

    name: str = ""
    speaker: str = ""
    part: str = ""
    fold: str = ""
    repeat: str = ""
    label: str = ""
    gender: str = ""
    corpus: str = ""
    text: str = ""
    group: str = ""
    session: str = ""
    digest: str = ""
    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class Listing:
    """A list that was read.

    Attributes:
        path: the file, or the folder of a Kaldi list.
        form: its format in words.
        entries: its rows.
        columns: role (`ROLES`) of each column that is used.
        unused: columns that mean nothing to the audit.
        notes: what a user should know, one sentence each.
        files: file of each recording where the list says it apart from the key (Kaldi's `wav.scp`).
    """

    path: Path
    form: str
    entries: tuple[Entry, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def has(self) -> frozenset[str]:
        """The roles that the list fills."""
        return frozenset(self.columns.values())
