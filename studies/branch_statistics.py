"""Covariance and correlation of the two branches of every block, and of their layers (Gastaldi 2017, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.models.convolution import Convolution
from pipeline.models.resnext import Block
from studies.networks.images import ImageResNeXt

LAYERS = 3
"""Layers of a branch that are compared: from its first convolution on, whose input is the same in both branches."""


@dataclass(frozen=True)
class CoMoments:
    """Means and co-moments of several variables over many items.

    Attributes:
        count: items.
        mean: (variables,) float64.
        scatter: (variables, variables) float64, sums of products of deviations from the means.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, values: Tensor) -> CoMoments:
        """Of (variables, items)."""
        wide = values.double()
        mean = wide.mean(dim=1)
        centred = wide - mean[:, None]
        return cls(wide.shape[1], mean, centred @ centred.T)

    def merged(self, other: CoMoments) -> CoMoments:
        """Of the items of both (Chan, Golub & LeVeque 1983)."""
        count = self.count + other.count
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter + torch.outer(apart, apart) * self.count * other.count / count
        return CoMoments(count, self.mean + apart * other.count / count, scatter)

    @property
    def covariance(self) -> Tensor:
        """(variables, variables)."""
        return self.scatter / self.count

    @property
    def correlation(self) -> Tensor:
        """(variables, variables); NaN for a variable that does not vary."""
        deviation = self.scatter.diagonal().sqrt()
        return self.scatter / torch.outer(deviation, deviation)


def branch_statistics(network: ImageResNeXt, pixels: Tensor, images_at_once: int = 256) -> list[CoMoments]:
    """Of every block with two branches, in eval mode, over all images, channels and positions.

    Args:
        network: its blocks have two branches.
        pixels: (images, channels, height, width).
        images_at_once: images whose activations are held at a time.

    Returns:
        For each block the co-moments of L1, L2, L3, the left output times 1/2, then R1, R2, R3 and the right output
        times 1/2. Of a layout with fewer than three layers from the first convolution on there are fewer.
    """
    network.eval()
    totals: list[CoMoments] = []
    with torch.no_grad():
        for part in torch.split(pixels, images_at_once):
            found = [CoMoments.of(values) for values in _walk(network, part)]
            totals = found if not totals else [one.merged(other) for one, other in zip(totals, found, strict=True)]
    return totals


def _walk(network: ImageResNeXt, pixels: Tensor) -> list[Tensor]:
    """(variables, items) of every block."""
    index = torch.arange(len(pixels), device=pixels.device)
    hidden = network.stem(pixels)
    found = []
    for block in network.blocks:
        if not isinstance(block, Block) or len(block.branches) != 2:
            raise ValueError("branches are compared in pairs; expected blocks of two")
        variables = [variable for branch in block.branches for variable in _variables(branch, hidden)]
        found.append(torch.stack([variable.flatten() for variable in variables]))
        hidden = block(hidden, index, None)
    return found


def _variables(branch: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Layers from the first convolution on, and the output times 1/2."""
    hidden, seen = inputs.clone(), list[Tensor]()
    for layer in branch.children():
        hidden = layer(hidden)
        if seen or isinstance(layer, Convolution):
            # A ReLU works in place.
            seen.append(hidden.clone())
    return [*seen[:LAYERS], hidden / 2]
