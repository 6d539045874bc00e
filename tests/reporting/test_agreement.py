from dataclasses import replace

import pytest

from pipeline.evaluation.hypotheses import PAPER_HYPOTHESES
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper, values_outside_intervals
from tests.evaluation.test_verdicts import two_models
from tests.helpers.reports import paper_params, params_with, published_runs, results_of
from tests.reporting.test_setting import with_the_papers_segments
from tests.reporting.test_tables import demo_runs


def finding(better, reference, significant, metric="valid_ua"):
    hypothesis = next(
        hypothesis
        for hypothesis in PAPER_HYPOTHESES
        if (hypothesis.better, hypothesis.reference) == (better, reference)
    )
    return PublishedFinding(hypothesis, metric, significant)


@pytest.mark.parametrize(
    ("reference", "better", "significant", "said"),
    [
        ((60, 5), (70, 5), True, ["Of one published finding tested here, 1 came out the same by the deciding test."]),
        ((60, 5), (70, 5), False, ["not significant in the paper; here it is, +10.0 points"]),
        ((70, 5), (60, 5), True, ["significantly better in the paper; here worse, −10.0 points."]),
        ((60, 5), (60, 5), True, ["significantly better in the paper; here not, +0.0 points, p = 0.5."]),
    ],
)
def test_where_the_published_finding_and_ours_part(reference, better, significant, said):
    results = two_models(reference, better)
    lines = disagreements_with_paper(results, [finding("PreActBN-Full", "PreActBN", significant)], "last")
    assert all(words in lines[-1] for words in said), lines


def test_untested_findings_are_not_counted():
    assert disagreements_with_paper(results_of(params_with()), [finding("PreAct-Full", "PreAct", True)], "last") == []


def test_published_values_are_held_against_intervals_only_in_the_papers_setting():
    reduced = params_with()
    assert values_outside_intervals(results_of(reduced, demo_runs(reduced)), [("PreAct", "1.0")], "last") == []
    params = paper_params()
    results = results_of(params, published_runs(params)[lambda runs: runs["model"] == "PreAct"])
    results = with_the_papers_segments(results)
    entries = {**params.models, "PreAct": params.model("PreAct").model_copy(update={"train": {"epochs": 3}})}
    short = replace(results, params=params.model_copy(update={"models": entries}))
    assert values_outside_intervals(short, [("PreAct", "70.0")], "last") == []
    assert values_outside_intervals(results, [("PreAct", "61.342"), ("PreActBN", "1.0")], "last") == []
    assert values_outside_intervals(results, [("PreAct", "70.0")], "last") == [
        "UA of PreAct: the published 70.0 % is above the 95 % interval of ours, 58.3 to 64.3."
    ]
