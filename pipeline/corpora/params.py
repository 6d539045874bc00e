"""The section `corpora` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.settings import Key, Strict, Text


class CorpusParams(Strict):
    """One corpus: where its files are and how to read them."""

    path: Text
    reader: Key | None = None
    complete: bool = False
    segment: bool = True
    exclude_actors: tuple[Text, ...] = ()
    table: Text | None = None
    emotions: dict[Text, Text] | None = None
    split_group: Literal["actor", "session"] = "actor"


Corpora = Annotated[dict[Key, CorpusParams], Field(min_length=1)]
