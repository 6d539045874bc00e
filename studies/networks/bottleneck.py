"""Gastaldi's ResNeXt for CIFAR-100, 29 2x4x64d (arXiv 1705.07485, section 2.2): bottlenecks of grouped convolutions.

It is the ResNeXt-29 of Xie et al. 2017 (arXiv 1611.05431, section 5.3 and form C of figure 3) with its eight groups of
64 channels in two branches of four. Normalisations stand after the convolutions and a ReLU after each addition, as
there; each branch has a last normalisation of its own, since the branches are mixed after it.
"""

from __future__ import annotations

from torch import nn

from pipeline.models.convolution import Convolution
from pipeline.models.normalisation import BatchNorm2d
from pipeline.models.options import ShakeDrop, Shaking
from pipeline.models.resnext import Block, decaying
from studies.networks.images import KERNEL, ImageResNeXt

STAGES = 3
"""Number of stages, each of twice the width and half the size of the one before; a block has three convolutions."""

EXPANSION = 4
"""Channels of a block's output for each channel of a group in its middle."""


def bottlenecks_per_stage(depth: int) -> int:
    """Number of blocks in a stage of a network of a depth: stem, affine layer, and three convolutions in a block.

    Raises:
        ValueError: no number of blocks gives this depth.
    """
    blocks, rest = divmod(depth - 2, 3 * STAGES)
    if rest or blocks < 1:
        raise ValueError(f"depth {depth} is not a whole number of bottlenecks; expected 11, 20, 29, 38, ...")
    return blocks


def bottleneck_resnext(
    width: int,
    groups: int,
    *,
    depth: int = 29,
    in_channels: int = 3,
    num_classes: int = 100,
    branches: int = 2,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
) -> ImageResNeXt:
    """A network `depth branches x groups x width d`, with PyTorch's initialisation.

    Args:
        width: number of channels of each group in the first stage, and of the stem.
        groups: number of groups of each branch.
        depth: number of convolutions along a path, and one for the affine layer.
        in_channels: number of channels of the images.
        num_classes: number of classes.
        branches: number of branches of every block.
        shaking: rules of shaking, or None.
        shakedrop: ShakeDrop of the last block, or None.
    """
    blocks = bottlenecks_per_stage(depth)
    stem = nn.Sequential(
        Convolution(in_channels, width, KERNEL, padding=1, bias=False), BatchNorm2d(width), nn.ReLU(inplace=True)
    )
    stages: list[list[Block]] = []
    channels = width
    drops = iter(decaying(shakedrop, STAGES * blocks))
    for number in range(STAGES):
        middle, outputs = groups * width * 2**number, EXPANSION * width * 2**number
        stages.append([])
        for position in range(blocks):
            stride = 2 if number and position == 0 else 1
            built = [_bottleneck(channels, middle, outputs, groups, stride) for _ in range(branches)]
            shortcut = nn.Identity() if channels == outputs else _projection(channels, outputs, stride)
            stages[-1].append(Block(built, shortcut, relu_after_addition=True, shaking=shaking, shakedrop=next(drops)))
            channels = outputs
    return ImageResNeXt(stem, stages, nn.Linear(channels, num_classes), final_relu=False)


def _bottleneck(inputs: int, middle: int, outputs: int, groups: int, stride: int) -> nn.Module:
    """A branch; its first ReLU may work in place, since it reads a normalisation's output."""
    return nn.Sequential(
        Convolution(inputs, middle, 1, bias=False),
        BatchNorm2d(middle),
        nn.ReLU(inplace=True),
        Convolution(middle, middle, KERNEL, stride=stride, padding=1, groups=groups, bias=False),
        BatchNorm2d(middle),
        nn.ReLU(inplace=True),
        Convolution(middle, outputs, 1, bias=False),
        BatchNorm2d(outputs),
    )


def _projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(Convolution(inputs, outputs, 1, stride=stride, bias=False), BatchNorm2d(outputs))
