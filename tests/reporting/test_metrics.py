import pandas as pd

from pipeline.reporting.metrics import metrics_text
from tests.helpers.reports import params_with, results_of, runs_of


def test_metrics_are_means_at_the_chosen_epoch_without_what_has_none():
    params = params_with()
    runs = pd.concat([runs_of("PreAct", 61, 7, params), runs_of("PreActBN", 50, 1, params, diverged={(1, 1)})])
    assert metrics_text(results_of(params, runs)) == ('{\n "PreAct": {\n  "valid_ua": 61.0,\n  "gap": 7.0\n }\n}\n')
    assert metrics_text(results_of(params)) == "{}\n"
