"""Shake-Shake: random convex mixing of a block's branches (equations 4 to 9; Gastaldi 2017, arXiv 1705.07485)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.models.collective import Place


@dataclass(frozen=True)
class Shaking:
    """How the branches of a block are mixed while training.

    Attributes:
        bands: sub-bands of the spectral axis that draw independently; 1 is Full (equation 8), 2 is Both (equation 9).
        forward: `shake` draws the weights of the forward pass, `even` gives every branch the same.
        backward: `shake` draws the weights of the backward pass anew, `even` gives every branch the same, `keep`
            reuses those of the forward pass.
        level: what shares one draw: a model frame, all frames of a segment, or the whole batch.
    """

    bands: int = 1
    forward: Literal["shake", "even"] = "shake"
    backward: Literal["shake", "even", "keep"] = "shake"
    level: Literal["frame", "segment", "batch"] = "frame"


@dataclass(frozen=True)
class Draws:
    """The random numbers of one training pass.

    Each process draws for the whole batch and takes its own rows, so that the numbers of a batch are the same however
    many processes share it.

    Attributes:
        generator: their source.
        frames: where this process's model frames lie in the batch.
        segments: where its segments do.
    """

    generator: torch.Generator
    frames: Place
    segments: Place


def mix_branches(
    branches: Sequence[Tensor],
    shaking: Shaking,
    segment_of_frame: Tensor,
    draws: Draws,
) -> Tensor:
    """Mix the outputs of a block's branches in one training pass.

    Args:
        branches: N tensors (frames, channels, height, bins).
        shaking: the rules.
        segment_of_frame: (frames,) the segment, from 0, that each frame belongs to.
        draws: source of the weights, on the branches' device.

    Returns:
        (frames, channels, height, bins), the sum of alpha_n times branch n. In the backward pass branch n receives
        beta_n times the gradient, whatever alpha was.
    """
    reference = branches[0]
    rows = {"frame": draws.frames.total, "segment": draws.segments.total, "batch": 1}[shaking.level]
    shape = (len(branches), rows, shaking.bands)
    alpha = _weights(shaking.forward, shape, draws.generator)
    beta = alpha if shaking.backward == "keep" else _weights(shaking.backward, shape, draws.generator)
    if shaking.level == "frame":
        ours = slice(draws.frames.first, draws.frames.first + len(reference))
        alpha, beta = alpha[:, ours], beta[:, ours]
    elif shaking.level == "segment":
        index = draws.segments.first + segment_of_frame
        alpha, beta = alpha[:, index], beta[:, index]
    bins = reference.shape[-1]
    weights = (_per_bin(part, bins).to(reference.dtype) for part in (alpha, beta))
    mixed: Tensor = _Mix.apply(*weights, *branches)  # type: ignore[no-untyped-call]
    return mixed


def convex_weights(branches: int, rows: int, bands: int, generator: torch.Generator) -> Tensor:
    """Points drawn uniformly from the (branches - 1)-simplex, (branches, rows, bands) float32.

    For two branches these are U(0, 1) and its complement (section 2.2); for more, normalised exponentials, which are
    uniform on the simplex (Dirichlet with all parameters 1).
    """
    device = generator.device
    if branches == 2:
        first = torch.rand(rows, bands, generator=generator, device=device)
        return torch.stack([first, 1 - first])
    waits = torch.empty(branches, rows, bands, device=device).exponential_(generator=generator)
    return waits / waits.sum(dim=0)


def _weights(rule: str, shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    if rule == "even":
        return torch.full(shape, 1 / shape[0], device=generator.device)
    return convex_weights(*shape, generator)


def _per_bin(weights: Tensor, bins: int) -> Tensor:
    """(branches, rows, bands) to (branches, rows, 1, 1, 1 or bins): each band's weight at each of its bins.

    The spectral axis is split into `bands` parts as equal as can be, the lower ones longer: 256 bins and 2 bands
    give two halves of 128.
    """
    bands = weights.shape[-1]
    if bands > 1:
        if bands > bins:
            raise ValueError(f"{bands} sub-bands of {bins} frequency bins; expected at most one a bin")
        widths = torch.tensor([bins // bands + (band < bins % bands) for band in range(bands)], device=weights.device)
        weights = weights.repeat_interleave(widths, dim=-1, output_size=bins)
    return weights[:, :, None, None, :]


class _Mix(torch.autograd.Function):
    """Sum of alpha_n x_n forward, beta_n g backward."""

    @staticmethod
    def forward(ctx: Any, alpha: Tensor, beta: Tensor, *branches: Tensor) -> Tensor:
        ctx.save_for_backward(beta)
        mixed = alpha[0] * branches[0]
        for weight, branch in zip(alpha[1:], branches[1:], strict=True):
            mixed.addcmul_(weight, branch)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (beta,) = ctx.saved_tensors
        return None, None, *(weight * gradient for weight in beta)
