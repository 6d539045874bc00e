import pytest
import torch
from torch import nn

from pipeline.models.variance_constancy import ACTIVATIONS, Constancy
from studies.networks.plain import (
    clip_gradients,
    eleven_layers,
    fully_connected,
    parameter_count,
    penalised_cross_entropy,
)

CIFAR = {"in_channels": 3, "size": 32, "num_classes": 100}
DIGITS = {"in_channels": 1, "size": 8, "num_classes": 10, "multiplier": 0.05}


def test_the_eleven_layers_are_those_published():
    network = eleven_layers("ELU", "none", **CIFAR)
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    assert [one.out_channels for one in convolutions] == [192, 192, 240, 240, 260, 260, 280, 280, 300, 300, 100]
    assert [one.kernel_size[0] for one in convolutions] == [5, 1, 3, 1, 2, 1, 2, 1, 2, 1, 1]
    pairs = zip(convolutions, [3, *(one.out_channels for one in convolutions[:-1])], strict=True)
    assert parameter_count(network) == sum(c.out_channels * (n * c.kernel_size[0] ** 2 + 1) for c, n in pairs)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in network.layers) == 5


@pytest.mark.parametrize("size", [8, 32, 64])
def test_any_image_becomes_one_row_of_scores(size):
    network = eleven_layers("LReLU", "group", in_channels=2, size=size, num_classes=7, multiplier=0.02)
    assert network(torch.randn(3, 2, size, size)).shape == (3, 7)


def test_on_tiny_imagenet_the_mean_is_taken_at_the_end_of_the_fifth_block():
    """As on CIFAR, the sixth block then sees one position; after four poolings of 64 x 64 the fifth leaves 2 x 2."""
    network = eleven_layers("ELU", "none", in_channels=3, size=64, num_classes=200, multiplier=0.02)
    sizes = []
    for layer in network.layers:
        if isinstance(layer, nn.MaxPool2d | nn.AdaptiveAvgPool2d):
            layer.register_forward_hook(
                lambda layer, inputs, output: sizes.append((type(layer).__name__, tuple(output.shape[2:])))
            )
    network(torch.randn(2, 3, 64, 64))
    assert sizes == [
        *(("MaxPool2d", (size, size)) for size in (32, 16, 8, 4, 2)), ("AdaptiveAvgPool2d", (1, 1))
    ]  # fmt: skip
    kinds = [type(layer).__name__ for layer in network.layers]
    averaged = kinds.index("AdaptiveAvgPool2d")
    assert kinds[:averaged].count("Conv2d") == 9, "of eleven: one of the sixth block and the last follow"


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer", "group", "vcl"])
@pytest.mark.parametrize("activation", ["ReLU", "LReLU", "ELU"])
def test_a_step_of_every_combination(activation, normalisation):
    network = eleven_layers(activation, normalisation, **DIGITS, constancy=Constancy(samples=3))
    batch = torch.randn(8, 1, 8, 8), torch.arange(8), torch.Generator().manual_seed(0)
    loss, scores = penalised_cross_entropy(network, *batch)
    loss.backward()
    clip_gradients(network)
    assert scores.shape == (8, 10)
    assert all(one.grad is not None for one in network.parameters())
    assert (network.constancy is not None) == (normalisation == "vcl")
    if normalisation == "vcl":
        assert network.layers[0].weight.grad.norm() <= 1.0001


def test_the_constancy_loss_adds_to_the_cross_entropy_and_counts_no_parameters():
    plain, penalised = (eleven_layers("ELU", name, **DIGITS) for name in ("none", "vcl"))
    batch = torch.randn(8, 1, 8, 8), torch.arange(8)
    losses = [penalised_cross_entropy(one, *batch, torch.Generator().manual_seed(0))[0] for one in (plain, penalised)]
    assert losses[1] > losses[0]
    assert parameter_count(plain) == parameter_count(penalised)


def test_dropout_follows_the_generator_and_leaves_the_global_one_alone():
    network = fully_connected("ELU", "none", inputs=4, num_classes=3, depth=2, width=32)
    inputs = torch.randn(5, 4)
    before = torch.random.get_rng_state()
    one, same, other = (network(inputs, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("activation", ["ReLU", "ELU", "SELU"])
def test_dropout_of_the_fully_connected_is_as_published(activation):
    layers = fully_connected(activation, "batch", inputs=4, num_classes=3, depth=4).layers
    assert sum(isinstance(layer, nn.Linear) for layer in layers) == 5
    rates = [layer.p for layer in layers if isinstance(layer, nn.Dropout | nn.AlphaDropout)]
    assert rates == ([0.05] * 4 if activation == "SELU" else [0.5])


def test_preactivations_are_what_activations_receive():
    network = fully_connected("ReLU", "none", inputs=4, num_classes=3, depth=3, width=6).eval()
    inputs = torch.randn(5, 4)
    seen = network.preactivations(inputs)
    assert [one.shape for one in seen] == [(5, 6)] * 3
    torch.testing.assert_close(seen[0], network.layers[0](inputs))
    assert sum(isinstance(layer, ACTIVATIONS) for layer in network.layers) == 3


@pytest.mark.parametrize(("multiplier", "groups"), [(1.0, [32, 32, 30, 30, 26]), (0.125, [6, 6, 6, 6, 8])])
def test_groups_never_hold_a_single_channel(multiplier, groups):
    network = eleven_layers("ELU", "group", in_channels=1, size=8, num_classes=10, multiplier=multiplier)
    found = [layer for layer in network.layers if isinstance(layer, nn.GroupNorm)]
    assert [one.num_groups for one in found][:5] == groups
    assert all(one.num_channels // one.num_groups >= 4 for one in found)
