"""Where our results and the published ones lead to different conclusions, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.evaluation.hypotheses import Claim
from pipeline.params import Selection
from pipeline.reporting.experiment import Experiment, Test
from pipeline.reporting.setting import setting_differences
from pipeline.reporting.tables.table import plain_p, signed

MetricName = Literal["valid_ua", "gap"]

_NAMES: dict[MetricName, str] = {"valid_ua": "UA", "gap": "Gap"}


@dataclass(frozen=True)
class PublishedFinding:
    """What the paper says of a claim: whether it is significant by its own test."""

    claim: Claim
    metric: MetricName
    significant: bool


def disagreements_with_paper(
    experiment: Experiment, findings: Sequence[PublishedFinding], selection: Selection
) -> list[str]:
    """How many of the paper's findings came out the same here, and a sentence for each that did not.

    A finding comes out the same if the paper's test and our corrected one agree on whether the claim holds. What was
    not tested here is not counted.
    """
    sentences, counted = [], 0
    for finding in findings:
        metric = experiment.gap_metric if finding.metric == "gap" else "valid_ua"
        test = experiment.test(finding.claim, metric, selection)
        if test.p_corrected is None or test.mean_difference is None:
            continue
        counted += 1
        if test.stands != finding.significant:
            sentences.append(_sentence(experiment, finding, test))
    if not counted:
        return []
    many = f"the {counted} published findings" if counted > 1 else "one published finding"
    same = counted - len(sentences) or "none"
    end = "; these did not:" if sentences else "."
    return [f"Of {many} tested here, {same} came out the same by the corrected test{end}", *sentences]


def _sentence(experiment: Experiment, finding: PublishedFinding, test: Test) -> str:
    better, reference = (experiment.label(model) for model in (finding.claim.better, finding.claim.reference))
    assert test.mean_difference is not None  # noqa: S101 (only tested claims come here)
    points = f"{signed(test.mean_difference)} points"
    what = f"{_NAMES[finding.metric]} of {better} against {reference}"
    if not finding.significant:
        return f"{what}: not significant in the paper; here it is, {points}, corrected {plain_p(test.p_corrected)}."
    if test.mean_difference < 0:
        return f"{what}: significantly better in the paper; here worse, {points}."
    return f"{what}: significantly better in the paper; here not, {points}, corrected {plain_p(test.p_corrected)}."


def values_outside_intervals(
    experiment: Experiment, published: Iterable[tuple[str, str]], selection: Selection
) -> list[str]:
    """A sentence for each published UA that lies outside the interval of ours; none where the setting is another.

    Args:
        experiment: everything.
        published: model and its published UA in percent, as text.
        selection: of epochs.
    """
    if setting_differences(experiment):
        return []
    lines = []
    for model, ua in published:
        score = experiment.score(model, selection)
        if score.valid_ua is None or score.low is None or score.high is None:
            continue
        if not score.low <= float(ua) <= score.high:
            side = "above" if float(ua) > score.high else "below"
            lines.append(
                f"UA of {experiment.label(model)}: the published {ua} % is {side} the 95 % interval of ours, "
                f"{score.low:.1f} to {score.high:.1f}."
            )
    return lines
