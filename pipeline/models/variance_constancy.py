"""Variance constancy loss (VCL): a penalty on how much a unit's variance differs between two small samples.

Littwin & Wolf 2018, "Regularizing by the Variance of the Activations' Sample-Variances". For one unit with the
activations of two samples of n rows, whose unbiased variances are s1 and s2 (equation 17):

    loss = (1 - s1 / (s2 + beta))^2,        beta > 0, learned for each unit from 1.

It is computed on pre-activations, averaged within a layer, summed over layers, and added to the loss of the task with
a weight of 0.01; the gradient of each layer is clipped to a norm of 1 (section 2.4). Nothing of it remains when a
network is used.

On any network, in training:

    constancy = VarianceConstancy(network, Constancy(samples=5))
    network.add_module("constancy", constancy)       # its beta are learned, saved and loaded with the rest
    with constancy.watching(network) as penalty:
        scores = network(inputs)
    loss = F.cross_entropy(scores, target) + penalty()
    torch.autograd.backward(loss)
    clip_gradients_by_layer(network, constancy.options.clip)

The model frames of a ResNeXt for speech are not independent within a segment. For such networks, `rows` names one row
for each segment: `watching(network, rows=middle_frames(segment_of_frame, num_segments))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pipeline.models.options import Constancy

ACTIVATIONS = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.SELU)
"""Modules whose input is a pre-activation."""


def variance_constancy(values: Tensor, beta: Tensor, samples: int, unit: str = "position") -> Tensor:
    """The loss of one layer, the mean over its units (equation 17).

    Args:
        values: (rows, channels, ...) pre-activations; the first two consecutive slices of `samples` rows are compared.
            With fewer than 2 `samples` rows, as the last batch of an epoch may have, the slices are halves of them.
        beta: (channels,) positive values of beta.
        samples: n, number of rows of a sample, at least 2.
        unit: part of the output with a variance of its own, see `Constancy`.

    Returns:
        The loss, a scalar; 0 where there are fewer than two rows for each slice.
    """
    half = min(samples, len(values) // 2)
    if half < 2:
        return values.new_zeros(())
    # Copied: an activation in place would overwrite what the backward pass of the variance needs.
    slices = values[: 2 * half].to(beta.dtype, copy=True).view(2, half, *values.shape[1:])
    first, second = slices.var(dim=1 if unit == "position" else (1, *range(3, slices.dim())))
    ratio = first / (second + beta.view(-1, *[1] * (second.dim() - 1)))
    loss: Tensor = (1 - ratio).square().mean()
    return loss


class LayerConstancy(nn.Module):
    """The loss of one layer with its beta, one for each channel.

    The logarithm of beta is learned, so that beta stays positive; at the start, where beta is 1, both have the same
    gradient. The units of one channel of a convolution share a beta as they share their weights.
    """

    def __init__(self, channels: int, options: Constancy) -> None:
        super().__init__()
        self.options = options
        self.log_beta = nn.Parameter(torch.zeros(channels))

    @property
    def beta(self) -> Tensor:
        """(channels,) positive values of beta."""
        return self.log_beta.exp()

    def forward(self, values: Tensor) -> Tensor:
        """(rows, channels, ...) pre-activations to a scalar."""
        return variance_constancy(values, self.beta, self.options.samples, self.options.unit)


class VarianceConstancy(nn.Module):
    """The loss of all pre-activations of a network: of every module of `ACTIVATIONS` in it.

    A module that is called twice in a pass counts twice. This module keeps no reference to the network: add it to the
    network, so that beta is among its parameters and in its checkpoints.

    Args:
        network: any network whose activations stand in `nn.Sequential`, before the layer that takes their outputs.
        options: options of the loss.

    Raises:
        ValueError: the network has no activation, or one that no layer follows, so that its number of channels is
            unknown.
    """

    def __init__(self, network: nn.Module, options: Constancy) -> None:
        super().__init__()
        self.options = options
        widths = preactivation_widths(network)
        if not widths:
            raise ValueError("the network has no activation module, so there is no pre-activation to watch")
        self.names = tuple(widths)
        self.layers = nn.ModuleList(LayerConstancy(width, options) for width in widths.values())

    @contextmanager
    def watching(self, network: nn.Module, rows: Tensor | None = None) -> Iterator[Callable[[], Tensor]]:
        """Collect the loss of what the block computes; yields a function that returns the weighted sum over layers.

        Args:
            network: network that this module was made for, or a copy of it.
            rows: (at least 2 n,) int64 rows of a layer's input that the samples are made of, in order; default: all.
        """
        losses: list[Tensor] = []

        def watcher(layer: nn.Module) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            def watch(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
                losses.append(layer(inputs[0] if rows is None else inputs[0][rows[: 2 * self.options.samples]]))

            return watch

        def penalty() -> Tensor:
            if not losses:
                raise ValueError("no pre-activation was seen: run the network inside `watching`")
            return self.options.weight * torch.stack(losses).sum()

        handles = [
            network.get_submodule(name).register_forward_pre_hook(watcher(layer))
            for name, layer in zip(self.names, self.layers, strict=True)
        ]
        try:
            yield penalty
        finally:
            for handle in handles:
                handle.remove()


def preactivation_widths(network: nn.Module) -> dict[str, int]:
    """Numbers of channels of the inputs of all activations, by the activation's name in the network, in its order.

    The channels are those of the next convolution or linear layer in the same `nn.Sequential`.
    """
    widths: dict[str, int] = {}
    for prefix, parent in network.named_modules():
        if not isinstance(parent, nn.Sequential):
            continue
        waiting: list[str] = []
        for name, layer in parent.named_children():
            width = getattr(layer, "in_channels", getattr(layer, "in_features", None))
            if isinstance(layer, ACTIVATIONS):
                waiting.append(f"{prefix}.{name}" if prefix else name)
            elif isinstance(width, int):
                widths |= dict.fromkeys(waiting, width)
                waiting = []
        if waiting:
            raise ValueError(f"no layer follows the activation {waiting[0]}; expected a convolution or linear layer")
    return widths


def middle_frames(segment_of_frame: Tensor, num_segments: int) -> Tensor:
    """(frames,) segment of each frame, ascending from 0, to (num_segments,) the row of each segment's middle frame."""
    counts = torch.bincount(segment_of_frame, minlength=num_segments)
    return counts.cumsum(0) - counts + counts // 2


@torch.no_grad()
def clip_gradients_by_layer(network: nn.Module, most: float) -> None:
    """Scale down the gradient of every layer whose norm is over `most` (section 2.4).

    A layer is a module with parameters of its own; its weight and bias have one norm together.
    """
    for layer in network.modules():
        own = [parameter for parameter in layer.parameters(recurse=False) if parameter.grad is not None]
        if own:
            nn.utils.clip_grad_norm_(own, most)
