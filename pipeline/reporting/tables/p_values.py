"""Tables 7 and 9: p-values of one model against another."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluation.comparison import SIGNIFICANT
from pipeline.evaluation.hypotheses import Claim
from pipeline.paper.published import published_rows
from pipeline.params import Selection
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.selections import EPOCHS, headline_first
from pipeline.reporting.setting import published_from
from pipeline.reporting.tables.performance import common_notes, part_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table, p_value

TITLES = {
    7: "Table 7: p-values between PreAct, PreAct-Full and PreAct-Both",
    9: "Table 9: p-values between PreActBN at γ₀ = 0.05 and PostAct and RPreAct at every γ₀",
}

_BETTER = {
    7: "Of each pair the model named second is the one claimed better, as in the paper.",
    9: "Of each pair the model named first is the one claimed better, as in the paper.",
}

_P_VALUES = (
    Column("p_valid_ua", "p (Valid UA)"),
    Column("p_valid_ua_corrected", "Corrected p (UA)"),
    Column("p_gap", "p (Gap)"),
    Column("p_gap_corrected", "Corrected p (Gap)"),
    Column("published_p_valid_ua", "Published p (UA)"),
    Column("published_p_gap", "Published p (Gap)"),
    Column("model_a", "Claimed better", number=False, where="csv"),
    Column("model_b", "Reference", number=False, where="csv"),
    Column("note", "Note", number=False, where="csv"),
)


def p_value_table(number: int, experiment: Experiment, claims: Sequence[Claim]) -> Table:
    """Table 7 or 9, rows as the paper has them: one for each of the table's claims, in order.

    Args:
        number: of the table.
        experiment: everything.
        claims: of all tables.
    """
    key = f"table{number}"
    claims = [claim for claim in claims if claim.table == key]
    published = published_rows(key)
    findings = [
        PublishedFinding(claim, metric, float(row[f"p_{metric}"]) < SIGNIFICANT)
        for claim, row in zip(claims, published, strict=True)
        for metric in ("valid_ua", "gap")
    ]
    parts = tuple(
        Part(
            tuple(_row(experiment, claim, row, selection) for claim, row in zip(claims, published, strict=True)),
            selection, EPOCHS[selection],
            (*part_notes(experiment, claims, selection), *disagreements_with_paper(experiment, findings, selection)),
        )
        for selection in headline_first(experiment.params.report.selection)
    )  # fmt: skip
    gamma = (Column("gamma0", "γ₀"),) if "gamma0" in published[0] else ()
    columns = (Column("pair", "Model pair", number=False, grouped=True), *gamma, *_P_VALUES)
    models = [model for claim in claims for model in (claim.reference, claim.better)]
    notes = (_BETTER[number], *common_notes(experiment, models), published_from(number))
    return Table(key, TITLES[number], columns, parts, notes)


def _row(experiment: Experiment, claim: Claim, published: dict[str, str], selection: Selection) -> Row:
    ua, gap = (experiment.test(claim, metric, selection) for metric in ("valid_ua", experiment.gap_metric))
    return {
        "pair": Cell(f"{published['model_a']} vs {published['model_b']}"),
        "gamma0": Cell(published.get("gamma0", "")),
        "p_valid_ua": Cell(p_value(ua.p)),
        "p_valid_ua_corrected": Cell(p_value(ua.p_corrected)),
        "p_gap": Cell(p_value(gap.p)),
        "p_gap_corrected": Cell(p_value(gap.p_corrected)),
        "published_p_valid_ua": Cell(published["p_valid_ua"]),
        "published_p_gap": Cell(published["p_gap"]),
        "model_a": Cell(claim.better),
        "model_b": Cell(claim.reference),
        "note": Cell("; ".join(dict.fromkeys(test.note for test in (ua, gap) if test.note))),
    }
