import re

import pandas as pd

from pipeline.evaluation.hypotheses import PAPER_HYPOTHESES
from pipeline.evaluation.verdicts import verdicts
from pipeline.paper.tables import PAPER_TABLES
from tests.helpers.reports import params_with, results_of, runs_of
from tests.reporting.test_tables import demo_runs, user_params


def outcomes(results):
    return {one.table: one for one in verdicts(results, "last")}


def two_models(reference, better, spread=1.0):
    """PreActBN and PreActBN-Full, the pair of Table 2's hypothesis."""
    params = params_with()
    runs = [runs_of("PreActBN", *reference, params, spread), runs_of("PreActBN-Full", *better, params, spread, seed=1)]
    return results_of(params, pd.concat(runs))


def test_every_headline_is_a_hypothesis_of_its_table():
    known = {(hypothesis.table, hypothesis.better, hypothesis.reference) for hypothesis in PAPER_HYPOTHESES}
    headlines = {key: table.headline for key, table in PAPER_TABLES.items() if table.headline}
    assert {(table, one.better, one.reference) for table, one in headlines.items()} <= known
    assert list(headlines) == ["table2", "table6", "table7", "table8", "table9", "table10"]


def test_a_clear_difference_stands():
    verdict = outcomes(two_models((60, 5), (70, 5)))["table2"]
    assert verdict.outcome == "stands"
    assert verdict.word == "Stands"
    assert verdict.statement == "PreActBN-Full has a higher UA than PreActBN"
    assert verdict.reason.startswith("+10.0 points (95 % interval +")
    assert re.search(
        r"p < 0.001 by the paper's test. Probability: worse 0 %, equal 0 %, better 100 %.$", verdict.reason
    )


def test_no_difference_and_the_reverse_do_not_stand():
    assert outcomes(two_models((60, 5), (60, 5)))["table2"].outcome == "open"
    worse = outcomes(two_models((70, 5), (60, 5)))["table2"]
    assert (worse.outcome, worse.word) == ("open", "Does not stand")
    assert worse.reason.startswith("−10.0 points, the other way")


def test_what_only_the_papers_test_finds_is_called_that():
    """Between the two levels: significant over eight pairs, not over four folds that share training data."""
    found = [outcomes(two_models((60, 5), (60 + difference / 4, 5)))["table2"] for difference in range(1, 10)]
    kinds = [one.outcome for one in found]
    assert kinds == sorted(kinds, key=["open", "paper", "stands"].index)
    assert set(kinds) == {"open", "paper", "stands"}
    assert all(one.test.significant and not one.test.stands for one in found if one.outcome == "paper")


def test_what_was_not_trained_is_not_tested():
    verdict = outcomes(results_of(params_with()))["table8"]
    assert (verdict.outcome, verdict.word) == ("untested", "Not tested")
    assert verdict.reason == "not trained: PreActBN-Full-g005, PreActBN-Full"


def test_the_first_pair_of_a_users_table_is_its_headline():
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    verdict = outcomes(results_of(params, demo_runs(params)))["mine"]
    assert verdict.title == "100 % <mine> & $yours_1$"
    assert verdict.statement == "PreActBN-Full has a higher UA than a|b*_<i>#1</i>"
