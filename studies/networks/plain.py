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
from torch.nn import functional as F

from pipeline.models.options import Constancy
from pipeline.models.variance_constancy import (
    ACTIVATIONS,
    VarianceConstancy,
    clip_gradients_by_layer,
)

Activation = Literal["ReLU", "LReLU", "ELU", "SELU"]
Normalisation = Literal["none", "batch", "layer", "group", "vcl"]

SLOPE = 0.2
"""Slope of the leaky ReLU for negative inputs (section 3)."""

GROUPS = 32
"""Largest number of groups of channels in group normalisation (Wu & He 2018); fewer where it does not divide them."""

GROUP_CHANNELS = 4
"""Smallest number of channels in a group: a single channel at a single position is 0 once it is centred."""

STACKS: tuple[tuple[tuple[int, int], ...], ...] = (
    ((192, 5),),
    ((192, 1), (240, 3)),
    ((240, 1), (260, 2)),
    ((260, 1), (280, 2)),
    ((280, 1), (300, 2)),
    ((300, 1),),
)
"""(channels, kernel size) of ten convolutions; the eleventh, 1 x 1, gives the scores."""

AVERAGED_AFTER = 4
"""The stack, from 0, after whose pooling the mean over positions is taken where more than one is left: the fifth ("we
apply average pooling at the end of the 5'th convolutional block"), so that the sixth sees one position, as on CIFAR."""

DROPOUT = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Dropout after each stack."""


class PlainNetwork(nn.Module):
    """Layers one after another, and the variance constancy loss on their pre-activations where there is one.

    Args:
        layers: the layers, from inputs to scores.
        constancy: options of the variance constancy loss, or None.
    """

    def __init__(self, layers: nn.Sequential, constancy: Constancy | None) -> None:
        super().__init__()
        self.layers = layers
        self.constancy = None if constancy is None else VarianceConstancy(layers, constancy)

    def forward(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Inputs to (rows, classes) unnormalised log-probabilities.

        In train mode dropout is drawn from the generator of the run; PyTorch's global one stays as it is.
        """
        if not self.training or generator is None:
            scores: Tensor = self.layers(inputs)
            return scores
        seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
        with torch.random.fork_rng(devices=[inputs.device] if inputs.is_cuda else []):
            torch.manual_seed(seed)
            scores = self.layers(inputs)
        return scores

    def preactivations(self, inputs: Tensor) -> list[Tensor]:
        """The (rows, units) inputs of every activation, in order; every position of every channel is a unit."""
        seen: list[Tensor] = []
        hidden = inputs
        for layer in self.layers:
            if isinstance(layer, ACTIVATIONS):
                seen.append(hidden.flatten(1))
            hidden = layer(hidden)
        return seen


def penalised_cross_entropy(
    network: nn.Module, inputs: Tensor, labels: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The loss of a batch, with the variance constancy loss where the network has one, and the scores."""
    if not isinstance(network, PlainNetwork) or network.constancy is None:
        scores: Tensor = network(inputs, generator)
        return F.cross_entropy(scores, labels), scores
    with network.constancy.watching(network.layers) as penalty:
        scores = network(inputs, generator)
    return F.cross_entropy(scores, labels) + penalty(), scores


def clip_gradients(network: nn.Module) -> None:
    """Clip gradients layer by layer where the network has the variance constancy loss (section 2.4)."""
    if isinstance(network, PlainNetwork) and network.constancy is not None:
        clip_gradients_by_layer(network, network.constancy.options.clip)


def eleven_layers(
    activation: Activation,
    normalisation: Normalisation,
    *,
    in_channels: int,
    size: int,
    num_classes: int,
    multiplier: float = 1.0,
    constancy: Constancy | None = None,
    seed: int = 0,
) -> PlainNetwork:
    """The 11-layer network: (images, in_channels, size, size) to (images, num_classes) scores.

    Args:
        activation: activation after each convolution but the last.
        normalisation: normalisation between convolution and activation; `vcl` puts nothing there, it is a loss.
        in_channels: number of channels of the images.
        size: height and width of the images. Every stack but the last halves it as long as there is something to
            halve: 32 x 32 images arrive as one position, as published, and 8 x 8 images do from the third stack on.
            Of larger images the positions that remain after the fifth stack's pooling are averaged there (Tiny
            ImageNet, section 3).
        num_classes: number of classes.
        multiplier: factor of the channels of every convolution: 1 for CIFAR, 2 for Tiny ImageNet.
        constancy: options of `vcl`; default: the paper's with n = 2.
        seed: seed of the initialisation.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for position, (stack, dropout) in enumerate(zip(STACKS, DROPOUT, strict=True)):
        for width, kernel in stack:
            wide = max(1, round(width * multiplier))
            layers += _convolution(channels, wide, kernel)
            layers += _normalised(normalisation, wide, images=True)
            layers.append(_activation(activation))
            channels = wide
        if position < len(STACKS) - 1 and size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
        if position == AVERAGED_AFTER and size > 1:
            layers.append(nn.AdaptiveAvgPool2d(1))
            size = 1
        if dropout:
            layers.append(nn.Dropout(dropout))
    layers += [nn.Conv2d(channels, num_classes, 1), nn.Flatten()]
    return _network(layers, activation, normalisation, constancy or Constancy(samples=2), seed)


def fully_connected(
    activation: Activation,
    normalisation: Normalisation,
    *,
    inputs: int,
    num_classes: int,
    depth: int,
    width: int = 256,
    constancy: Constancy | None = None,
    seed: int = 0,
) -> PlainNetwork:
    """`depth` hidden layers of `width` units: (rows, inputs) to (rows, num_classes) scores.

    Dropout as published: 0.5 after the last hidden layer, but alpha-dropout of 0.05 after each with SELU. The default
    of `constancy` is the paper's with n = 10.
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
    return _network(layers, activation, normalisation, constancy or Constancy(samples=10), seed)


def parameter_count(network: PlainNetwork) -> int:
    """Parameters of the network as it is used: the betas of the variance constancy loss serve training alone."""
    return sum(one.numel() for one in network.layers.parameters())


def _network(
    layers: list[nn.Module], activation: Activation, normalisation: Normalisation, constancy: Constancy, seed: int
) -> PlainNetwork:
    """Layers with weights from N(0, 2 / fan in) (He et al. 2015), with SELU N(0, 1 / fan in) (Klambauer et al. 2017).

    Biases begin at 0. Everything is drawn from `seed` alone.
    """
    source = torch.Generator().manual_seed(seed)
    gain = 1.0 if activation == "SELU" else math.sqrt(2)
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()), generator=source)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return PlainNetwork(nn.Sequential(*layers), constancy if normalisation == "vcl" else None)


def _convolution(channels: int, width: int, kernel: int) -> list[nn.Module]:
    """A convolution that keeps the size; an even kernel's extra zero comes last."""
    if kernel % 2:
        return [nn.Conv2d(channels, width, kernel, padding=kernel // 2)]
    before, after = (kernel - 1) // 2, kernel // 2
    return [nn.ZeroPad2d((before, after, before, after)), nn.Conv2d(channels, width, kernel)]


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
        most = 1 if name == "layer" else max(1, min(GROUPS, channels // GROUP_CHANNELS))
        groups = max(n for n in range(1, most + 1) if channels % n == 0)
        return [nn.GroupNorm(groups, channels)]
    return []
