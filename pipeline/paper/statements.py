"""The statements of section 6.2 of the paper about pairs of models outside its tables; data only, as `tables.py`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pipeline.paper.settings import SOURCE
from pipeline.paper.tables import PublishedMetric

STATEMENTS_KEY = "section6_2"
"""Its name in files, as `table2`; a table of the user's own cannot have it."""

STATEMENTS_TITLE = "Section 6.2: comparisons outside the tables"

STATEMENTS_SOURCE = f"Section 6.2 of {SOURCE}"

Relation = Literal["better", "equal"]


@dataclass(frozen=True)
class Statement:
    """One comparison.

    Attributes:
        first: the model said to be better, or one of two equal ones.
        second: the other.
        relation: `better` is a claim of a difference; `equal` says that there is none worth speaking of, for which a
            p-value above 0.05 is no evidence.
        metric: what is compared.
        p: the printed p-value of the one-sided test that `first` is better, as printed; empty where none is.
        significant: whether the paper calls the difference significant.
        text: the statement in words.
    """

    first: str
    second: str
    relation: Relation
    metric: PublishedMetric
    p: str
    significant: bool
    text: str


def _read() -> Iterator[Statement]:
    path = Path(__file__).parent / "published" / f"{STATEMENTS_KEY}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield Statement(
                row["first"], row["second"], cast("Relation", row["relation"]), cast("PublishedMetric", row["metric"]),
                row["p"], row["significant"] == "yes", row["statement"],
            )  # fmt: skip


STATEMENTS: tuple[Statement, ...] = tuple(_read())

STATEMENT_CLAIMS: tuple[tuple[str, str, Relation], ...] = tuple(
    dict.fromkeys((one.first, one.second, one.relation) for one in STATEMENTS)
)
"""The claims about pairs of models, each once: a pair is compared by every metric."""
