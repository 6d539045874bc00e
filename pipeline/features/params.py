"""The sections of params.yaml that segmentation and extraction depend on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from pipeline.core.settings import Count, Key, Sections, Strict, Text


class SegmentParams(Strict):
    """Sub-utterance sampling (section 5)."""

    seconds: Annotated[float, Field(ge=0.1, le=86400)]


class CorpusFolder(Strict):
    """The options of a corpus that segmentation and extraction depend on; its reader uses the others."""

    model_config = ConfigDict(extra="ignore")

    path: Text
    segment: bool = True


class SegmentSections(Sections):
    """The sections of params.yaml that segmentation depends on."""

    corpora: dict[Key, CorpusFolder]
    segment: SegmentParams


class ExtractWorkers(Strict):
    """The number of processes that extract; training uses the other options of `execution`."""

    model_config = ConfigDict(extra="ignore")

    workers: Count | Literal["auto"] = "auto"

    @property
    def number(self) -> int | None:
        """The number of processes; None if extraction chooses it."""
        return None if self.workers == "auto" else self.workers


class ExtractSections(Sections):
    """The sections of params.yaml that extraction depends on."""

    corpora: dict[Key, CorpusFolder]
    execution: ExtractWorkers = ExtractWorkers()
