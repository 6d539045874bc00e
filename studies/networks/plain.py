"""Networks without shortcuts: the 11-layer convolutional one and fully connected ones, with any normalisation.

The convolutional one is that of Clevert et al. 2016 (arXiv 1511.07289, section 4.2), which Littwin & Wolf 2018 compare
normalisations on: stacks of convolutions, each but the last followed by 2 x 2 max pooling and dropout. The fully
connected ones are theirs for the UCI tables (section 3).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["ReLU", "LReLU", "ELU", "SELU"]
Normalisation = Literal["none", "batch", "layer", "group", "vcl"]

SLOPE = 0.2
"""Of the leaky ReLU's negative side (section 3)."""

GROUPS = 32
"""At most so many groups of channels in group normalisation (Wu & He 2018); fewer where they do not divide."""

STACKS: tuple[tuple[tuple[int, int], ...], ...] = (
    ((192, 5),),
    ((192, 1), (240, 3)),
    ((240, 1), (260, 2)),
    ((260, 1), (280, 2)),
    ((280, 1), (300, 2)),
    ((300, 1),),
)
"""(channels, kernel size) of ten convolutions; the eleventh, 1 x 1, gives the scores."""

DROPOUT = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""After each stack."""


def eleven_layers(
    activation: Activation,
    normalisation: Normalisation,
    *,
    in_channels: int,
    size: int,
    num_classes: int,
    multiplier: float = 1.0,
    seed: int = 0,
) -> nn.Sequential:
    """The 11-layer network: (images, in_channels, size, size) to (images, num_classes) scores.

    Args:
        activation: after each convolution but the last.
        normalisation: between convolution and activation; `vcl` puts nothing there, it is a loss.
        in_channels: of the images.
        size: height and width of the images. Every stack but the last halves it as long as there is something to
            halve: 32 x 32 images arrive as one position, as published, and 8 x 8 images do from the third stack on.
            Of larger images the positions that remain are averaged (Tiny ImageNet, section 3).
        num_classes: outputs.
        multiplier: of the channels of every convolution: 1 for CIFAR, 2 for Tiny ImageNet.
        seed: of the initialisation.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for position, (stack, dropout) in enumerate(zip(STACKS, DROPOUT, strict=True)):
        for width, kernel in stack:
            wide = max(1, round(width * multiplier))
            layers.append(nn.Conv2d(channels, wide, kernel, padding="same"))
            layers += _normalised(normalisation, wide, images=True)
            layers.append(_activation(activation))
            channels = wide
        if position < len(STACKS) - 1 and size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
        if dropout:
            layers.append(nn.Dropout(dropout))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, num_classes, 1), nn.Flatten()]
    return initialised(nn.Sequential(*layers), activation, seed)


def fully_connected(
    activation: Activation,
    normalisation: Normalisation,
    *,
    inputs: int,
    num_classes: int,
    depth: int,
    width: int = 256,
    seed: int = 0,
) -> nn.Sequential:
    """`depth` hidden layers of `width` units: (rows, inputs) to (rows, num_classes) scores.

    Dropout as published: 0.5 after the last hidden layer, but alpha-dropout of 0.05 after each with SELU.
    """
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers.append(nn.Linear(inputs, width))
        layers += _normalised(normalisation, width, images=False)
        layers.append(_activation(activation))
        if activation == "SELU":
            layers.append(nn.AlphaDropout(0.05))
        inputs = width
    if activation != "SELU":
        layers.append(nn.Dropout(0.5))
    layers.append(nn.Linear(inputs, num_classes))
    return initialised(nn.Sequential(*layers), activation, seed)


def preactivations(network: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    """What every activation of the network receives, in order, each of shape (rows, units).

    Positions of an image are rows: a channel's activations at all positions share a distribution.
    """
    seen: list[Tensor] = []
    hidden = inputs
    for layer in network:
        if isinstance(layer, nn.ReLU | nn.LeakyReLU | nn.ELU | nn.SELU):
            seen.append(hidden.movedim(1, -1).flatten(0, -2))
        hidden = layer(hidden)
    return seen


def initialised(network: nn.Sequential, activation: Activation, seed: int) -> nn.Sequential:
    """Weights from N(0, 2 / fan in) (He et al. 2015), with SELU from N(0, 1 / fan in) (Klambauer et al. 2017).

    Biases begin at 0. Everything is drawn from `seed` alone.
    """
    source = torch.Generator().manual_seed(seed)
    gain = 1.0 if activation == "SELU" else math.sqrt(2)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            deviation = gain / math.sqrt(layer.weight[0].numel())
            nn.init.normal_(layer.weight, std=deviation, generator=source)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def _activation(name: Activation) -> nn.Module:
    if name == "LReLU":
        return nn.LeakyReLU(SLOPE)
    kinds: dict[str, type[nn.Module]] = {"ReLU": nn.ReLU, "ELU": nn.ELU, "SELU": nn.SELU}
    return kinds[name]()


def _normalised(name: Normalisation, channels: int, *, images: bool) -> list[nn.Module]:
    """The normalisation of a layer; layer normalisation is that of one group, over positions too."""
    if name == "batch":
        return [nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels)]
    if name in ("layer", "group"):
        groups = 1 if name == "layer" else max(n for n in range(1, min(GROUPS, channels) + 1) if channels % n == 0)
        return [nn.GroupNorm(groups, channels)]
    return []
