"""The tables of the user's own, as `report.tables` defines them."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.params import TableParams
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import EPOCHS
from pipeline.evaluation.terms import Metric
from pipeline.evaluation.verdicts import claim_text, standing, tests_text
from pipeline.evaluation.wording import p_value
from pipeline.reporting.tables.notes import SIDES, common_notes, pair, part_notes
from pipeline.reporting.tables.scores import FOR_MACHINES, SCORES, score_cells
from pipeline.reporting.tables.table import Cell, Column, Part, Table

_MODEL = Column("model", "Model", number=False)


def user_tables(results: Results) -> tuple[Table, ...]:
    """The tables of `report.tables`: their models by label, and their pairs as markers and p-values."""
    return tuple(_user_table(key, definition, results) for key, definition in results.params.report.tables.items())


def _user_table(key: str, definition: TableParams, results: Results) -> Table:
    hypotheses = results.hypotheses_of(key)
    parts = []
    for selection in results.selections:
        rows = tuple(
            {"model": Cell(results.label(model)), **score_cells(model, results, hypotheses, selection)}
            for model in definition.models
        )
        notes = (*_p_values(results, hypotheses, selection), *part_notes(results, hypotheses, selection))
        parts.append(Part(rows, selection, EPOCHS[selection], notes))
    references = dict.fromkeys((one.marker, one.reference) for one in hypotheses if one.kind == "better")
    models = (*definition.models, *(model for pair in definition.claimed for model in pair))
    notes = (
        *(f"{mark} significantly (p < 0.05) outperforms {results.label(model)}." for mark, model in references),
        *([SIDES] if references else []),
        *common_notes(results, models),
    )
    return Table(key, definition.title, (_MODEL, *SCORES, *FOR_MACHINES), tuple(parts), notes)


def _p_values(results: Results, hypotheses: Iterable[Hypothesis], selection: Selection) -> list[str]:
    lines = []
    for hypothesis in hypotheses:
        ua, gap = (results.test(hypothesis, metric, selection) for metric in ("valid_ua", results.gap_metric))
        if hypothesis.kind == "better" and (ua.p is not None or gap.p is not None):
            both = "; ".join(
                f"{name} p = {p_value(test.p) or 'none'}, over actors {p_value(test.p_actor) or 'none'}, "
                f"corrected {p_value(test.p_corrected) or 'none'}"
                for name, test in (("UA", ua), ("Gap", gap))
            )
            lines.append(f"{pair(results, hypothesis)}: {both}.")
        elif hypothesis.kind != "better":
            metrics: tuple[Metric, ...] = ("valid_ua", results.gap_metric)
            lines += [
                f"Claim: {claim_text(results, hypothesis, metric)}. {standing(test)}, {tests_text(test)}."
                for metric, test in zip(metrics, (ua, gap), strict=True)
                if test.p_deciding is not None
            ]
    return lines
