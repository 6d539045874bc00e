"""Mixup and manifold Mixup of images, as the loss of a training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.models.normalisation import still_statistics
from pipeline.models.options import Mixup
from pipeline.training.mixup import draw_pairs, mixed_loss
from studies.core.task import BatchLoss
from studies.networks.images import ImageResNeXt


def mixup_loss(mixup: Mixup) -> BatchLoss:
    """The loss of mixtures for `ImageTask`; its scores are those of the unmixed images."""

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
