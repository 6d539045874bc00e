"""Tables 2, 6, 8 and 10: UA and Gap of every model beside the published, with the paper's markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import EPOCHS
from pipeline.paper.published import model_key, published_rows
from pipeline.paper.tables import PAPER_TABLES
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper, values_outside_intervals
from pipeline.reporting.tables.notes import SIDES, common_notes, part_notes
from pipeline.reporting.tables.scores import FOR_MACHINES, SCORES, score_cells
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

_LABELS = {
    "model": Column("model", "Model", number=False),
    "architecture": Column("architecture", "Architecture", number=False, grouped=True),
    "shake": Column("shake", "Shake", number=False, grouped=True),
    "gamma0": Column("gamma0", "γ₀"),
}
_SHAKE = {"no": "✗", "yes": "✓"}

_PUBLISHED = (
    Column("published_valid_ua", "Published UA (%)", marked=True),
    Column("published_gap", "Published Gap (%)", marked=True),
)


def performance_table(key: str, results: Results) -> tuple[Table]:
    """The paper's table with this key, rows as the paper has them."""
    paper, published = PAPER_TABLES[key], published_rows(key)
    hypotheses = results.hypotheses_of(key)
    labels = tuple(_LABELS[name] for name in published[0] if name in _LABELS)
    models = [_model(row) for row in published]
    findings = _published_findings(published, hypotheses)
    parts = []
    for selection in results.selections:
        rows = tuple(
            {
                **_row_labels(row),
                **score_cells(model, results, hypotheses, selection),
                **{f"published_{name}": Cell(row[name], row.get(f"{name}_mark", "")) for name in ("valid_ua", "gap")},
            }
            for row, model in zip(published, models, strict=True)
        )
        part = (
            *part_notes(results, hypotheses, selection),
            *disagreements_with_paper(results, findings, selection),
            *values_outside_intervals(results, ((_model(row), row["valid_ua"]) for row in published), selection),
        )
        parts.append(Part(rows, selection, EPOCHS[selection], part))
    notes = (
        *(f"{mark} significantly (p < 0.05) outperforms {than}." for mark, than in paper.markers.items()),
        SIDES,
        *paper.notes,
        *common_notes(results, models),
        paper.provenance,
    )
    columns = (*labels, *SCORES, *_PUBLISHED, *FOR_MACHINES)
    measured = not set(results.trained).isdisjoint(models)
    return (Table(key, paper.title, columns, tuple(parts), notes, measured=measured),)


def _model(row: Mapping[str, str]) -> str:
    return row["model"] if "model" in row else model_key(row["architecture"], row["shake"], row.get("gamma0", ""))


def _published_findings(
    published: Sequence[Mapping[str, str]], hypotheses: Iterable[Hypothesis]
) -> list[PublishedFinding]:
    """The findings that the markers of a published table state; none for a table without markers."""
    marks = {_model(row): row for row in published if "valid_ua_mark" in row}
    return [
        PublishedFinding(hypothesis, metric, hypothesis.marker in marks[hypothesis.better][f"{metric}_mark"])
        for hypothesis in hypotheses
        if hypothesis.better in marks
        for metric in ("valid_ua", "gap")
    ]


def _row_labels(row: Mapping[str, str]) -> Row:
    return {name: Cell(value, shown=_SHAKE.get(value, "")) for name, value in row.items() if name in _LABELS}
