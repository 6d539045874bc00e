import dataclasses

import pandas as pd

from pipeline.paper.published import published_rows
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.setting import differences_from_paper, incomplete, redefined, trained_on
from tests.helpers.reports import experiment_of, paper_params, params_with, runs_of


def with_the_papers_segments(experiment: Experiment) -> Experiment:
    """As many segments and actors as the paper has."""
    counts = published_rows("table3")[:-1]
    rows = [
        (corpus["corpus"], f"a{index % int(corpus['actors'])}")
        for corpus in counts
        for index in range(sum(int(corpus[name]) for name in ("joy", "anger", "sadness", "fear")))
    ]
    segments = pd.DataFrame(rows, columns=["corpus", "actor"])
    return dataclasses.replace(experiment, segments=segments)


def test_what_was_trained_is_said_in_figures():
    assert trained_on(experiment_of(params_with())) == (
        "Trained here: 192 segments of 48 actors from eNTERFACE, RAVDESS, IEMOCAP, Emo-DB, EMOVO and SAVEE; "
        "4 of 4 folds × 2 seeds = 8 runs a model, 20 epochs each; figures are means over these runs."
    )


def test_every_setting_of_the_demo_that_is_not_the_papers_is_named():
    line = differences_from_paper(experiment_of(params_with()))
    assert line.startswith("Another network and setting than the paper's, so no figure here is a reproduction")
    for difference in (
        "features.every 32 (paper: 8)", "network.widths 2, 4, 8 (paper: 4, 8, 16, 32)",
        "network.blocks 1, 1 (paper: 3, 1, 1)", "train.epochs 20 (paper: 1000)", "2 seeds (paper: 3)",
        "192 segments of 48 actors (paper: 6803 of 96)",
    ):  # fmt: skip
        assert difference in line


def test_the_papers_settings_have_no_differences():
    experiment = with_the_papers_segments(experiment_of(paper_params()))
    assert differences_from_paper(experiment) == "Setting: as section 5 and Table 5 of the paper say."
    assert "6803 segments of 96 actors" in trained_on(experiment)


def test_the_papers_network_on_other_data_is_another_setting():
    line = differences_from_paper(experiment_of(paper_params()))
    assert line.startswith("Another setting than the paper's")
    assert "network" not in line


def test_a_model_configured_otherwise_than_its_row_says_is_named():
    params = params_with()
    models = {key: model.model_dump() for key, model in params.models.items()}
    models["PreAct-Full"] |= {"gamma0": 0.5, "shake": {"bands": 3}}
    experiment = experiment_of(params_with(models=models))
    (line,) = redefined(experiment, models)
    assert line.startswith("PreAct-Full is not the paper's model of this row: gamma0 0.5 (paper: 1.0); shake bands 3")


def test_models_with_other_runs_than_the_params_ask_for_are_named():
    params = params_with()
    train = {**params.train.model_dump(), "seeds": (1, 3)}
    experiment = experiment_of(params_with(train=train), runs_of("PreAct", 61, 7, params))
    assert incomplete(experiment, ["PreAct", "PreAct-Full"]) == ["PreAct: 4 of the 8 runs of the params, and 4 others."]
