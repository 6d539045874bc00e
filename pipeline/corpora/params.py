"""The section `corpora` of params.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.core.settings import Key, Strict, Text

Filter = dict[Text, Annotated[tuple[Text, ...], Field(min_length=1)]]
"""{column of the reader: values}."""


class CorpusParams(Strict):
    """One corpus: where its files are and how to read them.

    Attributes:
        path: folder of the corpus.
        reader: name of its reader; by default its key.
        complete: whether all of the owner's recordings must be there.
        segment: whether long recordings are cut.
        exclude_actors: actors left out.
        table: the table of recordings, for readers that have one.
        column: the column of the emotion, for readers that have a choice.
        emotions: {the owner's name of an emotion: ours}; others keep the name that the reader gives them.
        only: recordings with other values are left out.
        exclude: recordings with these values are left out.
        split_group: what stays in one fold: an actor (or the group of the table of a corpus of one's own), a session,
            or with `shared` groups of the same name in all corpora that are `shared` too.
    """

    path: Text
    reader: Key | None = None
    complete: bool = False
    segment: bool = True
    exclude_actors: tuple[Text, ...] = ()
    table: Text | None = None
    column: Text | None = None
    emotions: dict[Text, Text] | None = None
    only: Filter = Field(default_factory=dict)
    exclude: Filter = Field(default_factory=dict)
    split_group: Literal["actor", "session", "shared"] = "actor"

    @field_validator("path")
    @classmethod
    def _known_to_dvc(cls, path: str) -> str:
        if path.startswith(("~", "$")):
            whole = str(Path(os.path.expandvars(path)).expanduser())
            example = f", such as {whole!r}" if whole != path else ""
            raise ValueError(
                f"{path!r} begins with {path[0]}, which a shell replaces and DVC does not; expected the whole "
                f"path{example}"
            )
        return path


Corpora = Annotated[dict[Key, CorpusParams], Field(min_length=1)]
