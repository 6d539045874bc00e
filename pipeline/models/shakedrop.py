"""ShakeDrop: stochastic depth with random weights where a block is dropped (Yamada et al. 2018, arXiv 1802.02375)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.models.options import Level
from pipeline.models.shaking import Draws, weigh


@dataclass(frozen=True)
class BlockDrop:
    """The ShakeDrop of one block, which disturbs its residual in training.

    With b = 1 of probability `keep`, else 0, a block is x + (b + alpha - b alpha) F(x); in the backward pass beta
    stands for alpha (equation 6). Evaluation multiplies F by the expectation.

    Attributes:
        keep: probability that the block is as without ShakeDrop.
        level: unit that shares one draw of b, alpha and beta.
        alpha: interval of the uniform alpha.
        beta: interval of the uniform beta.
    """

    keep: float
    level: Level = "frame"
    alpha: tuple[float, float] = (-1.0, 1.0)
    beta: tuple[float, float] = (0.0, 1.0)

    @property
    def expectation(self) -> float:
        """Expectation of the forward factor: p + (1 - p) E(alpha)."""
        return self.keep + (1 - self.keep) * sum(self.alpha) / 2


def keep_probability(block: int, blocks: int, last: float) -> float:
    """The linear decay from 1 to `last` (Huang et al. 2016, arXiv 1603.09382): 1 - l / L (1 - p_L).

    Args:
        block: l, number of the block, from 1.
        blocks: L, number of blocks of the whole network.
        last: p_L, probability of the last block.
    """
    return 1 - block / blocks * (1 - last)


def disturb(residual: Tensor, drop: BlockDrop, segment_of_frame: Tensor, draws: Draws) -> Tensor:
    """The residual of a block in one training pass.

    Args:
        residual: (frames, channels, height, bins) residual F(x).
        drop: ShakeDrop of this block.
        segment_of_frame: (frames,) segment, from 0, that each frame belongs to.
        draws: random numbers of this pass, on the residual's device.

    Returns:
        F(x) times its forward factor; its gradient is multiplied by the backward factor instead.
    """
    device = residual.device
    kept, alpha, beta = torch.rand(3, draws.rows(drop.level), 1, generator=draws.generator, device=device)
    whole = kept < drop.keep
    factors = [
        torch.where(whole, 1.0, low + (high - low) * part).unsqueeze(0)
        for part, (low, high) in ((alpha, drop.alpha), (beta, drop.beta))
    ]
    return weigh([residual], *(draws.ours(factor, drop.level, segment_of_frame) for factor in factors))
