from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.core.errors import InputError
from studies.core.params import ExecutionParams
from studies.core.recipe import ImageRecipe
from studies.params import load_params
from studies.uci import runs as uci
from studies.uci.figures import histograms, profile
from studies.uci.params import TableParams, UciParams
from studies.uci.profiles import performance_profile
from studies.uci.results import errors_by_method, histograms_of, selected, wins_table
from studies.uci.results import table as selection_table
from studies.uci.runs import load_table, train
from studies.vcl import runs as vcl
from studies.vcl.figures import error_figures
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
    assert wins["published_wins_of_all"].tolist() == [5, 8, 11]
    assert wins["wins"].tolist() == wins["wins_of_all"].tolist(), "one activation is all there are"
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


def test_the_table_of_the_histograms_may_be_named():
    def on(name):
        table = TableParams(name=name)
        return replace(
            outcome([0.1], [0.1]), spec=replace(spec(), table=table), densities=np.full((2, 3, 40), len(name))
        )

    outcomes = [on("iris"), on("wine"), on("digits")]
    assert histograms_of(outcomes).what == "2 hidden layers with ELU on digits"
    named = histograms_of(outcomes, "wine")
    assert named.what == "2 hidden layers with ELU on wine"
    assert (named.densities["none"] == 4).all()
    with pytest.raises(ValueError, match="drawn is 'adult', which is not one of the tables iris, wine"):
        UciParams.model_validate({**SMALL.uci.model_dump(), "drawn": "adult"})
    paper = load_params(ROOT / "studies/params.paper.yaml").uci
    assert (paper.drawn, paper.splits) == ("adult", (1, 2, 3, 4))


def test_errors_are_means_over_splits():
    rows = [outcome([0.1], [error]) for error in (0.1, 0.3)]
    rows = [rows[0], replace(rows[1], spec=replace(rows[1].spec, split=2))]
    assert errors_by_method(selection_table(rows, 1)) == {"ELU+none": [pytest.approx(0.2)]}


def test_a_diverged_method_counts_as_all_wrong():
    selection = selection_table([outcome([0.1], [0.1]), outcome([], [], normalisation="vcl")], 2)
    assert errors_by_method(selection) == {"ELU+none": [0.1], "ELU+vcl": [1.0]}


def test_an_unknown_table_is_refused():
    with pytest.raises(InputError, match=r"names adult, which does not ship with scikit-learn \(these do: iris"):
        load_table(TableParams(name="adult"))


def test_the_table_holds_published_and_trained_rows_and_gains_paired_by_seed():
    def run(normalisation, seed, error, diverged=False):
        samples = 2 if normalisation == "vcl" else None
        params = SMALL.vcl.experiments[0]
        return vcl.Outcome(vcl.Spec("ELU", normalisation, samples, seed, params, CPU), error, diverged, 123, 2.5)

    rows = table([
        run("none", 1, 4.0), run("none", 2, 6.0), run("none", 3, 5.0),
        run("vcl", 1, 3.0), run("vcl", 2, 5.0), run("vcl", 3, float("nan"), diverged=True),
    ])  # fmt: skip
    assert tuple(rows.columns) == COLUMNS
    published = rows[rows["runs"].isna()]
    assert len(published) == 57 + 3
    assert published["error"].isna().all()
    quoted = published.set_index("model")["published_error"]
    assert quoted[["ResNet-110 (quoted)", "Wide-ResNet-32 (quoted)", "DenseNet-40 (quoted)"]].tolist() == [
        46.5,
        36.5,
        39,
    ]
    best = published[(published["data"] == "CIFAR-100") & (published["model"] == "ELU+vcl (n = 2)")]
    assert best["published_error"].item() == 25.6
    trained = rows[rows["runs"].notna()].set_index("normalisation")
    assert trained.loc["vcl", "error"] == 4.0
    assert trained.loc["vcl", "gain"] == 1.0
    assert trained.loc["vcl", "diverged"] == 1
    (drawing,) = error_figures(rows[rows["runs"].notna()])
    assert (drawing.key, drawing.png[:4]) == ("errors", b"\x89PNG")


def test_several_data_sets_stand_in_one_table_each_beside_its_own_published_errors():
    paper = load_params(ROOT / "studies/params.paper.yaml").vcl

    def run(place, normalisation, seed, error, epochs=None):
        params = paper.experiments[place]
        if epochs is not None:
            params = params.model_copy(update={"recipe": params.recipe.model_copy(update={"epochs": epochs})})
        samples = 2 if normalisation == "vcl" else None
        return vcl.Outcome(vcl.Spec("ELU", normalisation, samples, seed, params, CPU), error, False, 123, 2.5)

    listed = [
        run(place, name, seed, 10 * place + ("none", "vcl").index(name) + seed)
        for place in (0, 1, 2) for name in ("none", "vcl") for seed in (1, 2)
    ]  # fmt: skip
    rows = table(listed)
    trained = rows[rows["runs"].notna()].set_index(["data", "model"])
    assert trained["published_error"].to_dict() == {
        ("cifar10", "ELU"): 6.98, ("cifar10", "ELU+vcl (n = 2)"): 6.15, ("cifar100", "ELU"): 28.7,
        ("cifar100", "ELU+vcl (n = 2)"): 25.6, ("tiny_imagenet", "ELU"): 39.2, ("tiny_imagenet", "ELU+vcl (n = 2)"): 37.3,
    }  # fmt: skip
    assert trained["gain"].dropna().tolist() == [-1, -1, -1], "paired within a data set"
    assert len(rows) == 57 + 3, "a network that was trained as published has one row"
    assert [drawing.key for drawing in error_figures(rows[rows["runs"].notna()])] == [
        "errors_cifar10", "errors_cifar100", "errors_tiny_imagenet"
    ]  # fmt: skip
    short = table([run(0, "none", 1, 9.0, epochs=5)])
    assert len(short) == 57 + 3 + 1
    assert short[short["runs"].notna()]["published_error"].isna().all(), "another number of epochs is another training"


def test_the_papers_recipes_are_those_of_its_section_3():
    paper = load_params(ROOT / "studies/params.paper.yaml").vcl
    ten, hundred, tiny = paper.experiments
    assert [one.data.name for one in paper.experiments] == ["cifar10", "cifar100", "tiny_imagenet"]
    assert ten.recipe == hundred.recipe
    assert (ten.recipe.epochs, ten.recipe.batch_size, ten.recipe.padding, ten.recipe.momentum) == (500, 250, 4, 0.9)
    assert [round(part * 500) for part, _ in ten.recipe.steps] == [180, 280, 380, 480]
    assert (tiny.recipe.epochs, tiny.recipe.padding, tiny.recipe.augment, tiny.multiplier) == (250, 8, "crop_flip", 2.0)
    assert [(round(part * 250), rate) for part, rate in tiny.recipe.steps] == [(50, 0.02), (100, 0.002), (180, 0.0002)]
    assert {2, 5} <= set(tiny.samples), "n = 2 in table 3, n = 5 in the text"
    assert not any(one.recipe.nesterov for one in paper.experiments), "momentum of 0.9, no more is said"
    assert {"loss": hundred.samples} == {"loss": (2, 3, 5, 7, 9)}
    with pytest.raises(ValueError, match="two experiments are on cifar10"):
        type(paper).model_validate({"seeds": (1,), "experiments": (ten, ten)})


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
