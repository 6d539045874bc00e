import dataclasses
import math

import pytest
import torch

from pipeline.models.layouts import LAYOUTS
from pipeline.models.shaking import Shaking
from pipeline.training.tensors import read_tensors, write_tensors
from studies.datasets import digits
from studies.datasets.images import Images
from studies.networks.images import ImageResNeXt
from studies.training.checkpoints import checkpoint_path, load_checkpoint, save_checkpoint, saver
from studies.training.fit import fit, start_fit
from studies.training.recipe import Recipe, rate_at

CPU = torch.device("cpu")
SGD = Recipe(epochs=4, batch_size=64, learning_rate=0.05)


@pytest.fixture(scope="module")
def few():
    data = digits.load()
    return Images(data.train.pixels[:256], data.train.labels[:256]), data.test


def network(seed=0, layout="PreActBN", shaking=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ImageResNeXt(LAYOUTS[layout], in_channels=1, stem=4, widths=[[4], [8]], num_classes=10, shaking=shaking)


def test_the_cosine_is_the_closed_form_at_every_iteration():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2)
    rates = [rate_at(recipe, step, 8) for step in range(9)]
    assert rates[0] == 0.2
    assert rates[4] == pytest.approx(0.1)
    assert rates[8] == pytest.approx(0, abs=1e-12)
    assert all(a + b == pytest.approx(0.2) for a, b in zip(rates, reversed(rates), strict=True))


def test_a_constant_rate_is_constant():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2, schedule="constant")
    assert {rate_at(recipe, step, 8) for step in range(9)} == {0.2}


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_training_lowers_loss_and_error(few, optimiser):
    rate = {"sgd": 0.05, "adam": 0.01}[optimiser]
    recipe = SGD.model_copy(update={"optimiser": optimiser, "learning_rate": rate, "epochs": 15})
    state = start_fit(network(), recipe, 1, CPU)
    fit(state, *few, recipe)
    assert state.status == "done"
    assert state.history[-1].train_loss < state.history[0].train_loss
    assert state.test_error < 40
    assert math.isnan(state.history[0].test_error)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_run_that_was_cut_off_gives_what_an_unbroken_one_gives(few, tmp_path, optimiser):
    recipe = SGD.model_copy(update={"optimiser": optimiser, "learning_rate": 0.01, "augment": "crop"})
    shaking = Shaking()
    whole = start_fit(network(shaking=shaking), recipe, 1, CPU)
    fit(whole, *few, recipe)

    class Cut(Exception):
        pass

    def cut(state):
        saver(tmp_path / "run", recipe.epochs, seconds=0)(state)
        if state.epoch == 2:
            raise Cut

    first = start_fit(network(shaking=shaking), recipe, 1, CPU)
    with pytest.raises(Cut):
        fit(first, *few, recipe, after_epoch=cut)
    second = start_fit(network(seed=9, shaking=shaking), recipe, 5, CPU)
    load_checkpoint(second, tmp_path / "run")
    assert second.epoch == 2
    fit(second, *few, recipe)
    assert [dataclasses.astuple(row)[:3] for row in second.history] == [
        dataclasses.astuple(row)[:3] for row in whole.history
    ]
    assert second.test_error == whole.test_error
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], tensor), name


def test_a_loss_that_is_not_finite_is_a_diverged_run_and_no_crash(few, tmp_path):
    recipe = SGD.model_copy(update={"learning_rate": 1e12, "schedule": "constant"})
    state = start_fit(network(layout="RPreAct"), recipe, 1, CPU)

    def growing(net, pixels, labels, generator):
        scores = net(pixels, generator)
        return scores.square().sum().exp() + scores.sum() * math.inf, scores

    fit(state, *few, recipe, loss=growing, after_epoch=saver(tmp_path / "run", recipe.epochs))
    assert state.status == "diverged"
    assert state.diverged_epoch == 1
    assert math.isnan(state.test_error)
    again = start_fit(network(layout="RPreAct"), recipe, 1, CPU)
    load_checkpoint(again, tmp_path / "run")
    assert again.status == "diverged"


def test_a_damaged_checkpoint_is_said_and_trained_anew(few, tmp_path, capsys):
    (tmp_path / "run").write_bytes(b"nothing of use")
    state = start_fit(network(), SGD, 1, CPU)
    load_checkpoint(state, tmp_path / "run")
    assert state.epoch == 0
    assert "cannot be read" in capsys.readouterr().err


def test_a_checkpoint_of_another_kind_of_device_is_said_and_trained_anew(few, tmp_path, capsys):
    save_checkpoint(start_fit(network(), SGD, 1, CPU), tmp_path / "run")
    tensors, header = read_tensors(tmp_path / "run")
    write_tensors(tensors, tmp_path / "run", header | {"device": "cuda"})
    state = start_fit(network(), SGD, 1, CPU)
    load_checkpoint(state, tmp_path / "run")
    assert state.epoch == 0
    assert "was trained on cuda" in capsys.readouterr().err


def test_a_checkpoints_name_follows_the_run():
    paths = {checkpoint_path("x", {"seed": seed, "rate": rate}) for seed in (1, 2) for rate in (0.1, 0.2)}
    assert len(paths) == 4
    assert checkpoint_path("x", {"a": 1, "b": 2}) == checkpoint_path("x", {"b": 2, "a": 1})


def test_hooks_see_gradients_before_the_step_and_every_epoch(few):
    state = start_fit(network(), SGD, 1, CPU)
    seen, epochs = [], []
    fit(
        state, *few, SGD,
        before_step=lambda net: seen.append(all(one.grad is not None for one in net.parameters())),
        after_epoch=lambda one: epochs.append(one.epoch), score_every=2,
    )  # fmt: skip
    assert seen == [True] * 16
    assert epochs == [1, 2, 3, 4]
    assert [math.isnan(row.test_error) for row in state.history] == [True, False, True, False]
