"""The section `report` of params.yaml: what is compared, and what tables print first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.core.selections import Selection
from pipeline.core.settings import Classes, Key, Sections, Strict, Text, class_mistakes, repeated
from pipeline.folds.params import PartitionParams, partition_mistakes, with_folds
from pipeline.folds.people import Source, source_of
from pipeline.paper.statements import STATEMENTS_KEY
from pipeline.paper.tables import PAPER_TABLES

RESERVED = ("claims_by_utterance", "women_and_men", "calibration", "test", "pooled", "cross_corpus")
"""Keys of the report's own tables."""


class TableParams(Strict):
    """A table of your own: its models, and its claims.

    Attributes:
        title: printed above it.
        models: models in the order of the rows.
        pairs: claims that the first model is better than the second.
        not_worse: claims that the first model is not worse than the second by more than `report.rope`.
        equivalent: claims that the two differ by less than `report.rope`.
    """

    title: Text
    models: Annotated[tuple[Key, ...], Field(min_length=1)]
    pairs: tuple[tuple[Key, Key], ...] = ()
    not_worse: tuple[tuple[Key, Key], ...] = ()
    equivalent: tuple[tuple[Key, Key], ...] = ()

    @property
    def claimed(self) -> tuple[tuple[Key, Key], ...]:
        """The pairs of all claims."""
        return (*self.pairs, *self.not_worse, *self.equivalent)


class ReportParams(Strict):
    """The choices of the report: what the tables print first, and tables of your own."""

    selection: Selection
    gap: Literal["train_mode", "eval_mode"]
    rope: Annotated[float, Field(ge=0)]
    tables: dict[Key, TableParams] = Field(default_factory=dict)


def table_mistakes(report: ReportParams, models: Collection[str]) -> Iterator[str]:
    """Mistakes in the user's tables."""
    for key, table in report.tables.items():
        if key == "chosen":
            yield "report.tables.chosen: the table of values chosen in the training folds has this name; choose another"
        if key in RESERVED:
            yield f"report.tables.{key}: the report's own table has this name; choose another key"
        if key in PAPER_TABLES or key == STATEMENTS_KEY:
            yield f"report.tables.{key}: the paper's own table has this name; choose another key"
        named = (*table.models, *(model for pair in table.claimed for model in pair))
        for unknown in sorted({name for name in named if name not in models}):
            yield f"report.tables.{key}: {unknown!r} is not a model; expected one of {', '.join(models)}"
        for better, reference in table.claimed:
            if better == reference:
                yield f"report.tables.{key}: {better!r} is compared with itself; expected two models"
        # A claim that stands twice would count twice in Holm's correction.
        yield from repeated(f"report.tables.{key}.pairs", table.pairs)
        yield from repeated(f"report.tables.{key}.not_worse", table.not_worse)
        yield from repeated(f"report.tables.{key}.equivalent", [tuple(sorted(pair)) for pair in table.equivalent])
        if table.equivalent and not report.rope:
            yield (
                f"report.tables.{key}.equivalent: report.rope is 0, and no test can show that two models differ by "
                "less than 0 points; expected report.rope above 0, in percentage points"
            )


def selection_mistakes(report: ReportParams, partition: PartitionParams) -> Iterator[str]:
    """A selection of epochs that no run has."""
    if report.selection == "dev" and not partition.dev:
        yield "report.selection: 'dev' needs partition.dev: true, which holds a fold out to choose epochs by"


class ComparisonSections(Sections):
    """The sections that say what is compared; of corpora and models the keys alone."""

    classes: Classes
    corpora: dict[Key, Any]
    models: dict[Key, Any]
    partition: PartitionParams
    report: ReportParams

    _with_folds = model_validator(mode="before")(with_folds)

    @property
    def sources(self) -> dict[str, Source]:
        """Where the names of each corpus come from."""
        return {corpus: source_of(corpus, entry) for corpus, entry in self.corpora.items()}

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return [
            *class_mistakes(self.classes),
            *partition_mistakes(self.partition, list(self.corpora)),
            *selection_mistakes(self.report, self.partition),
            *table_mistakes(self.report, self.models),
        ]
