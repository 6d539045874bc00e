"""A figure of one's own: one file (here this one) and one line of the registry."""

import pandas as pd
import pytest

from pipeline.figures import registry
from pipeline.figures.drawing import canvas, finished, styled, write_drawings
from pipeline.figures.trade_off import trade_off
from pipeline.reporting.page.inputs import load_figures
from pipeline.reporting.page.page import render_page
from tests.helpers.drawn import figure_inputs
from tests.helpers.reports import params_with, results_of, runs_of


@styled
def draw_best(inputs):
    """The highest UA of each model; none without runs."""
    best = inputs.finished_runs.groupby("model")["valid_ua"].max()
    if best.empty:
        return None
    figure = canvas(2.0)
    figure.add_subplot().barh(list(best.index), best)
    return finished(figure, "best", "Best runs", "The highest UA.", "Bars.", best.reset_index())


@pytest.fixture
def results():
    params = params_with()
    return results_of(params, runs_of("PreAct", 61, 7, params))


def test_a_figure_is_added_by_one_line_and_is_written_and_on_the_page(results, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "FIGURES", (*registry.FIGURES[-2:], draw_best))
    drawings = registry.draw_figures(figure_inputs(results))
    assert [one.key for one in drawings] == ["folds", "spectrogram", "best"]
    write_drawings(drawings, tmp_path)
    assert (tmp_path / "best.csv").read_text("utf-8").startswith("model,valid_ua\nPreAct,")
    page = render_page(results, (), load_figures(tmp_path))
    assert '<figure id="figure-best">' in page
    assert "Best runs" in page


def test_a_figure_that_the_results_have_nothing_for_is_left_out(monkeypatch):
    monkeypatch.setattr(registry, "FIGURES", (draw_best,))
    assert registry.draw_figures(figure_inputs(results_of(params_with()))) == ()


class Family:
    """A model of a family that has neither layout nor shaking."""

    def __init__(self, label, family):
        self.label, self.family = label, family


def test_models_without_a_layout_are_marked_by_their_family():
    params = params_with()
    models = {"PreAct": params.models["PreAct"], "svm": Family("SVM", "svm"), "forest": Family("Forest", "forest")}
    runs = pd.concat([runs_of(model, 60 + index, 5, params) for index, model in enumerate(models)])
    drawn = trade_off(runs[runs["selection"] == "last"], models, "gap", "train mode")
    for kind in ("PreAct", "svm", "forest"):
        assert f">{kind}<" in drawn.svg
