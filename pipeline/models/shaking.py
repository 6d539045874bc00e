"""Shake-Shake: random convex mixing of a block's branches (equations 4 to 9; Gastaldi 2017, arXiv 1705.07485)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.models.collective import Place
from pipeline.models.options import Level, Rule, Shaking


@dataclass(frozen=True)
class Draws:
    """The random numbers of one training pass.

    Each process draws for the whole batch and takes its own rows, so that the numbers of a batch are the same however
    many processes share it.

    Attributes:
        generator: generator that they are drawn from.
        frames: position of this process's model frames in the batch.
        segments: position of its segments in the batch.
    """

    generator: torch.Generator
    frames: Place
    segments: Place

    def rows(self, level: Level) -> int:
        """The number of draws for the whole batch at a level."""
        return {"frame": self.frames.total, "segment": self.segments.total, "batch": 1}[level]

    def ours(self, drawn: Tensor, level: Level, segment_of_frame: Tensor) -> Tensor:
        """This process's part of draws for the whole batch.

        Args:
            drawn: (terms, rows, bands) draws for the whole batch.
            level: unit that shares one draw.
            segment_of_frame: (frames,) segment, from 0, that each frame of this process belongs to.

        Returns:
            (terms, frames, bands) draws; (terms, 1, bands) where the whole batch shares one.
        """
        if level == "frame":
            return drawn[:, self.frames.first : self.frames.first + len(segment_of_frame)]
        if level == "segment":
            return drawn[:, self.segments.first + segment_of_frame]
        return drawn


def mix_branches(
    branches: Sequence[Tensor],
    shaking: Shaking,
    segment_of_frame: Tensor,
    draws: Draws,
) -> Tensor:
    """Mix the outputs of a block's branches in one training pass.

    Args:
        branches: N tensors (frames, channels, height, bins).
        shaking: options of shaking.
        segment_of_frame: (frames,) segment, from 0, that each frame belongs to.
        draws: random numbers of this pass, on the branches' device.

    Returns:
        (frames, channels, height, bins), the sum of alpha_n times branch n. In the backward pass branch n receives
        beta_n times the gradient, whatever alpha was.
    """
    shape = (len(branches), draws.rows(shaking.level), shaking.bands)
    alpha = _weights(shaking.forward, shape, shaking.interval, draws.generator)
    if shaking.backward == "keep":
        beta = alpha
    elif shaking.backward == "shake" or shaking.backward == "even":
        beta = _weights(shaking.backward, shape, shaking.interval, draws.generator)
    else:
        first = opposed_weights(shaking.backward, alpha[0], draws.generator)
        beta = torch.stack([first, 1 - first])
    return weigh(branches, *(draws.ours(part, shaking.level, segment_of_frame) for part in (alpha, beta)))


def weigh(terms: Sequence[Tensor], forward: Tensor, backward: Tensor) -> Tensor:
    """The sum of terms, each times its weight; the gradient of each is multiplied by another weight.

    Args:
        terms: N tensors (frames, channels, height, bins).
        forward: (N, frames or 1, bands) weights of the forward pass, which get no gradient.
        backward: (N, frames or 1, bands) weights of the backward pass.

    Returns:
        (frames, channels, height, bins) sum.
    """
    reference = terms[0]
    weights = (_per_bin(part, reference.shape[-1]).to(reference.dtype) for part in (forward, backward))
    weighed: Tensor = _Mix.apply(*weights, *terms)  # type: ignore[no-untyped-call]
    return weighed


def opposed_weights(rule: Rule, alpha: Tensor, generator: torch.Generator) -> Tensor:
    """Weights of the first branch's gradient that lie at a chosen distance from those of the forward pass.

    Gastaldi 2017, table 3, with r from U(0, 1) for each weight; mirrored where alpha is over 1/2:

    - `M1`: 1 - alpha, the mirror image
    - `M2`: r alpha, further from 1/2 on alpha's side
    - `M3`: between alpha and 1/2
    - `M4`: between 1/2 and 1 - alpha
    - `M5`: beyond 1 - alpha

    Args:
        rule: one of these rules.
        alpha: forward weights of the first of two branches, any shape.
        generator: generator of r, on alpha's device.
    """
    share = torch.rand(alpha.shape, generator=generator, device=alpha.device)
    small = torch.minimum(alpha, 1 - alpha)
    if rule == "M1":
        beta = 1 - small
    elif rule == "M2":
        beta = share * small
    elif rule == "M3":
        beta = share * (0.5 - small) + small
    elif rule == "M4":
        beta = share * (0.5 - small) + 0.5
    else:
        beta = share * small + (1 - small)
    return torch.where(alpha < 0.5, beta, 1 - beta)


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


def _weights(
    rule: str, shape: tuple[int, int, int], interval: tuple[float, float], generator: torch.Generator
) -> Tensor:
    if rule == "even":
        return torch.full(shape, 1 / shape[0], device=generator.device)
    weights = convex_weights(*shape, generator)
    if interval == (0.0, 1.0):
        return weights
    low, high = interval
    first = low + (high - low) * weights[0]
    return torch.stack([first, 1 - first])


def _per_bin(weights: Tensor, bins: int) -> Tensor:
    """(branches, rows, bands) to (branches, rows, 1, 1, 1 or bins): each band's weight at each of its bins.

    The spectral axis is split into `bands` parts that are as equal as possible, the lower ones longer: 256 bins and 2
    bands give two halves of 128.
    """
    bands = weights.shape[-1]
    if bands > 1:
        if bands > bins:
            raise ValueError(f"{bands} sub-bands of {bins} frequency bins; expected at most one for each bin")
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
