import math

import pytest
import torch
from torch.nn import functional as F

from pipeline.models.base import count_parameters
from pipeline.models.layouts import LAYOUTS
from pipeline.models.mixing import Mixing
from pipeline.models.options import Shaking
from studies.networks.cifar import build_cifar
from studies.networks.images import ShiftedShortcut, image_resnext
from studies.table1.results import published_networks

COUNTS = {
    "PreActBN": (2926298, 11660186, 26202202),
    "BN-Shake": (2919578, 11646810, 26182170),
    "PreAct": (2922714, 11653018, 26191450),
    "RPreAct": (2923162, 11653978, 26192922),
}
"""Of depth 26 at widths 32, 64 and 96, counted independently of this code."""


@pytest.mark.parametrize("layout", COUNTS)
def test_the_twelve_networks_have_just_the_published_parameters(layout):
    with torch.device("meta"):
        counts = tuple(count_parameters(build_cifar(layout, width)) for width in (32, 64, 96))
    assert counts == COUNTS[layout]


def test_the_table_of_published_networks_is_counted_on_them():
    table = published_networks()
    assert table["error"].isna().all()
    for layout, counts in COUNTS.items():
        rows = table[table["model"] == f"{layout}, shaken"]
        assert tuple(rows["parameters"]) == counts
    errors = table.set_index(["model", "width"])["published_error"]
    assert errors["PreActBN, shaken", "2x64d"] == 2.95
    assert errors["BN-Shake, shaken", "2x64d"] == 3.65
    assert errors["PreAct, shaken", "2x64d"] == 6.92
    assert errors["RPreAct", "2x64d"] == 3.76
    assert errors["RPreAct, shaken", "2x96d"] == 2.86


def test_maps_halve_twice_and_an_image_gives_one_row_of_scores():
    network = build_cifar("PreActBN", 4, depth=14).eval()
    sizes = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[1:])))
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert sizes == [(4, 32, 32)] * 2 + [(8, 16, 16)] * 2 + [(16, 8, 8)] * 2


def test_no_convolution_has_a_bias_and_initial_weights_have_the_recipes_deviation():
    network = build_cifar("RPreAct", 64, depth=14, seed=3)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            assert layer.bias is None
            expected = math.sqrt(2 / (layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels))
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.12)
    assert network.affine.bias.abs().sum() == 0


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second, other = (build_cifar("PreAct", 4, depth=8, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("depth", [7, 9, 25, 2])
def test_a_depth_that_is_not_a_whole_number_of_blocks_is_refused(depth):
    with pytest.raises(ValueError, match="expected 8, 14, 20, 26"):
        build_cifar("PreAct", 4, depth=depth)


def test_the_shifted_shortcut_sees_other_pixels_in_its_second_half():
    """Written out: channel 0 is pixel (2i, 2j) after the ReLU, channel 1 is pixel (2i - 1, 2j - 1), zero outside."""
    shortcut = ShiftedShortcut(1, 2, 2).eval()
    for path in (shortcut.straight, shortcut.shifted):
        torch.nn.init.ones_(path.weight)
    image = torch.randn(1, 1, 6, 6)
    active = F.relu(image)[0, 0]
    straight, shifted = shortcut(image)[0] * math.sqrt(1 + shortcut.normalisation.eps)
    for row in range(3):
        for column in range(3):
            assert straight[row, column].item() == pytest.approx(active[2 * row, 2 * column].item())
            moved = active[2 * row - 1, 2 * column - 1].item() if row and column else 0.0
            assert shifted[row, column].item() == pytest.approx(moved)


def test_each_image_is_shaken_by_itself():
    """An image's scores depend on the draws of its own place alone: other images may change."""
    network = build_cifar("PreAct", 4, depth=8, shaking=Shaking()).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()
    images = torch.randn(3, 3, 8, 8)
    changed = images.clone()
    changed[1] = 0
    first, second = (network(batch, torch.Generator().manual_seed(1)) for batch in (images, changed))
    assert torch.allclose(first[0], second[0], atol=1e-6)
    assert torch.allclose(first[2], second[2], atol=1e-6)
    again = network(images, torch.Generator().manual_seed(2))
    assert not torch.allclose(first[0], again[0], atol=1e-4)


def test_without_a_shortcut_a_block_gives_its_branches_alone():
    network = image_resnext(
        LAYOUTS["RPreAct"], in_channels=1, stem=4, widths=[[4, 4], [8]], num_classes=3, shortcut="none"
    ).eval()
    images = torch.randn(2, 1, 8, 8)
    hidden = network.stem(images)
    for block in network.blocks:
        hidden = sum(branch(hidden) for branch in block.branches) / 2
    assert torch.allclose(network.embed(images), hidden.mean(dim=(2, 3)), atol=1e-6)


def test_a_shaken_network_in_training_mode_needs_a_generator():
    network = build_cifar("PreAct", 4, depth=8, shaking=Shaking()).train()
    with pytest.raises(ValueError, match="pass a generator"):
        network(torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize("layer", range(4))
def test_images_are_mixed_before_the_stage_named(layer):
    network = build_cifar("RPreAct", 4, depth=14).eval()
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    index, partner = torch.arange(4), torch.tensor([1, 0, 3, 2])
    share = torch.tensor([0.1, 0.4, 0.7, 1.0])
    assert network.mixing_layers == 4

    def mix(hidden):
        parts = share.view(-1, 1, 1, 1)
        return parts * hidden + (1 - parts) * hidden[partner]

    hidden = network.stem(mix(images) if layer == 0 else images)
    for number, block in enumerate(network.blocks):
        if layer and number == 2 * (layer - 1):
            hidden = mix(hidden)
        hidden = block(hidden, index, None)
    expected = network.affine(torch.relu(hidden).mean(dim=(2, 3)))
    torch.testing.assert_close(network(images, None, Mixing(layer, index, partner, share, index)), expected)
