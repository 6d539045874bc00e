"""The notes under tables of results: what was trained, how it was tested, and where the two kinds of Gap disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.core.selections import Selection
from pipeline.core.wording import counted, enumerated
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN
from pipeline.evaluation.tables import SIGNIFICANT
from pipeline.evaluation.terms import LEAST_ACTORS, Metric
from pipeline.evaluation.wording import p_value
from pipeline.reporting.setting import (
    differences_from_paper,
    environments,
    incomplete,
    not_trained,
    redefined,
    repeated_over_seeds,
    speaker_standardised,
    trained_on,
)

TESTS = (
    "Tests, all one-sided: the paper's paired t-test over the (fold, seed) pairs takes them as independent, which they "
    "are not, and finds differences too often. The test over actors takes actors as cases and runs as readers, so that "
    "its p is about other actors and other trainings; it decides. The corrected one counts that folds share training "
    f"data (Nadeau & Bengio); it decides at cross-validated epochs, and below {LEAST_ACTORS} actors. Believe the "
    "deciding one."
)
"""Explanation of the tests and their p-values."""

SIDES = "A marker before a value: by the paper's test (p < 0.05); the same marker after it: by the deciding test too."


def common_notes(results: Results, models: Iterable[str]) -> tuple[str, ...]:
    """The lines under every table of results: what is missing, what was trained, what Gap and the test are."""
    models = tuple(models)
    mode = "train mode, as it was during the epoch" if results.gap_metric == "gap" else "eval mode"
    return (
        *not_trained(results, models),
        *incomplete(results, models),
        trained_on(results),
        differences_from_paper(results),
        *results.split_notes,
        *redefined(results, models),
        *speaker_standardised(results, models),
        *repeated_over_seeds(results, models),
        *environments(results.details, models),
        f"Gap: training UA in {mode}, minus validation UA, in points.",
        TESTS,
    )


def part_notes(results: Results, hypotheses: Sequence[Hypothesis], selection: Selection) -> tuple[str, ...]:
    """Notes on the choice of the epoch, on tests that were not made, and on disagreement of the two kinds of Gap."""
    reasons: dict[tuple[bool, str], list[str]] = {}
    for hypothesis in hypotheses:
        for metric in ("valid_ua", results.gap_metric):
            test = results.test(hypothesis, metric, selection)
            if test.note and not test.note.startswith("not trained"):
                pairs = reasons.setdefault((test.p_deciding is None, test.note), [])
                pairs += [pair(results, hypothesis)] * (pair(results, hypothesis) not in pairs)
    lines = [
        f"No test of {enumerated(pairs)}: {reason.removeprefix('withheld: ')}."
        if untested
        else f"{enumerated(pairs)}: {reason}."
        for (untested, reason), pairs in reasons.items()
    ]
    return (
        CHOSEN[selection],
        *lines,
        *_after_holm(results, hypotheses, selection),
        *_disagreements(results, hypotheses, selection),
    )


def _after_holm(results: Results, hypotheses: Iterable[Hypothesis], selection: Selection) -> list[str]:
    """The number of hypotheses that stand one by one, and after Holm's correction over the table."""
    names: dict[Metric, str] = {"valid_ua": "UA", results.gap_metric: "Gap"}
    standing = [
        (f"{name} of {pair(results, hypothesis)}", test)
        for hypothesis in hypotheses
        for metric, name in names.items()
        if (test := results.test(hypothesis, metric, selection)).stands
    ]
    left = [pair for pair, test in standing if test.p_holm is not None and test.p_holm < SIGNIFICANT]
    if not standing:
        return []
    return [
        f"By the deciding test {counted(len(standing), 'claim')} of this table "
        f"{'stand one by one' if len(standing) > 1 else 'stands by itself'}; after Holm's correction over its claims "
        f"{enumerated(left) or 'none'}."
    ]


def _disagreements(results: Results, hypotheses: Iterable[Hypothesis], selection: Selection) -> list[str]:
    lines = []
    for hypothesis in hypotheses:
        train, evaluated = (results.test(hypothesis, metric, selection) for metric in ("gap", "gap_eval"))
        if hypothesis.kind != "better" or train.p is None or evaluated.p is None:
            continue
        if train.significant == evaluated.significant:
            continue
        held, failed = ("train", "eval") if train.significant else ("eval", "train")
        p_held, p_failed = (train.p, evaluated.p) if train.significant else (evaluated.p, train.p)
        lines.append(
            f"Gap of {pair(results, hypothesis)}: smaller with training UA in {held} mode (p = {p_value(p_held)}), not "
            f"with training UA in {failed} mode (p = {p_value(p_failed)}); shaking and dropout by themselves "
            "lower training UA in train mode."
        )
    return lines


def pair(results: Results, hypothesis: Hypothesis) -> str:
    """`PreActBN against PreAct`, by label."""
    return f"{results.label(hypothesis.better)} against {results.label(hypothesis.reference)}"
