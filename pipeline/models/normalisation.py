"""Batch normalisation with the statistics of the whole batch, however many processes share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pipeline.models.collective import processes, summed


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`; in training over several processes, with the statistics that one process alone would have."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(frames, channels, height, bins) to the same shape."""
        return _shared(self, inputs) if self.training and processes() > 1 else super().forward(inputs)


class BatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d`, likewise."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(segments, features) to the same shape."""
        return _shared(self, inputs) if self.training and processes() > 1 else super().forward(inputs)


@contextmanager
def still_statistics(network: nn.Module) -> Iterator[None]:
    """Leave running statistics unchanged inside the block, in train mode too."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _shared(layer: nn.BatchNorm1d | nn.BatchNorm2d, inputs: Tensor) -> Tensor:
    """Normalise by the mean and variance over all processes; gradients flow through both, as on one device."""
    over = [0, *range(2, inputs.dim())]
    shape = [1, -1, *[1] * (inputs.dim() - 2)]
    values = inputs if inputs.dtype == torch.float64 else inputs.float()
    count = summed(values.new_tensor(float(inputs.numel() // max(1, inputs.shape[1]))))
    mean = summed(values.sum(over)) / count
    # Centred before it is squared: the difference of two large sums would not be exact enough.
    centred = values - mean.view(shape)
    variance = summed(centred.square().sum(over)) / count
    if layer.track_running_stats:
        _track(layer, mean.detach(), variance.detach(), count)
    scale = torch.rsqrt(variance + layer.eps)
    if layer.affine:
        scale = scale * layer.weight
    normalised = centred * scale.view(shape)
    if layer.affine:
        normalised = normalised + layer.bias.view(shape)
    return normalised.to(inputs.dtype)


@torch.no_grad()
def _track(layer: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: Tensor) -> None:
    """Move the running statistics, the variance unbiased, as PyTorch does."""
    momentum = layer.momentum
    assert momentum is not None  # noqa: S101 (PyTorch's default, never changed here)
    assert layer.running_mean is not None  # noqa: S101
    assert layer.running_var is not None  # noqa: S101
    assert layer.num_batches_tracked is not None  # noqa: S101
    layer.num_batches_tracked.add_(1)
    layer.running_mean.lerp_(mean, momentum)
    layer.running_var.lerp_(variance * (count / (count - 1)), momentum)
