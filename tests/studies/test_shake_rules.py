import math

import numpy as np
import pytest
import torch

from pipeline.models.shaking import Shaking
from pipeline.models.summary import count_parameters
from studies.figures.shake_rules import rule_figure
from studies.networks.architectures import build_architecture
from studies.networks.cifar import build_cifar
from studies.params import DataParams, ExecutionParams, load_params
from studies.shake_models import GRID, MODELS, shaking_of
from studies.shake_rules import ShakeRun, claims, published_networks, run_table, specs, table, train_one
from studies.shake_runs import ShakeSpec, train_network
from tests.closure import ROOT

SMALL = load_params(ROOT / "studies/params.yaml").shake_rules
SETTING = SMALL.settings[0]
CPU = ExecutionParams(device="cpu")
KEYS = ["model", "data", "depth", "width"]


def run(model, seed, error, status="done", setting=SETTING):
    return ShakeRun(ShakeSpec(model, seed, setting, CPU), 1000, status, 2 * error, error)


def every():
    return [run(model, seed, place + seed / 10) for place, model in enumerate(SETTING.models) for seed in (1, 2, 3)]


def test_abbreviations_name_forward_backward_and_level():
    assert shaking_of("E-E-B") is None
    assert shaking_of("S-E-I") == Shaking(forward="shake", backward="even", level="frame")
    assert shaking_of("S-K-B") == Shaking(forward="shake", backward="keep", level="batch")
    assert shaking_of("E-S-B") == Shaking(forward="even", backward="shake", level="batch")


def test_both_scales_train_the_whole_grid_at_five_and_three_seeds():
    paper = load_params(ROOT / "studies/params.paper.yaml").shake_rules
    assert SETTING.models == paper.settings[0].models == tuple(MODELS)
    assert len(specs(SMALL, CPU)) == 5 * len(MODELS)
    assert [(one.data.name, one.models) for one in paper.settings[1:]] == [("cifar100", ("E-E-B", "S-E-I", "S-S-I"))]


def test_what_else_is_compared_does_not_change_a_run():
    fewer = SETTING.model_copy(update={"models": ("M1",)})
    assert ShakeSpec("M1", 1, fewer, CPU).description() == ShakeSpec("M1", 1, SETTING, CPU).description()
    assert ShakeSpec("M1", 1, SETTING, CPU).description() != ShakeSpec("M2", 1, SETTING, CPU).description()


def test_architectures_lack_what_they_are_named_for():
    kinds = {
        name: [type(layer).__name__ for layer in build_architecture(name, 8, depth=26).modules()] for name in "ABC"
    }
    kinds["residual"] = [type(layer).__name__ for layer in build_architecture("residual", 8, depth=26).modules()]
    assert "NoShortcut" not in kinds["residual"]
    assert "ShiftedShortcut" in kinds["residual"]
    for name in "ABC":
        assert "ShiftedShortcut" not in kinds[name]
        assert kinds[name].count("NoShortcut") == kinds[name].count("Block")
    assert [kinds[name].count("Block") for name in ("residual", "A", "B", "C")] == [12, 12, 24, 6]
    convolutions = {name: kinds[name].count("Convolution") for name in "ABC"}
    assert convolutions == {"A": 1 + 48, "B": 1 + 48, "C": 1 + 24}
    assert "BatchNorm2d" in kinds["B"]
    assert "BatchNorm2d" not in kinds["C"]


def test_without_a_skip_connection_a_block_is_the_mean_of_its_branches():
    block = build_architecture("A", 8, depth=8).blocks[0].eval()
    inputs = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = (block.branches[0](inputs.clone()) + block.branches[1](inputs.clone())) / 2
    torch.testing.assert_close(block(inputs, torch.arange(2), None), expected)


def test_the_residual_architecture_is_table_1s_network():
    torch.manual_seed(0)
    images = torch.randn(3, 3, 32, 32)
    ours, theirs = build_architecture("residual", 8, depth=8, seed=4), build_cifar("RPreAct", 8, depth=8, seed=4)
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=0, atol=0)


def test_published_networks_are_counted_in_cifars_shape():
    rows = published_networks().set_index(["model", "width"])
    assert rows.loc[("E-E-B", "2x32d"), "parameters"] == 2_923_162
    assert rows.loc[("S-S-I", "2x96d"), "parameters"] == 26_192_922
    assert rows.loc[("S-S-I", "2x96d"), "published_error"] == 2.86
    assert rows.loc[("A, S-S-I", "2x32d"), "parameters"] < rows.loc[("E-E-B", "2x32d"), "parameters"]
    assert rows.loc[("C, S-S-I", "2x32d"), "depth"] == 14
    assert rows["error"].isna().all()
    assert set(GRID) <= set(rows.index.get_level_values("model"))


def test_the_table_holds_published_and_trained_networks_with_their_divergences():
    runs = [*every(), run("C, S-S-I", 4, math.nan, "diverged")]
    rows = table(runs)
    ours = rows[rows["data"] == "digits"].set_index("model")
    assert len(rows) == len(published_networks()) + len(SETTING.models)
    assert ours.loc["S-E-I", "error"] == pytest.approx(1.2)
    assert ours.loc["S-E-I", "train_error"] == pytest.approx(2.4)
    assert ours.loc["C, S-S-I", ["runs", "diverged"]].tolist() == [4, 1]
    assert ours.loc["C, S-S-I", "error"] == pytest.approx(SETTING.models.index("C, S-S-I") + 0.2)


def test_a_published_network_trained_on_cifar10_has_both_errors_in_one_row():
    update = {"data": DataParams(name="cifar10", path="x"), "depth": 26, "width": 32}
    rows = table([run("S-S-I", seed, 3.5, setting=SETTING.model_copy(update=update)) for seed in (1, 2)])
    own = rows[(rows["model"] == "S-S-I") & (rows["width"] == "2x32d")]
    assert own[["error", "published_error", "runs"]].to_numpy().tolist() == [[3.5, 3.55, 2]]
    assert len(rows) == len(published_networks())


def test_claims_are_differences_paired_by_seed():
    rows = claims(run_table(every())).set_index(["first", "second"])
    row = rows.loc[("S-S-I", "E-E-B")]
    assert row["difference"] == pytest.approx(2)
    assert row["published_difference"] == pytest.approx(3.55 - 4.27)
    assert row["verdict"] == "reversed"
    assert rows.loc[("M5", "M2"), "verdict"] == "shows"
    assert rows.loc[("M5", "M2"), "difference"] == pytest.approx(6)
    some = claims(run_table([one for one in every() if one.spec.model in ("E-E-B", "Mixup")]))
    assert some["claim"].tolist() == ["Mixup helps"]


def test_all_runs_of_a_model_may_diverge():
    runs = [run(model, seed, math.nan, "diverged") for model in ("E-E-B", "S-S-I") for seed in (1, 2)]
    assert claims(run_table(runs))["verdict"].tolist() == ["undecided"]
    drawing = rule_figure(run_table(runs), published_networks())
    assert "2 of 2 diverged" in drawing.svg


@pytest.mark.parametrize("model", ["M4", "S-S-I, 2 bands", "B, S-S-I", "ShakeDrop", "Mixup", "manifold Mixup"])
def test_every_kind_of_model_trains_and_differs_from_the_plain_one(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = SETTING.recipe.model_copy(update={"epochs": 1, "batch_size": 256})
    setting = SETTING.model_copy(update={"recipe": recipe, "width": 2})
    own, plain = (train_network(ShakeSpec(name, 1, setting, CPU))[0] for name in (model, "E-E-B"))
    assert count_parameters(own) > 100
    assert not torch.equal(own.stem[0].weight, plain.stem[0].weight)
    again = train_one(ShakeSpec(model, 1, setting, CPU))
    assert again.status == "done"
    assert 0 < again.error < 100


def test_a_divergence_is_an_outcome(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = SETTING.recipe.model_copy(update={"epochs": 1, "batch_size": 256, "learning_rate": 1e30})
    outcome = train_one(ShakeSpec("C, E-E-B", 1, SETTING.model_copy(update={"recipe": recipe, "width": 2}), CPU))
    assert outcome.status == "diverged"
    assert np.isnan(outcome.error)
