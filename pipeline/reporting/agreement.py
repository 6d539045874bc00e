"""Where our results and the published ones lead to different conclusions, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.tables import Comparison
from pipeline.evaluation.wording import plain_p, signed
from pipeline.paper.tables import PublishedMetric
from pipeline.reporting.setting import redefined, shared_differences

_NAMES: dict[PublishedMetric, str] = {"valid_ua": "UA", "gap": "Gap"}


@dataclass(frozen=True)
class PublishedFinding:
    """The paper's finding about a hypothesis: whether it is significant by the paper's own test."""

    hypothesis: Hypothesis
    metric: PublishedMetric
    significant: bool


def disagreements_with_paper(results: Results, findings: Sequence[PublishedFinding], selection: Selection) -> list[str]:
    """The number of the paper's findings that are the same here, and a sentence for each that is not.

    A finding is the same if the paper's test and our deciding one agree on whether the hypothesis holds. What
    was not tested here is not counted.
    """
    sentences, counted = [], 0
    for finding in findings:
        metric = results.gap_metric if finding.metric == "gap" else "valid_ua"
        test = results.test(finding.hypothesis, metric, selection)
        if test.p_deciding is None or test.mean_difference is None:
            continue
        counted += 1
        if test.stands != finding.significant:
            sentences.append(_sentence(results, finding, test))
    if not counted:
        return []
    many = f"the {counted} published findings" if counted > 1 else "one published finding"
    same = counted - len(sentences) or "none"
    end = "; these did not:" if sentences else "."
    return [f"Of {many} tested here, {same} came out the same by the deciding test{end}", *sentences]


def _sentence(results: Results, finding: PublishedFinding, test: Comparison) -> str:
    better, reference = (results.label(model) for model in (finding.hypothesis.better, finding.hypothesis.reference))
    assert test.mean_difference is not None  # noqa: S101 (only what was tested comes here)
    points, p = f"{signed(test.mean_difference)} points", plain_p(test.p_deciding)
    what = f"{_NAMES[finding.metric]} of {better} against {reference}"
    if not finding.significant:
        return f"{what}: not significant in the paper; here it is, {points}, {p}."
    if test.mean_difference < 0:
        return f"{what}: significantly better in the paper; here worse, {points}."
    return f"{what}: significantly better in the paper; here not, {points}, {p}."


def values_outside_intervals(results: Results, published: Iterable[tuple[str, str]], selection: Selection) -> list[str]:
    """A sentence for each published UA that lies outside the interval of ours; none where our setting or model differs.

    Args:
        results: the results of all models.
        published: pairs of a model and its published UA in percent, as text.
        selection: the selection of epochs.
    """
    if shared_differences(results):
        return []
    lines = []
    for model, ua in published:
        score = results.score(model, selection)
        if score.valid_ua is None or score.low is None or score.high is None or redefined(results, [model]):
            continue
        if not score.low <= float(ua) <= score.high:
            side = "above" if float(ua) > score.high else "below"
            lines.append(
                f"UA of {results.label(model)}: the published {ua} % is {side} the 95 % interval of ours, "
                f"{score.low:.1f} to {score.high:.1f}."
            )
    return lines
