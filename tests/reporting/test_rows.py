"""What tables and the page say of models that are not trained by epochs, and of speaker-wise standardisation."""

import pandas as pd
import pytest

from pipeline.evaluation.results import RunDetails
from pipeline.figures.curves import draw_accuracy_curves, draw_loss_curves
from pipeline.figures.inputs import FigureInputs
from pipeline.frontends.registry import FRONT_ENDS
from pipeline.reporting.page.page import render_page
from pipeline.reporting.setting import epochs_trained
from pipeline.reporting.tables.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.tables.registry import build_tables
from pipeline.runs.tables import HISTORY
from tests.helpers.reports import DEMO, params_with, results_of, runs_of

MARK = "(speaker-standardised)"
NOTE = "Mean and deviation of every feature come from all recordings of a speaker"


@pytest.fixture
def results(monkeypatch):
    """Three models, of which one is standardised by speaker and two are SVMs that chose C."""
    monkeypatch.setitem(FRONT_ENDS, "levels", "tests.helpers.rows")

    def make(standardise="speaker", models=("PreAct", "svm", "own")):
        svm = {"family": "linear_svm", "frontend": "levels"}
        known = {
            "PreAct": DEMO["models"]["PreAct"],
            "svm": {"label": "SVM", **svm},
            "own": {"label": "SVM", **svm, "standardise": standardise},
        }
        params = params_with(
            frontends={"levels": {"kind": "levels"}},
            models={model: known[model] for model in models},
            report={
                **DEMO["report"],
                "tables": {"mine": {"title": "Mine", "models": models, "pairs": ((models[-1], models[0]),)}},
            },
        )
        runs = pd.concat([runs_of(model, 50 + place, 5, params, seed=place) for place, model in enumerate(models)])
        details = tuple(
            RunDetails(
                model, fold, seed, "CPU", "fp32", (), family="linear_svm",
                chosen=(("C", 0.01 * fold), ("inner_ua", 61.25), ("inner_folds", 5.0)),
            )
            for model in models if model != "PreAct" for fold in (1, 2) for seed in (1, 2)
        )  # fmt: skip
        return results_of(params, runs, details)

    return make


def test_models_standardised_by_speaker_are_labelled_in_every_table(results):
    found = results()
    tables = {table.key: table for table in build_tables(found)}
    for written in (to_csv, to_markdown, to_latex):
        text = written(tables["mine"])
        assert f"SVM {MARK}" in text
        assert text.replace(f"SVM {MARK}", "").count("SVM") >= 3, "the other SVM is not labelled"
    for written in (to_markdown, to_latex):
        assert f"Speaker-standardised: SVM {MARK}. {NOTE}" in written(tables["mine"])
        assert NOTE not in written(tables["table2"]), "no model of this table is"
    rows = to_csv(tables["mine"]).splitlines()
    assert all(row.endswith(MARK) == (f"SVM {MARK}" in row) for row in rows[1:])
    page = render_page(found, tuple(tables.values()))
    assert page.count(f"SVM {MARK}") > 3
    assert NOTE in page


def test_tables_of_the_paper_say_so_too():
    models = {key: dict(value) for key, value in DEMO["models"].items()}
    models["PreAct"]["standardise"] = "speaker"
    params = params_with(models=models)
    runs = pd.concat([runs_of(model, 50, 5, params, seed=place) for place, model in enumerate(models)])
    tables = {table.key: table for table in build_tables(results_of(params, runs))}
    for key in ("table2", "table6", "table7", "table8"):
        assert NOTE in to_markdown(tables[key]), key
        assert NOTE in to_latex(tables[key]), key
        assert "speaker-standardised" in to_csv(tables[key]), key
    assert "standardise speaker (paper: none)" in to_markdown(tables["table8"])


def test_without_it_nothing_is_labelled(results):
    found = results(standardise="fold")
    tables = build_tables(found)
    assert not any("peaker-standardised" in to_csv(table) + to_markdown(table) for table in tables)


def test_what_was_chosen_is_a_small_table(results):
    tables = {table.key: table for table in build_tables(results())}
    assert to_csv(tables["chosen"]).splitlines() == [
        "model,fold,seeds,option,value,inner_ua,inner_folds,unfinished_fits",
        'SVM,1,"1, 2",C,0.01,61.250,5,0',
        'SVM,2,"1, 2",C,0.02,61.250,5,0',
        f'SVM {MARK},1,"1, 2",C,0.01,61.250,5,0',
        f'SVM {MARK},2,"1, 2",C,0.02,61.250,5,0',
    ]
    assert '<article id="chosen">' in render_page(results(), tuple(tables.values()))
    params = params_with()
    assert "chosen" not in {table.key for table in build_tables(results_of(params, runs_of("PreAct", 61, 7, params)))}


def test_epochs_are_said_of_models_that_have_them(results):
    assert epochs_trained(results()) == f"20 epochs each (without epochs: SVM, SVM {MARK})"
    assert epochs_trained(results(models=("svm", "own"))) == "without epochs"
    text = to_markdown({table.key: table for table in build_tables(results())}["mine"])
    assert f"Nothing is random in SVM and SVM {MARK}: one run of a fold stands under every seed." in text


def test_models_without_epochs_have_no_curves(results):
    found = results(models=("svm", "own"))
    row = dict.fromkeys(HISTORY.columns, 1.0) | {"fold": 1, "seed": 1, "epoch": 1, "repeat": 1}
    history = pd.DataFrame([{**row, "model": model} for model in ("svm", "own")])
    inputs = FigureInputs(found, history, pd.DataFrame(), pd.DataFrame(), ())
    assert draw_accuracy_curves(inputs) is None
    assert draw_loss_curves(inputs) is None
    both = results()
    more = pd.concat([history, pd.DataFrame([{**row, "model": "PreAct"}])])
    drawing = draw_accuracy_curves(FigureInputs(both, more, pd.DataFrame(), pd.DataFrame(), ()))
    assert set(drawing.data["model"]) == {"PreAct"}


def test_a_table_of_ones_own_cannot_take_the_name():
    report = {**DEMO["report"], "tables": {"chosen": {"title": "Mine", "models": ("PreAct",)}}}
    assert any(line.startswith("report.tables.chosen: ") for line in params_with(report=report).mistakes())
