"""All claims, table by table: the paper's hypotheses and those of `report.tables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.evaluation.params import TableParams
from pipeline.evaluation.tables import Kind
from pipeline.paper.statements import STATEMENT_CLAIMS, STATEMENTS_KEY
from pipeline.paper.tables import PAPER_TABLES

USER_MARKERS = "†‡§¶"
"""Signs of a user's table, one for each reference model; further references have numbers."""


@dataclass(frozen=True)
class Hypothesis:
    """A claim about two models; it belongs to the table `table`.

    Of kind `better`: the model `better` outperforms the model `reference`; the marker is printed at its value where the
    difference is significant. Of kind `not_worse`: it is not worse than `reference` by more than `report.rope`. Of kind
    `equivalent`: the two differ by less than that.
    """

    table: str
    better: str
    reference: str
    marker: str = ""
    kind: Kind = "better"


PAPER_HYPOTHESES: tuple[Hypothesis, ...] = (
    *(
        Hypothesis(key, *models_and_marker)
        for key, table in PAPER_TABLES.items()
        for models_and_marker in table.hypotheses
    ),
    *(
        Hypothesis(STATEMENTS_KEY, first, second, kind="equivalent" if relation == "equal" else "better")
        for first, second, relation in STATEMENT_CLAIMS
    ),
)
"""The hypotheses of section 6 of the paper: those of its tables, then those that section 6.2 states beside them."""


def all_hypotheses(tables: Mapping[str, TableParams]) -> tuple[Hypothesis, ...]:
    """The paper's hypotheses, then those of `report.tables`, where each reference model has a marker of its own."""
    return (*PAPER_HYPOTHESES, *(one for key, table in tables.items() for one in _user_hypotheses(key, table)))


def _user_hypotheses(key: str, table: TableParams) -> list[Hypothesis]:
    references = list(dict.fromkeys(reference for _, reference in table.pairs))
    markers = [*USER_MARKERS, *(f"({number})" for number in range(1, len(references) + 1))]
    sign = dict(zip(references, markers, strict=False))
    return [
        *(Hypothesis(key, better, reference, sign[reference]) for better, reference in table.pairs),
        *(Hypothesis(key, better, reference, kind="not_worse") for better, reference in table.not_worse),
        *(Hypothesis(key, better, reference, kind="equivalent") for better, reference in table.equivalent),
    ]
