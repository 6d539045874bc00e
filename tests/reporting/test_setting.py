import dataclasses
import sys
from types import SimpleNamespace

import pandas as pd

from pipeline.evaluation.results import Results
from pipeline.frontends.registry import FRONT_ENDS
from pipeline.frontends.spectrogram import Spectrogram
from pipeline.models.registry import FAMILIES
from pipeline.paper.published import published_rows
from pipeline.reporting.page.page import render_page
from pipeline.reporting.setting import (
    differences_from_paper,
    incomplete,
    redefined,
    setting_differences,
    trained_on,
)
from tests.helpers.centroid import FAMILY
from tests.helpers.reports import DEMO, paper_params, params_with, results_of, runs_of


def with_the_papers_segments(results: Results) -> Results:
    """As many segments and actors as the paper has."""
    counts = published_rows("table3")[:-1]
    rows = [
        (corpus["corpus"], f"a{index % int(corpus['actors'])}")
        for corpus in counts
        for index in range(sum(int(corpus[name]) for name in ("joy", "anger", "sadness", "fear")))
    ]
    segments = pd.DataFrame(rows, columns=["corpus", "actor"])
    return dataclasses.replace(results, segments=segments)


def test_what_was_trained_is_said_in_figures():
    assert trained_on(results_of(params_with())) == (
        "Trained here: 192 segments of 48 actors from eNTERFACE, RAVDESS, IEMOCAP, Emo-DB, EMOVO and SAVEE; "
        "4 of 4 folds × 2 seeds = 8 runs a model, 20 epochs each; figures are means over these runs."
    )


def test_every_setting_of_the_demo_that_is_not_the_papers_is_named():
    line = differences_from_paper(results_of(params_with()))
    assert line.startswith("Another network and setting than the paper's, so no figure here is a reproduction")
    for difference in (
        "features.every 32 (paper: 8)", "network.widths 2, 4, 8 (paper: 4, 8, 16, 32)",
        "network.blocks 1, 1 (paper: 3, 1, 1)", "train.epochs 20 (paper: 1000)", "2 seeds (paper: 3)",
        "192 segments of 48 actors (paper: 6803 of 96)",
    ):  # fmt: skip
        assert difference in line


def test_the_papers_settings_have_no_differences():
    results = with_the_papers_segments(results_of(paper_params()))
    assert differences_from_paper(results) == "Setting: as section 5 and Table 5 of the paper say."
    assert "6803 segments of 96 actors" in trained_on(results)


def test_the_papers_network_on_other_data_is_another_setting():
    line = differences_from_paper(results_of(paper_params()))
    assert line.startswith("Another setting than the paper's")
    assert "network" not in line


def test_a_model_configured_otherwise_than_its_row_says_is_named():
    params = params_with()
    models = {key: model.model_dump() for key, model in params.models.items()}
    models["PreAct-Full"] |= {"gamma0": 0.5, "shake": {"bands": 3}}
    results = results_of(params_with(models=models))
    (line,) = redefined(results, models)
    assert line.startswith("PreAct-Full is not the paper's model of this row: gamma0 0.5 (paper: 1.0); shake bands 3")


OVERRIDES = {"network": {"widths": (1, 1, 1, 1)}, "train": {"learning_rate": 0.5, "epochs": 3}}
DIFFERENT = (
    "network.widths 1, 1, 1, 1 (paper: 4, 8, 16, 32)", "train.epochs 3 (paper: 1000)",
    "train.learning_rate 0.5 (paper: 0.001)",
)  # fmt: skip


def paper_with(own, models=("PreAct",)):
    """The paper's setting and data, but for some models."""
    params = paper_params()
    entries = {key: model.model_dump() | (own if key in models else {}) for key, model in params.models.items()}
    changed = params_with(
        features=params.features.model_dump(), network=params.network.model_dump(), train=params.train.model_dump(),
        models=entries,
    )  # fmt: skip
    return with_the_papers_segments(results_of(changed))


def test_what_one_model_overrides_is_a_difference_from_the_paper():
    results = paper_with(OVERRIDES)
    assert differences_from_paper(results) == (
        f"Setting: as section 5 and Table 5 of the paper say, except for some models: PreAct has "
        f"{', '.join(DIFFERENT)}."
    )
    assert redefined(results, ["PreAct", "PreActBN"]) == [
        f"PreAct is not the paper's model of this row: {'; '.join(DIFFERENT)}."
    ]


def test_what_every_model_overrides_is_named_once():
    every = tuple(paper_params().models)
    results = paper_with(OVERRIDES, every)
    assert setting_differences(results) == list(DIFFERENT)
    assert redefined(results, every) == []
    restored = paper_with({"train": {"epochs": 1000}}, every)
    assert setting_differences(restored) == []


def test_another_family_is_a_difference_from_the_paper(monkeypatch):
    monkeypatch.setitem(sys.modules, "centroid", SimpleNamespace(FAMILY=FAMILY))
    monkeypatch.setitem(FAMILIES, "centroid", "centroid")
    params = params_with(models={**DEMO["models"], "Centroid": {"label": "Nearest", "family": "centroid"}})
    assert setting_differences(results_of(params))[-1] == "Nearest has family centroid (paper: resnext)"


def test_another_kind_of_front_end_is_a_difference_from_the_paper(monkeypatch):
    monkeypatch.setitem(sys.modules, "mel", SimpleNamespace(FRONT_END=type("Mel", (Spectrogram,), {})))
    monkeypatch.setitem(FRONT_ENDS, "mel", "mel")
    models = {**DEMO["models"], "PreAct": {**DEMO["models"]["PreAct"], "frontend": "bands"}}
    results = results_of(params_with(models=models, frontends={"bands": {"kind": "mel"}}))
    assert setting_differences(results)[-1] == "PreAct has front end mel (paper: spectrogram)"


def test_the_epochs_are_those_of_the_trained_models():
    own = {**DEMO["models"]["PreAct"], "train": {"epochs": 3}}
    params = params_with(models={**DEMO["models"], "PreAct": own})
    assert "8 runs a model, 3 to 20 epochs each;" in trained_on(results_of(params))
    assert "2 seeds, 3 to 20 epochs each" in render_page(results_of(params), ())
    assert " 3 epochs each;" in trained_on(results_of(params, runs_of("PreAct", 61, 7, params)))
    assert " 20 epochs each;" in trained_on(results_of(params, runs_of("PreActBN", 61, 7, params)))


def test_models_with_other_runs_than_the_params_ask_for_are_named():
    params = params_with()
    train = {**params.train.model_dump(), "seeds": (1, 3)}
    results = results_of(params_with(train=train), runs_of("PreAct", 61, 7, params))
    assert incomplete(results, ["PreAct", "PreAct-Full"]) == ["PreAct: 4 of the 8 runs of the params, and 4 others."]
