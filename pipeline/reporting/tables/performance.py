"""Tables 2, 6, 8 and 10: UA and Gap of every model with the paper's markers; and the tables of a user's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from pipeline.evaluation.comparison import SIGNIFICANT, Metric
from pipeline.evaluation.hypotheses import Claim
from pipeline.paper.published import model_key, published_rows
from pipeline.params import Selection, TableParams
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper, values_outside_intervals
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.selections import CHOSEN, EPOCHS, headline_first
from pipeline.reporting.setting import (
    differences_from_paper,
    environments,
    incomplete,
    not_trained,
    published_from,
    redefined,
    trained_on,
)
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table, fixed, listed, p_value

TITLES = {
    2: "Table 2: PreAct and PreActBN with and without shaking",
    6: "Table 6: PreAct, PreAct-Full and PreAct-Both",
    8: "Table 8: PreAct, PostAct, RPreAct and PreActBN with and without shaking",
    10: "Table 10: PreAct and PreActBN with sub-band shaking",
}

MARKERS = {
    2: {"*": "PreAct without shaking", "†": "the same layout without shaking"},
    6: {"†": "PreAct"},
    8: {
        "*": "PreAct without shaking",
        "†": "the same layout without shaking",
        "‡": "the same layout at γ₀ = 1.0",
    },
    10: {"‡": "the same layout at γ₀ = 1.0"},
}
"""What the paper's footnotes say a marked value significantly outperforms."""

_LABELS = {
    "model": Column("model", "Model", number=False),
    "architecture": Column("architecture", "Architecture", number=False, grouped=True),
    "shake": Column("shake", "Shake", number=False, grouped=True),
    "gamma0": Column("gamma0", "γ₀"),
}
_SHAKE = {"no": "✗", "yes": "✓"}

_OURS = (
    Column("valid_ua", "Valid UA (%)", marked=True, corrected=True),
    Column("gap", "Gap (%)", marked=True, corrected=True),
)
_PUBLISHED = (
    Column("published_valid_ua", "Published UA (%)", marked=True),
    Column("published_gap", "Published Gap (%)", marked=True),
)
_FOR_MACHINES = (
    Column("model_key", "Model", number=False, where="csv"),
    Column("runs", "Runs", where="csv"),
    Column("status", "Status", number=False, where="csv"),
)

TESTS = (
    "Tests, both one-sided: the paper's paired t-test over the (fold, seed) pairs takes them as independent, which "
    "they are not, and finds differences too often; the corrected one takes the mean over seeds of each fold and "
    "counts that folds share training data (Nadeau & Bengio, df = folds - 1). Believe the corrected one."
)
"""What the two p-values and the two sides of a marker are."""

SIDES = "A marker before a value: by the paper's test (p < 0.05); the same marker after it: by the corrected test too."


def performance_table(number: int, experiment: Experiment, claims: Sequence[Claim]) -> Table:
    """Table 2, 6, 8 or 10, rows as the paper has them.

    Args:
        number: of the table.
        experiment: everything.
        claims: of all tables.
    """
    key = f"table{number}"
    published = published_rows(key)
    claims = [claim for claim in claims if claim.table == key]
    labels = tuple(_LABELS[name] for name in published[0] if name in _LABELS)
    models = [_model(row) for row in published]
    findings = _published_findings(published, claims)
    parts = []
    for selection in headline_first(experiment.params.report.selection):
        rows = tuple(
            {
                **_row_labels(row),
                **_score_cells(model, experiment, claims, selection),
                **{f"published_{name}": Cell(row[name], row.get(f"{name}_mark", "")) for name in ("valid_ua", "gap")},
            }
            for row, model in zip(published, models, strict=True)
        )
        part = (
            *part_notes(experiment, claims, selection),
            *disagreements_with_paper(experiment, findings, selection),
            *values_outside_intervals(experiment, ((_model(row), row["valid_ua"]) for row in published), selection),
        )
        parts.append(Part(rows, selection, EPOCHS[selection], part))
    notes = (
        *(f"{mark} significantly (p < 0.05) outperforms {than}." for mark, than in MARKERS[number].items()),
        SIDES,
        *(["The paper prints no markers in this table; ours are those of Table 8."] if number == 2 else []),
        *common_notes(experiment, models),
        published_from(number),
    )
    return Table(key, TITLES[number], (*labels, *_OURS, *_PUBLISHED, *_FOR_MACHINES), tuple(parts), notes)


def _model(row: Mapping[str, str]) -> str:
    return row["model"] if "model" in row else model_key(row["architecture"], row["shake"], row.get("gamma0", ""))


def _published_findings(published: Sequence[Mapping[str, str]], claims: Iterable[Claim]) -> list[PublishedFinding]:
    """What the markers of a published table say of its claims; a table without markers says nothing."""
    marks = {_model(row): row for row in published if "valid_ua_mark" in row}
    return [
        PublishedFinding(claim, metric, claim.marker in marks[claim.better][f"{metric}_mark"])
        for claim in claims
        if claim.better in marks
        for metric in ("valid_ua", "gap")
    ]


def _row_labels(row: Mapping[str, str]) -> Row:
    return {name: Cell(value, shown=_SHAKE.get(value, "")) for name, value in row.items() if name in _LABELS}


def user_table(key: str, definition: TableParams, experiment: Experiment, claims: Sequence[Claim]) -> Table:
    """A table of `report.tables`: its models by label, and its pairs as markers and p-values."""
    claims = [claim for claim in claims if claim.table == key]
    parts = []
    for selection in headline_first(experiment.params.report.selection):
        rows = tuple(
            {"model": Cell(experiment.label(model)), **_score_cells(model, experiment, claims, selection)}
            for model in definition.models
        )
        notes = (*_p_values(experiment, claims, selection), *part_notes(experiment, claims, selection))
        parts.append(Part(rows, selection, EPOCHS[selection], notes))
    references = dict.fromkeys((claim.marker, claim.reference) for claim in claims)
    models = (*definition.models, *(model for pair in definition.pairs for model in pair))
    notes = (
        *(f"{mark} significantly (p < 0.05) outperforms {experiment.label(model)}." for mark, model in references),
        *([SIDES] if claims else []),
        *common_notes(experiment, models),
    )
    return Table(key, definition.title, (_LABELS["model"], *_OURS, *_FOR_MACHINES), tuple(parts), notes)


def _p_values(experiment: Experiment, claims: Iterable[Claim], selection: Selection) -> list[str]:
    lines = []
    for claim in claims:
        ua, gap = (experiment.test(claim, metric, selection) for metric in ("valid_ua", experiment.gap_metric))
        if ua.p is not None or gap.p is not None:
            both = "; ".join(
                f"{name} p = {p_value(test.p) or 'none'}, corrected {p_value(test.p_corrected) or 'none'}"
                for name, test in (("UA", ua), ("Gap", gap))
            )
            lines.append(f"{_pair(experiment, claim)}: {both}.")
    return lines


def _score_cells(model: str, experiment: Experiment, claims: Sequence[Claim], selection: Selection) -> Row:
    score = experiment.score(model, selection)
    lost = score.status if score.status.startswith("diverged") else ""
    own = [claim for claim in claims if claim.better == model]
    return {
        "valid_ua": _score_cell(score.valid_ua, lost, experiment, own, "valid_ua", selection),
        "gap": _score_cell(score.gap, lost, experiment, own, experiment.gap_metric, selection),
        "model_key": Cell(model),
        "runs": Cell(str(score.runs)),
        "status": Cell(score.status),
    }


def _score_cell(
    score: float | None,
    lost: str,
    experiment: Experiment,
    claims: Iterable[Claim],
    metric: Metric,
    selection: Selection,
) -> Cell:
    """A mean with the markers of the claims that either test holds up."""
    tests = [(claim.marker, experiment.test(claim, metric, selection)) for claim in claims]
    by_paper, corrected = (
        "".join(dict.fromkeys(marker for marker, test in tests if held(test)))
        for held in (attrgetter("significant"), attrgetter("stands"))
    )
    return Cell(fixed(score), by_paper, lost, corrected)


def common_notes(experiment: Experiment, models: Iterable[str]) -> tuple[str, ...]:
    """The lines under every table of results: what is missing, what was trained, what Gap and the test are."""
    models = tuple(models)
    mode = "train mode, as it was during the epoch" if experiment.gap_metric == "gap" else "eval mode"
    return (
        *not_trained(experiment, models),
        *incomplete(experiment, models),
        trained_on(experiment),
        differences_from_paper(experiment),
        *redefined(experiment, models),
        *environments(experiment.details, models),
        f"Gap: training UA in {mode}, minus validation UA, in points.",
        TESTS,
    )


def part_notes(experiment: Experiment, claims: Sequence[Claim], selection: Selection) -> tuple[str, ...]:
    """How the epoch was chosen; which tests were not made and why; where the Gap's two readings disagree."""
    reasons: dict[str, list[str]] = {}
    for claim in claims:
        for metric in ("valid_ua", experiment.gap_metric):
            test = experiment.test(claim, metric, selection)
            if test.note and not test.note.startswith("not trained"):
                pairs = reasons.setdefault(test.note, [])
                pairs += [_pair(experiment, claim)] * (_pair(experiment, claim) not in pairs)
    lines = [f"No test of {listed(pairs)}: {reason.removeprefix('withheld: ')}." for reason, pairs in reasons.items()]
    return (
        CHOSEN[selection],
        *lines,
        *_after_holm(experiment, claims, selection),
        *_disagreements(experiment, claims, selection),
    )


def _after_holm(experiment: Experiment, claims: Iterable[Claim], selection: Selection) -> list[str]:
    """What is left of the claims that stand one by one, when the table's claims are taken together."""
    names: dict[Metric, str] = {"valid_ua": "UA", experiment.gap_metric: "Gap"}
    standing = [
        (f"{name} of {_pair(experiment, claim)}", test)
        for claim in claims
        for metric, name in names.items()
        if (test := experiment.test(claim, metric, selection)).stands
    ]
    left = [pair for pair, test in standing if test.p_holm is not None and test.p_holm < SIGNIFICANT]
    if not standing:
        return []
    return [
        f"By the corrected test {len(standing)} difference{'s' * (len(standing) > 1)} of this table "
        f"{'are' if len(standing) > 1 else 'is'} significant one by one; after Holm's correction over its claims "
        f"{listed(left) or 'none'}."
    ]


def _disagreements(experiment: Experiment, claims: Iterable[Claim], selection: Selection) -> list[str]:
    lines = []
    for claim in claims:
        train, evaluated = (experiment.test(claim, metric, selection) for metric in ("gap", "gap_eval"))
        if train.p is None or evaluated.p is None or train.significant == evaluated.significant:
            continue
        held, failed = ("train", "eval") if train.significant else ("eval", "train")
        p_held, p_failed = (train.p, evaluated.p) if train.significant else (evaluated.p, train.p)
        lines.append(
            f"Gap of {_pair(experiment, claim)}: smaller with training UA in {held} mode (p = {p_value(p_held)}), not "
            f"with training UA in {failed} mode (p = {p_value(p_failed)}); shaking and dropout by themselves "
            "lower training UA in train mode."
        )
    return lines


def _pair(experiment: Experiment, claim: Claim) -> str:
    return f"{experiment.label(claim.better)} against {experiment.label(claim.reference)}"
