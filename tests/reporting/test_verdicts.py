import re

import pandas as pd
import pytest

from pipeline.evaluation.hypotheses import PAPER_CLAIMS, all_claims
from pipeline.reporting.agreement import PublishedFinding, disagreements_with_paper, values_outside_intervals
from pipeline.reporting.metrics import metrics_text
from pipeline.reporting.verdicts import HEADLINES, verdicts
from tests.helpers.reports import experiment_of, paper_params, params_with, published_runs, runs_of
from tests.reporting.test_tables import demo_runs, user_params


def outcomes(experiment):
    claims = all_claims(experiment.params.report.tables)
    return {one.table: one for one in verdicts(experiment, claims, "last")}


def two(reference, better, spread=1.0):
    """PreActBN and PreActBN-Full, the pair of Table 2's claim."""
    params = params_with()
    runs = [runs_of("PreActBN", *reference, params, spread), runs_of("PreActBN-Full", *better, params, spread, seed=1)]
    return experiment_of(params, pd.concat(runs))


def test_every_headline_is_a_claim_of_its_table():
    known = {(claim.table, claim.better, claim.reference) for claim in PAPER_CLAIMS}
    assert {(table, one.better, one.reference) for table, one in HEADLINES.items()} <= known
    assert list(HEADLINES) == ["table2", "table6", "table7", "table8", "table9", "table10"]


def test_a_clear_difference_stands():
    verdict = outcomes(two((60, 5), (70, 5)))["table2"]
    assert verdict.outcome == "stands"
    assert verdict.word == "Stands"
    assert verdict.statement == "PreActBN-Full has a higher UA than PreActBN"
    assert verdict.reason.startswith("+10.0 points (95 % interval +")
    assert re.search(
        r"p < 0.001 by the paper's test. Probability: worse 0 %, equal 0 %, better 100 %.$", verdict.reason
    )


def test_no_difference_and_the_reverse_do_not_stand():
    assert outcomes(two((60, 5), (60, 5)))["table2"].outcome == "open"
    worse = outcomes(two((70, 5), (60, 5)))["table2"]
    assert (worse.outcome, worse.word) == ("open", "Does not stand")
    assert worse.reason.startswith("−10.0 points, the other way")


def test_what_only_the_papers_test_finds_is_called_that():
    """Between the two levels: significant over eight pairs, not over four folds that share training data."""
    found = [outcomes(two((60, 5), (60 + difference / 4, 5)))["table2"] for difference in range(1, 10)]
    kinds = [one.outcome for one in found]
    assert kinds == sorted(kinds, key=["open", "paper", "stands"].index)
    assert set(kinds) == {"open", "paper", "stands"}
    assert all(one.test.significant and not one.test.stands for one in found if one.outcome == "paper")


def test_what_was_not_trained_is_not_tested():
    verdict = outcomes(experiment_of(params_with()))["table8"]
    assert (verdict.outcome, verdict.word) == ("untested", "Not tested")
    assert verdict.reason == "not trained: PreActBN-Full-g005, PreActBN-Full"


def test_the_first_pair_of_a_users_table_is_its_claim():
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    verdict = outcomes(experiment_of(params, demo_runs(params)))["mine"]
    assert verdict.title == "100 % <mine> & $yours_1$"
    assert verdict.statement == "PreActBN-Full has a higher UA than a|b*_<i>#1</i>"


def finding(better, reference, significant, metric="valid_ua"):
    claim = next(claim for claim in PAPER_CLAIMS if (claim.better, claim.reference) == (better, reference))
    return PublishedFinding(claim, metric, significant)


@pytest.mark.parametrize(
    ("reference", "better", "significant", "said"),
    [
        ((60, 5), (70, 5), True, ["Of one published finding tested here, 1 came out the same by the corrected test."]),
        ((60, 5), (70, 5), False, ["not significant in the paper; here it is, +10.0 points"]),
        ((70, 5), (60, 5), True, ["significantly better in the paper; here worse, −10.0 points."]),
        ((60, 5), (60, 5), True, ["significantly better in the paper; here not, +0.0 points, corrected p = 0.5."]),
    ],
)
def test_where_the_published_finding_and_ours_part(reference, better, significant, said):
    experiment = two(reference, better)
    lines = disagreements_with_paper(experiment, [finding("PreActBN-Full", "PreActBN", significant)], "last")
    assert all(words in lines[-1] for words in said), lines


def test_untested_findings_are_not_counted():
    assert (
        disagreements_with_paper(experiment_of(params_with()), [finding("PreAct-Full", "PreAct", True)], "last") == []
    )


def test_published_values_are_held_against_intervals_only_in_the_papers_setting():
    reduced = params_with()
    assert values_outside_intervals(experiment_of(reduced, demo_runs(reduced)), [("PreAct", "1.0")], "last") == []
    params = paper_params()
    experiment = experiment_of(params, published_runs(params)[lambda runs: runs["model"] == "PreAct"])
    experiment = experiment_with_the_papers_data(experiment)
    assert values_outside_intervals(experiment, [("PreAct", "61.342"), ("PreActBN", "1.0")], "last") == []
    assert values_outside_intervals(experiment, [("PreAct", "70.0")], "last") == [
        "UA of PreAct: the published 70.0 % is above the 95 % interval of ours, 58.3 to 64.3."
    ]


def experiment_with_the_papers_data(experiment):
    from tests.reporting.test_setting import with_the_papers_segments

    return with_the_papers_segments(experiment)


def test_metrics_are_means_at_the_chosen_epoch_without_what_has_none():
    params = params_with()
    runs = pd.concat([runs_of("PreAct", 61, 7, params), runs_of("PreActBN", 50, 1, params, diverged={(1, 1)})])
    assert metrics_text(experiment_of(params, runs)) == ('{\n "PreAct": {\n  "valid_ua": 61.0,\n  "gap": 7.0\n }\n}\n')
    assert metrics_text(experiment_of(params)) == "{}\n"
