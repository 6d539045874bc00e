"""Made-up recordings with actors, sentences and sessions, as `partition` gets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from pipeline.folds.params import PartitionParams
from pipeline.folds.people import Source, source_of

CLASSES = ("joy", "anger", "sadness")


def recording(corpus: str, actor: str, emotion: str, text: str, take: int = 0, session: str = "") -> dict[str, str]:
    """A row of `tables.UTTERANCES`, as far as splits read it."""
    name = f"{corpus}-{actor}-{emotion}-{text or 'none'}-{take}"
    return {
        "utterance": name, "corpus": corpus, "path": f"{actor}/{name}.wav", "emotion": emotion, "actor": actor,
        "gender": "F" if sum(map(ord, actor)) % 2 else "M", "group": actor, "text": text, "session": session,
    }  # fmt: skip


def spoken(
    corpus: str, actors: Iterable[str], texts: Sequence[str], classes: Iterable[str] = CLASSES, takes: int = 1
) -> list[dict[str, str]]:
    """Every actor says every sentence in every class."""
    return [
        recording(corpus, actor, emotion, text, take)
        for actor in actors for emotion in classes for text in texts for take in range(takes)
    ]  # fmt: skip


def tables_of(rows: Sequence[Mapping[str, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Utterances, and segments: one for each."""
    utterances = pd.DataFrame(rows)
    segments = utterances[["utterance", "corpus", "emotion", "actor", "gender", "group"]].copy()
    segments.insert(0, "segment", segments["utterance"] + "-1")
    return utterances, segments.assign(start_frame=0, num_frames=100)


def sources_for(rows: Iterable[Mapping[str, str]], readers: Mapping[str, str] | None = None) -> dict[str, Source]:
    """The sources of the corpora of these rows; a corpus without a reader is a table of the user's own."""
    corpora = dict.fromkeys(row["corpus"] for row in rows)
    return {corpus: source_of(corpus, {"reader": (readers or {}).get(corpus, "custom")}) for corpus in corpora}


def partitioned(**options: object) -> PartitionParams:
    """A section `partition`."""
    return PartitionParams.model_validate({"folds": 2, "seed": 0, **options})
