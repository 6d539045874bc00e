"""Segments mixed in pairs inside a network (Mixup, arXiv 1710.09412; manifold Mixup, arXiv 1806.05236)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Mixing:
    """The pairs of frames of a batch that are mixed, the place in the network, and the shares.

    Attributes:
        layer: layer before which the mixing takes place; 0 is the network's input.
        first: (mixed frames,) int64 rows of the batch.
        second: (mixed frames,) int64 rows of their partners.
        share: (mixed frames,) float32 share of the first in the mixture.
        segment_of_frame: (mixed frames,) int64 segment, from 0, of each mixed frame.
    """

    layer: int
    first: Tensor
    second: Tensor
    share: Tensor
    segment_of_frame: Tensor

    def __call__(self, hidden: Tensor) -> Tensor:
        """(frames, ...) of the batch to (mixed frames, ...)."""
        share = self.share.to(hidden.dtype).view(-1, *[1] * (hidden.dim() - 1))
        return share * hidden[self.first] + (1 - share) * hidden[self.second]
