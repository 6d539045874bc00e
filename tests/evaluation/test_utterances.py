"""Claims on whole utterances."""

import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from pipeline.evaluation.comparison import compare
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.measures import by_utterance
from pipeline.evaluation.utterances import PREDICTED, utterance_runs
from pipeline.runs.tables import RUNS
from tests.evaluation.test_measures import CLASSES, predictions_of


def runs_of(model):
    """Four runs, two folds and two seeds, at all selections."""
    rows = [
        (model, fold, seed, selection, 3, 50.0, 60.0, 60.0, 10.0, 10.0, "done", 1)
        for fold in (1, 2) for seed in (1, 2) for selection in ("last", "best", "crossval")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(RUNS.columns))


def test_ua_is_that_of_utterances_and_what_needs_training_ua_is_empty():
    predictions = {"A": predictions_of(0.6, 1)}
    runs, counts = utterance_runs(runs_of("A"), predictions, CLASSES)
    assert set(runs["selection"]) == {"last", "best"}
    assert runs[["gap", "gap_eval"]].isna().all().all()
    whole = by_utterance(predictions["A"][predictions["A"]["selection"] == "last"], CLASSES)
    for row in runs[runs["selection"] == "last"].itertuples():
        here = whole[(whole["fold"] == row.fold) & (whole["seed"] == row.seed)]
        assert row.valid_ua == pytest.approx(100 * balanced_accuracy_score(here["emotion"], here["predicted"]))
        assert counts["A", "last"][1, row.fold, row.seed].totals.sum() == len(here)


def test_claims_are_compared_at_the_selections_that_have_predictions():
    predictions = {"A": predictions_of(1.2, 1), "B": predictions_of(0.2, 2)}
    runs, counts = utterance_runs(pd.concat([runs_of("A"), runs_of("B"), runs_of("C")]), predictions, CLASSES)
    claims = [Hypothesis("t", "A", "B"), Hypothesis("t", "A", "C")]
    table = compare(runs, claims, 2, 1.0, counts, metrics=("valid_ua",), selections=PREDICTED)
    assert len(table) == 4
    tested = table[table["model_b"] == "B"].iloc[0]
    assert tested["mean_difference"] > 0
    assert tested["note"] == "no test over actors: 8 actors; tried with 12 and more"
    without = table[table["model_b"] == "C"].iloc[0]
    assert without["note"] == "withheld: valid_ua was not measured in 4 of 4 pairs"
