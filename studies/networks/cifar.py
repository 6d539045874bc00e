"""Gastaldi's ResNeXt of Table 1, 26 2x32d to 2x96d, with the paper's layouts (arXiv 1705.07485, section 2.1)."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.models.layouts import LAYOUTS
from pipeline.models.normalisation import BatchNorm2d
from pipeline.models.options import Shaking
from studies.networks.images import ImageResNeXt, image_resnext

STEM = 16
"""Number of channels of the first convolution."""

STAGES = 3
"""Number of stages, each of twice the width and half the size of the one before; a block has two convolutions."""


def blocks_per_stage(depth: int) -> int:
    """Number of blocks in a stage of a network of a depth: the stem, the affine layer and two convolutions in a block.

    Raises:
        ValueError: no number of blocks gives this depth.
    """
    blocks, rest = divmod(depth - 2, 2 * STAGES)
    if rest or blocks < 1:
        raise ValueError(f"depth {depth} is not a whole number of blocks; expected 8, 14, 20, 26, ...")
    return blocks


def build_cifar(
    layout: str,
    width: int,
    *,
    depth: int = 26,
    in_channels: int = 3,
    num_classes: int = 10,
    shaking: Shaking | None = None,
    seed: int = 0,
) -> ImageResNeXt:
    """A network `depth 2x<width>d`: no convolution has a bias, and a ReLU stands before the pooling.

    Args:
        layout: name of the layout of the branches.
        width: number of channels of the first stage.
        depth: number of convolutions along a path, and one for the affine layer.
        in_channels: number of channels of the images.
        num_classes: number of classes.
        shaking: rules of shaking, or None.
        seed: seed of the initial weights.
    """
    blocks = blocks_per_stage(depth)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = image_resnext(
            LAYOUTS[layout],
            in_channels=in_channels,
            stem=STEM,
            widths=[[width * 2**stage] * blocks for stage in range(STAGES)],
            num_classes=num_classes,
            shaking=shaking,
            shortcut="shifted",
            stem_norm=True,
            final_relu=True,
            bias=False,
        )
        initialise(network)
    return network


def initialise(network: nn.Module) -> None:
    """Set the initial weights of Gastaldi's code (those of fb.resnet.torch), from PyTorch's global generator.

    Convolutions: N(0, sqrt(2 / (k * k * outputs))); normalisations: scale 1, shift 0; affine layers: no shift.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
