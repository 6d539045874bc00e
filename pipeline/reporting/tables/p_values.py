"""Tables 7 and 9: p-values of one model against another."""

from __future__ import annotations

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import EPOCHS
from pipeline.evaluation.tables import SIGNIFICANT
from pipeline.evaluation.wording import p_value
from pipeline.paper.published import published_rows
from pipeline.paper.tables import PAPER_TABLES
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper
from pipeline.reporting.tables.notes import common_notes, part_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

_P_VALUES = (
    Column("p_valid_ua", "p (Valid UA)"),
    Column("p_valid_ua_corrected", "Corrected p (UA)"),
    Column("p_valid_ua_actor_printed", "p over actors (UA)", where="print"),
    Column("p_gap", "p (Gap)"),
    Column("p_gap_corrected", "Corrected p (Gap)"),
    Column("p_gap_actor_printed", "p over actors (Gap)", where="print"),
    Column("published_p_valid_ua", "Published p (UA)"),
    Column("published_p_gap", "Published p (Gap)"),
    Column("model_a", "Claimed better", number=False, where="csv"),
    Column("model_b", "Reference", number=False, where="csv"),
    Column("note", "Note", number=False, where="csv"),
    Column("p_valid_ua_actor", "p over actors (UA)", where="csv"),
    Column("p_gap_actor", "p over actors (Gap)", where="csv"),
)


def p_value_table(key: str, results: Results) -> tuple[Table]:
    """The paper's table with this key, rows as the paper has them: one for each of its hypotheses, in order."""
    paper, published = PAPER_TABLES[key], published_rows(key)
    hypotheses = results.hypotheses_of(key)
    findings = [
        PublishedFinding(hypothesis, metric, float(row[f"p_{metric}"]) < SIGNIFICANT)
        for hypothesis, row in zip(hypotheses, published, strict=True)
        for metric in ("valid_ua", "gap")
    ]
    pairs = list(zip(hypotheses, published, strict=True))
    parts = tuple(
        Part(
            tuple(_row(results, *ours_and_theirs, selection) for ours_and_theirs in pairs),
            selection, EPOCHS[selection],
            (*part_notes(results, hypotheses, selection), *disagreements_with_paper(results, findings, selection)),
        )
        for selection in results.selections
    )  # fmt: skip
    gamma = (Column("gamma0", "γ₀"),) if "gamma0" in published[0] else ()
    columns = (Column("pair", "Model pair", number=False, grouped=True), *gamma, *_P_VALUES)
    models = [model for hypothesis in hypotheses for model in (hypothesis.reference, hypothesis.better)]
    notes = (*paper.notes, *common_notes(results, models), paper.provenance)
    return (Table(key, paper.title, columns, parts, notes, measured=results.compares(hypotheses)),)


def _row(results: Results, hypothesis: Hypothesis, published: dict[str, str], selection: Selection) -> Row:
    ua, gap = (results.test(hypothesis, metric, selection) for metric in ("valid_ua", results.gap_metric))
    by_speaker = [
        f"{model} speaker-standardised"
        for model in (hypothesis.better, hypothesis.reference)
        if results.by_speaker(model)
    ]
    reasons = [test.note for test in (ua, gap) if test.note]
    return {
        "pair": Cell(f"{published['model_a']} vs {published['model_b']}"),
        "gamma0": Cell(published.get("gamma0", "")),
        "p_valid_ua": Cell(p_value(ua.p)),
        "p_valid_ua_corrected": Cell(p_value(ua.p_corrected)),
        "p_valid_ua_actor_printed": Cell(p_value(ua.p_actor)),
        "p_valid_ua_actor": Cell(p_value(ua.p_actor)),
        "p_gap": Cell(p_value(gap.p)),
        "p_gap_corrected": Cell(p_value(gap.p_corrected)),
        "p_gap_actor_printed": Cell(p_value(gap.p_actor)),
        "p_gap_actor": Cell(p_value(gap.p_actor)),
        "published_p_valid_ua": Cell(published["p_valid_ua"]),
        "published_p_gap": Cell(published["p_gap"]),
        "model_a": Cell(hypothesis.better),
        "model_b": Cell(hypothesis.reference),
        "note": Cell("; ".join(dict.fromkeys([*reasons, *by_speaker]))),
    }
