"""The reliability diagram: its points are those of the table, and its titles the errors before and after."""

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.figures.reliability import draw_reliability
from tests.helpers.drawn import figure_inputs
from tests.helpers.reports import params_with, results_of, runs_of


@pytest.fixture
def inputs():
    params = params_with()
    inputs = figure_inputs(results_of(params, runs_of("PreAct", 61, 7, params)))
    rows = [
        ("PreAct", "last", "own", 10, 40, 0.62, 0.4), ("PreAct", "last", "own", 15, 60, 0.97, 0.7),
        ("PreAct", "last", "calibrated", 8, 100, 0.52, 0.55), ("PreAct", "best", "own", 1, 5, 0.05, 1.0),
    ]  # fmt: skip
    calibration = pd.DataFrame(
        rows, columns=["model", "selection", "probabilities", "bin", "n", "confidence", "accuracy"]
    )
    return replace(inputs, calibration=calibration, measures=inputs.measures.assign(ece=17.24, ece_calibrated=3.06))


def test_its_data_are_the_bins_of_the_selection_and_its_words_the_errors(inputs):
    drawing = draw_reliability(inputs)
    assert drawing.key == "reliability"
    pd.testing.assert_frame_equal(drawing.data, inputs.calibration[inputs.calibration["selection"] == "last"])
    label = inputs.results.label("PreAct")
    assert f"{label}: ECE 17.2 to 3.1" in drawing.alt
    assert "fitted on the validation folds of the other runs of its seed" in drawing.caption


def test_without_other_folds_there_is_no_error_after(inputs):
    own = inputs.calibration[inputs.calibration["probabilities"] == "own"]
    drawing = draw_reliability(
        replace(inputs, calibration=own, measures=inputs.measures.assign(ece=17.24, ece_calibrated=None))
    )
    assert "ECE 17.2." in drawing.alt


def test_without_predictions_there_is_no_figure(inputs):
    assert draw_reliability(replace(inputs, calibration=inputs.calibration.iloc[:0])) is None
