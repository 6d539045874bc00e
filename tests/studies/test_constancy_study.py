import numpy as np
import pytest
import torch

from pipeline.core.errors import InputError
from studies.core.params import ExecutionParams
from studies.core.recipe import ImageRecipe
from studies.params import load_params
from studies.uci import runs as uci
from studies.uci.figures import histograms, profile
from studies.uci.params import TableParams
from studies.uci.profiles import performance_profile
from studies.uci.results import errors_by_method, histograms_of, selected, wins_table
from studies.uci.results import table as selection_table
from studies.uci.runs import load_table, train
from studies.vcl import runs as vcl
from studies.vcl.figures import error_figure
from studies.vcl.results import COLUMNS, model_name, table
from studies.vcl_time.results import table as time_table
from studies.vcl_time.runs import seconds_per_hundred
from tests.helpers.closure import ROOT

SMALL = load_params(ROOT / "studies/params.yaml")
CPU = ExecutionParams(device="cpu")
RECIPE = ImageRecipe(epochs=3, batch_size=20, learning_rate=0.01)


def spec(normalisation="none", activation="ELU", depth=2):
    params = SMALL.uci.model_copy(update={"samples": 5, "width": 16, "recipe": RECIPE, "updates": None})
    return uci.Spec(TableParams(name="iris"), 1, activation, normalisation, depth, params, CPU)


def outcome(valid, test, depth=2, **names):
    return uci.Outcome(spec(depth=depth, **names), tuple(valid), tuple(test), False, 3.0, np.ones((2, 3, 40)))


def test_the_smoothed_epoch_is_selected_over_depths():
    shallow = outcome([0.5, 0.0, 0.5, 0.5], [0.1, 0.2, 0.3, 0.4])
    deep = outcome([0.6, 0.3, 0.3, 0.3], [0.5, 0.6, 0.7, 0.8], depth=4)
    assert selected([shallow, deep], 1) == (shallow, 2, 0.2)
    assert selected([shallow, deep], 2) == (shallow, 2, 0.2), "a mean of 0.25 over the first two epochs"
    chosen, epoch, error = selected([shallow, deep], 3)
    assert (chosen, epoch, error) == (deep, 4, 0.8), "a mean of 0.3 over the last three"
    assert np.isnan(selected([outcome([], [])], 3)[2])


def test_selection_looks_at_validation_rows_alone():
    chosen = outcome([0.2, 0.4], [0.9, 0.0])
    assert selected([chosen], 1) == (chosen, 1, 0.9)


def test_a_run_that_diverged_early_is_not_selected_for_a_lucky_epoch():
    lucky, whole = outcome([0.0], [0.3]), outcome([0.2, 0.1, 0.1], [0.2, 0.15, 0.1], depth=4)
    assert selected([lucky, whole], 3)[0] == whole


def test_runs_on_a_table_learn_and_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcomes = [train(spec(name)) for name in ("none", "batch", "vcl")]
    for one in outcomes:
        assert len(one.valid) == len(one.test) == 3
        assert one.densities.shape == (2, 3, 40)
        assert one.valid[-1] < 0.5, "two of three are wrong by chance"
    selection = selection_table(outcomes, 2)
    assert selection["normalisation"].tolist() == ["none", "batch", "vcl"]
    wins = wins_table(selection)
    assert wins["published_wins"].tolist() == [14, 16, 23]
    shown = histograms_of(outcomes)
    assert list(shown.densities) == ["none", "batch", "vcl"]
    histograms(shown.densities, shown.edges, shown.what)
    methods = errors_by_method(selection)
    drawing = profile([1.0, 0.9], performance_profile(methods, [1.0, 0.9]), 1)
    assert "threshold" in drawing.svg
    (tmp_path / ".runs").rename(tmp_path / "elsewhere")
    again = train(spec("vcl"))
    assert (again.valid, again.test) == (outcomes[2].valid, outcomes[2].test)


def test_a_finished_run_on_a_table_is_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = train(spec("batch"))
    monkeypatch.setattr("pipeline.training.loop.train_epoch", None)
    again = train(spec("batch"))
    assert (again.valid, again.test, again.kurtosis) == (first.valid, first.test, first.kurtosis)


def test_a_diverged_method_counts_as_all_wrong():
    selection = selection_table([outcome([0.1], [0.1]), outcome([], [], normalisation="vcl")], 2)
    assert errors_by_method(selection) == {"ELU+none": [0.1], "ELU+vcl": [1.0]}


def test_an_unknown_table_is_refused():
    with pytest.raises(InputError, match=r"names adult, which does not ship with scikit-learn \(these do: iris"):
        load_table(TableParams(name="adult"))


def test_the_table_holds_published_and_trained_rows_and_gains_paired_by_seed():
    def run(normalisation, seed, error, diverged=False):
        samples = 2 if normalisation == "vcl" else None
        return vcl.Outcome(vcl.Spec("ELU", normalisation, samples, seed, SMALL.vcl, CPU), error, diverged, 123, 2.5)

    rows = table([
        run("none", 1, 4.0), run("none", 2, 6.0), run("none", 3, 5.0),
        run("vcl", 1, 3.0), run("vcl", 2, 5.0), run("vcl", 3, float("nan"), diverged=True),
    ])  # fmt: skip
    assert tuple(rows.columns) == COLUMNS
    published = rows[rows["runs"].isna()]
    assert len(published) == 57
    assert published["error"].isna().all()
    best = published[(published["data"] == "CIFAR-100") & (published["model"] == "ELU+vcl (n = 2)")]
    assert best["published_error"].item() == 25.6
    trained = rows[rows["runs"].notna()].set_index("normalisation")
    assert trained.loc["vcl", "error"] == 4.0
    assert trained.loc["vcl", "gain"] == 1.0
    assert trained.loc["vcl", "diverged"] == 1
    assert error_figure(rows[rows["runs"].notna()]).png[:4] == b"\x89PNG"


def test_models_are_named_as_in_the_paper():
    assert [model_name("ReLU", name, 3) for name in ("none", "batch", "vcl")] == ["ReLU", "ReLU+bn", "ReLU+vcl (n = 3)"]


def test_iterations_are_timed_beside_the_published():
    params = SMALL.vcl_time.model_copy(
        update={"image": (1, 4, 4), "num_classes": 3, "batch_size": 4, "multiplier": 0.02, "iterations": 1}
    )
    rows = time_table(seconds_per_hundred(("none", "vcl"), params, torch.device("cpu")), params)
    assert rows["published_cpu_seconds"].tolist() == [367.1, 400.1]
    assert (rows["seconds"] > 0).all()
    assert rows["ratio"].iloc[0] == 1
