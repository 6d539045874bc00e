import pytest
import torch
from torch import nn

from pipeline.models.base import count_parameters
from pipeline.models.options import Shaking
from studies.networks.bottleneck import bottleneck_resnext, bottlenecks_per_stage


def counted_by_hand(width, groups, blocks, classes, branches=2):
    """Weights of ResNeXt with its groups in branches, written out layer by layer."""
    total = 3 * 9 * width + 2 * width
    channels = width
    for stage in range(3):
        middle, outputs = groups * width * 2**stage, 4 * width * 2**stage
        for block in range(blocks):
            grouped = middle * (middle // groups) * 9
            convolutions = channels * middle + grouped + middle * outputs
            total += branches * (convolutions + 2 * (2 * middle + outputs))
            if block == 0:
                total += channels * outputs + 2 * outputs
            channels = outputs
    return total + channels * classes + classes


def test_the_network_for_cifar_100_has_as_many_parameters_as_published():
    with torch.device("meta"):
        network = bottleneck_resnext(64, 4)
        one_branch = bottleneck_resnext(64, 8, branches=1, num_classes=10)
    assert count_parameters(network) == counted_by_hand(64, 4, 3, 100) == 34_529_700
    # Xie et al. 2017, section 5.3: ResNeXt-29 8x64d for CIFAR-10 has 34.4M.
    assert count_parameters(one_branch) == counted_by_hand(64, 8, 3, 10, branches=1) == 34_426_698


def test_29_layers_lie_on_a_path_and_each_3_x_3_convolution_of_a_branch_has_four_groups():
    with torch.device("meta"):
        network = bottleneck_resnext(64, 4)
    assert len(network.blocks) == 9
    convolutions = [layer for layer in network.blocks[4].branches[0] if isinstance(layer, nn.Conv2d)]
    assert [(one.kernel_size[0], one.groups) for one in convolutions] == [(1, 1), (3, 4), (1, 1)]
    assert [(one.in_channels, one.out_channels) for one in convolutions] == [(512, 512), (512, 512), (512, 512)]
    assert 2 + 3 * len(network.blocks) == 29


def test_maps_halve_twice_and_an_image_gives_one_row_of_scores():
    network = bottleneck_resnext(4, 2, depth=11, num_classes=7).eval()
    sizes = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[1:])))
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 7)
    assert sizes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_a_block_is_the_relu_of_its_shortcut_and_the_mean_of_its_branches():
    network = bottleneck_resnext(4, 2, depth=20).eval()
    first, second = network.blocks[0], network.blocks[1]
    images = torch.rand(2, 4, 8, 8)
    for block, shortcut in ((first, first.shortcut), (second, nn.Identity())):
        expected = torch.relu(shortcut(images) + sum(branch(images) for branch in block.branches) / 2)
        torch.testing.assert_close(block(images, torch.arange(2), None), expected)
        images = expected


def test_every_weight_learns_when_it_is_shaken():
    network = bottleneck_resnext(4, 2, depth=11, in_channels=1, num_classes=3, shaking=Shaking(backward="even")).train()
    scores = network(torch.randn(6, 1, 8, 8), torch.Generator().manual_seed(0))
    scores.square().sum().backward()
    assert all(one.grad is not None and torch.isfinite(one.grad).all() for one in network.parameters())


@pytest.mark.parametrize("depth", [2, 10, 26, 30])
def test_a_depth_that_is_not_a_whole_number_of_bottlenecks_is_refused(depth):
    with pytest.raises(ValueError, match="expected 11, 20, 29, 38"):
        bottlenecks_per_stage(depth)
