import math

import pytest
import torch

from pipeline.models.layouts import LAYOUTS
from pipeline.models.options import Shaking
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.training.tensors import read_tensors
from studies.core.params import ExecutionParams
from studies.core.recipe import ImageRecipe
from studies.core.run import checkpoint_folder, final_error, train_run
from studies.core.task import ImageTask
from studies.datasets import digits
from studies.datasets.images import Images
from studies.networks.images import image_resnext

SGD = ImageRecipe(epochs=4, batch_size=64, learning_rate=0.05)
RUN = {"model": "small"}
OFTEN = ExecutionParams(device="cpu", checkpoint_seconds=0)
"""A checkpoint after every epoch."""


@pytest.fixture(scope="module")
def few():
    data = digits.load()
    return Images(data.train.pixels[:256], data.train.labels[:256]), data.test


def network(seed=0, layout="PreActBN", shaking=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return image_resnext(LAYOUTS[layout], in_channels=1, stem=4, widths=[[4], [8]], num_classes=10, shaking=shaking)


def run(store, task, net=None, seed=1, **options):
    return train_run("table1", RUN, net or network(), task, seed, OFTEN, store=store, **options)


def same(first, second):
    """Whether two runs have the same history and the same weights, to the bit."""
    weights = first.network.state_dict()
    return repr(first.history) == repr(second.history) and all(
        torch.equal(tensor, weights[name]) for name, tensor in second.network.state_dict().items()
    )


def never(*_):
    raise AssertionError("it is trained again")


class Cut(Exception):
    """The end of a process in the middle of a run."""


def cut_at(number):
    def after_epoch(state):
        if state.epoch == number:
            raise Cut

    return after_epoch


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_training_lowers_loss_and_error(few, tmp_path, optimiser):
    rate = {"sgd": 0.05, "adam": 0.01}[optimiser]
    recipe = SGD.model_copy(update={"optimiser": optimiser, "learning_rate": rate, "epochs": 15})
    state = run(tmp_path, ImageTask(*few, recipe))
    assert state.status == "done"
    assert state.history[-1].train_loss < state.history[0].train_loss
    assert final_error(state) < 40
    assert math.isnan(state.history[0].valid_score)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_run_that_was_cut_off_gives_what_an_unbroken_one_gives(few, tmp_path, optimiser):
    recipe = SGD.model_copy(update={"optimiser": optimiser, "learning_rate": 0.01, "augment": "crop"})
    task = ImageTask(*few, recipe)
    whole = run(tmp_path / "whole", task, network(shaking=Shaking()))
    # The third epoch ends before its checkpoint is written.
    with pytest.raises(Cut):
        run(tmp_path / "cut", task, network(shaking=Shaking()), after_epoch=cut_at(3))
    trained = []
    second = run(
        tmp_path / "cut", task, network(seed=9, shaking=Shaking()), seed=5,
        after_epoch=lambda state: trained.append(state.epoch),
    )  # fmt: skip
    assert trained == [3, 4]
    assert same(second, whole)
    assert final_error(second) == final_error(whole)


def test_parts_of_a_batch_are_normalised_by_themselves(few):
    """By hand: two halves in train mode, one mean loss; the running statistics are those of the first half."""
    recipe = SGD.model_copy(update={"normalise_over": 4})
    images = few[0]
    ours, first, second = (network().train() for _ in range(3))
    step = ImageTask(*few, recipe).step(ours, torch.arange(8), torch.Generator().manual_seed(0))
    step.objective.backward()
    # The same weights twice, so that each half leaves statistics of its own.
    halves = [
        half(images.pixels[rows].contiguous(memory_format=torch.channels_last))
        for half, rows in ((first, slice(0, 4)), (second, slice(4, 8)))
    ]
    loss = torch.nn.functional.cross_entropy(torch.cat(halves), images.labels[:8])
    loss.backward()
    assert step.objective.item() == pytest.approx(loss.item(), rel=1e-6)
    for name, one in ours.named_parameters():
        summed = first.get_parameter(name).grad + second.get_parameter(name).grad
        torch.testing.assert_close(one.grad, summed, rtol=1e-4, atol=1e-6)
    for name, one in ours.named_buffers():
        torch.testing.assert_close(one, first.get_buffer(name))
    whole = ImageTask(*few, SGD).step(network().train(), torch.arange(8), torch.Generator().manual_seed(0))
    assert whole.objective.item() != pytest.approx(loss.item(), rel=1e-4)


def test_a_batch_is_parted_evenly_so_that_no_image_is_alone(few):
    sizes = []

    def noted(net, pixels, labels, generator):
        sizes.append(len(pixels))
        scores = net(pixels, generator)
        return scores.square().mean(), scores

    recipe = SGD.model_copy(update={"normalise_over": 4})
    ImageTask(*few, recipe, noted).step(network().train(), torch.arange(9), torch.Generator().manual_seed(0))
    assert sizes == [3, 3, 3]
    ImageTask(*few, recipe, noted).step(network().train(), torch.arange(4), torch.Generator().manual_seed(0))
    assert sizes[3:] == [4]


def test_a_finished_run_is_not_trained_again(few, tmp_path):
    first = run(tmp_path, ImageTask(*few, SGD))
    again = run(tmp_path, ImageTask(*few, SGD, loss=never), network(seed=9), after_epoch=never)
    assert same(again, first)


def test_a_loss_that_is_not_finite_is_a_diverged_run_which_is_kept_and_not_trained_again(few, tmp_path):
    recipe = SGD.model_copy(update={"learning_rate": 1e12, "schedule": "constant"})

    def growing(net, pixels, labels, generator):
        scores = net(pixels, generator)
        return scores.square().sum().exp() + scores.sum() * math.inf, scores

    state = run(tmp_path, ImageTask(*few, recipe, growing), network(layout="RPreAct"))
    assert state.status == "diverged"
    assert state.diverged_epoch == 1
    assert math.isnan(final_error(state))
    again = run(tmp_path, ImageTask(*few, recipe, never), network(layout="RPreAct"), after_epoch=never)
    assert again.status == "diverged"
    assert again.diverged_epoch == 1


def test_a_damaged_checkpoint_is_set_aside_and_the_run_trained_from_the_one_before(few, tmp_path, capsys):
    task = ImageTask(*few, SGD)
    first = run(tmp_path, task)
    folder = checkpoint_folder("table1", RUN, tmp_path)
    assert checkpoint_epochs(folder) == [3, 4]
    (newest,) = folder.glob("epoch*4-*.safetensors")
    newest.write_bytes(b"nothing of use")
    trained = []
    again = run(tmp_path, task, network(seed=9), after_epoch=lambda state: trained.append(state.epoch))
    assert trained == [4]
    assert same(again, first)
    assert "is damaged, set aside as" in capsys.readouterr().err
    assert [path.read_bytes() for path in folder.glob("*.damaged")] == [b"nothing of use"]


def test_a_run_whose_checkpoints_are_all_damaged_is_trained_from_its_beginning(few, tmp_path, capsys):
    task = ImageTask(*few, SGD)
    first = run(tmp_path, task)
    for path in checkpoint_folder("table1", RUN, tmp_path).glob("*.safetensors"):
        path.write_bytes(b"nothing of use")
    trained = []
    assert same(run(tmp_path, task, after_epoch=lambda state: trained.append(state.epoch)), first)
    assert trained == [1, 2, 3, 4]
    assert capsys.readouterr().err.count("is damaged") == 2


def test_a_checkpoint_holds_no_pickle_and_knows_the_device_of_its_random_numbers(few, tmp_path):
    run(tmp_path, ImageTask(*few, SGD))
    for path in checkpoint_folder("table1", RUN, tmp_path).iterdir():
        _, header = read_tensors(path)
        assert '"noise_device": "cpu"' in header["run"]


def test_the_folder_of_checkpoints_follows_the_run():
    folders = {checkpoint_folder("table1", {"seed": seed, "rate": rate}) for seed in (1, 2) for rate in (0.1, 0.2)}
    assert len(folders) == 4
    assert checkpoint_folder("table1", {"a": 1, "b": 2}) == checkpoint_folder("table1", {"b": 2, "a": 1})


def test_hooks_see_gradients_before_the_step_and_every_epoch(few, tmp_path):
    seen, epochs = [], []
    task = ImageTask(*few, SGD, clip=lambda net: seen.append(all(one.grad is not None for one in net.parameters())))
    state = run(tmp_path, task, after_epoch=lambda one: epochs.append(one.epoch), score_every=2)
    assert seen == [True] * 16
    assert epochs == [1, 2, 3, 4]
    assert [math.isnan(row.valid_score) for row in state.history] == [True, False, True, False]
