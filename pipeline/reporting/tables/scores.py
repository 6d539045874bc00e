"""UA and Gap of a model as cells, with the markers of the hypotheses that hold."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.terms import Metric
from pipeline.evaluation.wording import fixed
from pipeline.reporting.tables.table import Cell, Column, Row

SCORES = (
    Column("valid_ua", "Valid UA (%)", marked=True, corrected=True),
    Column("gap", "Gap (%)", marked=True, corrected=True),
)
"""The columns of what was trained here."""

FOR_MACHINES = (
    Column("model_key", "Model", number=False, where="csv"),
    Column("runs", "Runs", where="csv"),
    Column("status", "Status", number=False, where="csv"),
)
"""The columns of the CSV alone."""


def score_cells(model: str, results: Results, hypotheses: Iterable[Hypothesis], selection: Selection) -> Row:
    """The cells of `SCORES` and `FOR_MACHINES`, with markers of the hypotheses that the model is the better one of."""
    score = results.score(model, selection)
    diverged = score.status if score.status.startswith("diverged") else ""
    own = [one for one in hypotheses if one.better == model and one.kind == "better"]

    def cell(mean: float | None, metric: Metric) -> Cell:
        tests = [(hypothesis.marker, results.test(hypothesis, metric, selection)) for hypothesis in own]
        by_paper, corrected = (
            "".join(dict.fromkeys(marker for marker, test in tests if holds(test)))
            for holds in (attrgetter("significant"), attrgetter("stands"))
        )
        return Cell(fixed(mean), by_paper, diverged, corrected)

    return {
        "valid_ua": cell(score.valid_ua, "valid_ua"),
        "gap": cell(score.gap, results.gap_metric),
        "model_key": Cell(model),
        "runs": Cell(str(score.runs)),
        "status": Cell(f"{score.status} (speaker-standardised)" if results.by_speaker(model) else score.status),
    }
