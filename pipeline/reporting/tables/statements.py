"""Statements of section 6.2 about pairs of models outside the tables: our tests beside the published p-values."""

from __future__ import annotations

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import EPOCHS
from pipeline.evaluation.tables import SIGNIFICANT, Comparison
from pipeline.evaluation.wording import fixed, p_value, points
from pipeline.paper.statements import STATEMENTS, STATEMENTS_KEY, STATEMENTS_SOURCE, STATEMENTS_TITLE, Statement
from pipeline.reporting.tables.notes import common_notes, part_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

_COLUMNS = (
    Column("statement", "The paper", number=False, where="csv"),
    Column("pair", "Models", number=False),
    Column("claim", "Claim", number=False),
    Column("difference", "Difference"),
    Column("p", "p"),
    Column("p_deciding", "Deciding p"),
    Column("prob_equal", "P(equal)"),
    Column("outcome", "Here", number=False),
    Column("published_p", "Published p"),
    Column("published_significant", "Published", number=False, where="csv"),
    Column("model_a", "First", number=False, where="csv"),
    Column("model_b", "Second", number=False, where="csv"),
    Column("metric", "Metric", number=False, where="csv"),
    Column("relation", "Relation", number=False, where="csv"),
    Column("note", "Note", number=False, where="csv"),
)

_METRICS = {"valid_ua": "UA", "gap": "Gap"}


def statements_table(results: Results) -> tuple[Table]:
    """One row a statement, in the order of the paper."""
    hypotheses = {(one.better, one.reference, one.kind): one for one in results.hypotheses_of(STATEMENTS_KEY)}
    pairs = [
        (one, hypotheses[one.first, one.second, "equivalent" if one.relation == "equal" else "better"])
        for one in STATEMENTS
    ]
    parts = tuple(
        Part(
            tuple(_row(results, statement, hypothesis, selection) for statement, hypothesis in pairs),
            selection, EPOCHS[selection], part_notes(results, list(hypotheses.values()), selection),
        )
        for selection in results.selections
    )  # fmt: skip
    models = [model for better, reference, _ in hypotheses for model in (better, reference)]
    rope = results.params.report.rope
    notes = (
        "Differences in points, above 0 where the first model is better. Equal: they differ by less than "
        f"{points(rope)}, by two one-sided tests, whose larger p is printed: it holds below 0.05 and fails above 0.95. "
        "That a difference is not significant does not show it. P(equal) is the probability, by the Bayesian "
        "correlated t-test, that they differ by less than that. The CSV has the words of the paper.",
        *common_notes(results, models),
        f"Published: {STATEMENTS_SOURCE}. No published p: the paper says only whether the difference is significant.",
    )
    measured = results.compares(hypotheses.values())
    return (Table(STATEMENTS_KEY, STATEMENTS_TITLE, _COLUMNS, parts, notes, measured=measured),)


def _row(results: Results, statement: Statement, hypothesis: Hypothesis, selection: Selection) -> Row:
    metric = results.gap_metric if statement.metric == "gap" else "valid_ua"
    test = results.test(hypothesis, metric, selection)
    name = _METRICS[statement.metric]
    equal = statement.relation == "equal"
    claim = f"equal {name}" if equal else f"higher {name}" if statement.metric == "valid_ua" else f"smaller {name}"
    return {
        "statement": Cell(statement.text),
        "pair": Cell(f"{statement.first}, {statement.second}"),
        "claim": Cell(claim),
        "difference": Cell(fixed(test.mean_difference)),
        "p": Cell(p_value(test.p)),
        "p_deciding": Cell(p_value(test.p_deciding)),
        "prob_equal": Cell(fixed(test.prob_equal, 2)),
        "outcome": Cell(_outcome(statement, test)),
        "published_p": Cell(statement.p),
        "published_significant": Cell("significant" if statement.significant else "not significant"),
        "model_a": Cell(statement.first),
        "model_b": Cell(statement.second),
        "metric": Cell(statement.metric),
        "relation": Cell(statement.relation),
        "note": Cell(test.note),
    }


def _outcome(statement: Statement, test: Comparison) -> str:
    """Whether the claim holds here; empty where it was not tested."""
    if test.p_deciding is None:
        return ""
    if statement.relation == "equal":
        # Its p is the larger of two: above 0.95, one of these tests shows a difference beyond the limit.
        return "equal" if test.stands else "not equal" if test.p_deciding > 1 - SIGNIFICANT else "undecided"
    return "significant" if test.stands else "not significant"
