"""The section `report` of params.yaml: what is compared, and what tables print first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.core.selections import Selection
from pipeline.core.settings import Classes, Key, Sections, Strict, Text, class_mistakes
from pipeline.folds.params import PartitionParams
from pipeline.paper.tables import PAPER_TABLES


class TableParams(Strict):
    """A table of the user's own.

    Attributes:
        title: title of the table.
        models: models in the order of the rows.
        pairs: pairs of models that are tested, the one claimed better first.
    """

    title: Text
    models: Annotated[tuple[Key, ...], Field(min_length=1)]
    pairs: tuple[tuple[Key, Key], ...] = ()


class ReportParams(Strict):
    """What the tables print first."""

    selection: Selection
    gap: Literal["train_mode", "eval_mode"]
    rope: Annotated[float, Field(ge=0)]
    tables: dict[Key, TableParams] = Field(default_factory=dict)


def table_mistakes(tables: Mapping[str, TableParams], models: Collection[str]) -> Iterator[str]:
    """What is wrong with the user's tables."""
    for key, table in tables.items():
        if key == "chosen":
            yield "report.tables.chosen: the table of values chosen in the training folds has this name; choose another"
        if key in PAPER_TABLES:
            yield f"report.tables.{key}: the paper's own table has this name; choose another key"
        named = (*table.models, *(model for pair in table.pairs for model in pair))
        for unknown in sorted({name for name in named if name not in models}):
            yield f"report.tables.{key}: {unknown!r} is not a model; expected one of {', '.join(models)}"
        for better, reference in table.pairs:
            if better == reference:
                yield f"report.tables.{key}: {better!r} is compared with itself; expected two models"


class ComparisonSections(Sections):
    """The sections that say what is compared; of corpora and models the keys alone."""

    classes: Classes
    corpora: dict[Key, Any]
    models: dict[Key, Any]
    partition: PartitionParams
    report: ReportParams

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return [*class_mistakes(self.classes), *table_mistakes(self.report.tables, self.models)]
