"""Mixup and manifold Mixup of images, as the loss of a training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.models.normalisation import still_statistics
from pipeline.training.mixup import Mixup, draw_pairs, mixed_loss
from studies.networks.images import ImageResNeXt
from studies.training.fit import BatchLoss


def mixup_loss(mixup: Mixup) -> BatchLoss:
    """What `fit` minimises: the loss of mixtures; errors are counted on the images as they are."""

    def loss(network: nn.Module, pixels: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not isinstance(network, ImageResNeXt):
            raise TypeError(f"mixing happens inside an ImageResNeXt; this is a {type(network).__name__}")
        with torch.no_grad(), still_statistics(network):
            scores = network(pixels, generator)
        rows = torch.arange(len(pixels), device=pixels.device)
        pairs = draw_pairs(mixup, rows, len(pixels), network.mixing_layers, generator)
        mixed = network(pixels, generator, pairs.mixing)
        weighted, total = mixed_loss(mixed, labels, pairs, mixed.new_ones(mixed.shape[1]))
        return weighted / total, scores

    return loss
