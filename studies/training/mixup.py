"""Mixup and manifold Mixup of images (arXiv 1710.09412, 1806.05236), as the speech models mix segments."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.training.mixup import Mixup, draw_pairs, mixed_loss
from studies.networks.images import ImageResNeXt
from studies.training.fit import BatchLoss


def mixup_loss(mixup: Mixup) -> BatchLoss:
    """The loss of a run that mixes images in pairs; the scores are of the unmixed images, in eval mode."""

    def loss(network: nn.Module, pixels: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not isinstance(network, ImageResNeXt):
            raise TypeError(f"images are mixed inside an ImageResNeXt, not a {type(network).__name__}")
        network.eval()
        with torch.no_grad():
            unmixed = network(pixels)
        network.train()
        index = torch.arange(len(pixels), device=pixels.device)
        pairs = draw_pairs(mixup, index, len(pixels), network.mixing_layers, generator)
        mixed = network(pixels, generator, pairs.mixing)
        total, weight = mixed_loss(mixed, labels, pairs, mixed.new_ones(mixed.shape[1]))
        return total / weight, unmixed

    return loss
