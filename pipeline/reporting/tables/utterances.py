"""The claims of all tables at utterance level: an utterance gets the class of the highest mean over its segments."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN, EPOCHS
from pipeline.evaluation.tables import Kind
from pipeline.evaluation.verdicts import standing
from pipeline.evaluation.wording import fixed, p_value
from pipeline.paper.statements import STATEMENTS_KEY
from pipeline.paper.tables import PAPER_TABLES
from pipeline.reporting.tables.notes import common_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

KEY = "claims_by_utterance"

_COLUMNS = (
    Column("first", "First model", number=False),
    Column("claim", "is said to be", number=False),
    Column("second", "Second model", number=False),
    Column("difference", "Difference"),
    Column("interval", "95 % interval", where="print"),
    Column("p_actor", "p over actors"),
    Column("outcome", "Outcome", number=False),
    Column("table", "Table", number=False),
    Column("model_a", "First", number=False, where="csv"),
    Column("model_b", "Second", number=False, where="csv"),
    Column("ua_a", "UA of the first (%)", where="csv"),
    Column("ua_b", "UA of the second (%)", where="csv"),
    Column("low", "Low", where="csv"),
    Column("high", "High", where="csv"),
    Column("p_corrected", "Corrected p", where="csv"),
    Column("p_deciding", "Deciding p", where="csv"),
)
_WORDS: Mapping[Kind, str] = {"better": "better than", "not_worse": "not worse than", "equivalent": "equal to"}
_NOTES = (
    "Utterance level: probabilities are averaged over the segments of an utterance, and the class of the highest mean "
    "counts; UA is over utterances. Corpora that were not divided have one segment an utterance.",
    "Differences in points, above 0 where the first model is better. p is of a claim that it is; the outcome is of "
    "what is claimed, within report.rope points for claims that it is not worse or equal.",
)


def utterance_table(results: Results) -> tuple[Table, ...]:
    """Every claim that was tested, by UA over utterances; none where nothing was tested."""
    parts = []
    for selection in results.selections:
        rows = tuple(
            _row(results, hypothesis, selection)
            for hypothesis in results.hypotheses
            if results.utterance_test(hypothesis, selection).mean_difference is not None
        )
        if rows:
            parts.append(Part(rows, selection, EPOCHS[selection], (CHOSEN[selection],)))
    models = [model for one in results.hypotheses for model in (one.better, one.reference) if model in results.trained]
    notes = (*_NOTES, *common_notes(results, models))
    return (Table(KEY, "The claims by utterance", _COLUMNS, tuple(parts), notes),) if parts else ()


def _row(results: Results, hypothesis: Hypothesis, selection: Selection) -> Row:
    test = results.utterance_test(hypothesis, selection)
    low, high = fixed(test.ci_low), fixed(test.ci_high)
    ua_a, ua_b = (
        results.mean_measure("ua", model, selection, "utterance") for model in (hypothesis.better, hypothesis.reference)
    )
    return {
        "first": Cell(results.label(hypothesis.better)),
        "claim": Cell(hypothesis.kind, shown=_WORDS[hypothesis.kind]),
        "second": Cell(results.label(hypothesis.reference)),
        "difference": Cell(fixed(test.mean_difference)),
        "interval": Cell(f"{low} to {high}" if low else ""),
        "p_actor": Cell(p_value(test.p_actor)),
        "p_corrected": Cell(p_value(test.p_corrected)),
        "outcome": Cell("" if test.p_deciding is None else standing(test)),
        "table": Cell(_table_name(hypothesis.table)),
        "model_a": Cell(hypothesis.better),
        "model_b": Cell(hypothesis.reference),
        "ua_a": Cell(fixed(ua_a)),
        "ua_b": Cell(fixed(ua_b)),
        "low": Cell(low),
        "high": Cell(high),
        "p_deciding": Cell(p_value(test.p_deciding)),
    }


def _table_name(key: str) -> str:
    if key in PAPER_TABLES:
        return f"Table {PAPER_TABLES[key].number}"
    return "Section 6.2" if key == STATEMENTS_KEY else key
