"""Columns of features brought to mean 0 and deviation 1, over a group of recordings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pipeline.models.options import Standardisation


class Standardise(nn.Module):
    """The means and deviations of groups, saved with the weights; row 0 is that of all training segments together.

    Attributes:
        by: recordings that a group consists of.
        mean: (1 + groups, dims) float64 means.
        deviation: (1 + groups, dims) float64 standard deviations, 1 where a column is constant.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, by: Standardisation, dims: int) -> None:
        super().__init__()
        self.by = by
        self.register_buffer("mean", torch.zeros(1, dims, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(1, dims, dtype=torch.float64))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Use these means and deviations, each (1 + groups, dims)."""
        self.mean, self.deviation = mean.to(self.mean), deviation.to(self.deviation)

    def forward(self, frames: Tensor, segment_of_frame: Tensor, groups: Tensor | None) -> Tensor:
        """The standardised frames, computed in the precision of the frames.

        Args:
            frames: (frames, 1, height, dims) frames.
            segment_of_frame: (frames,) int64 segment of each frame.
            groups: (segments,) int64 group of each segment, from 0; None uses the numbers of all training segments.
        """
        if groups is None:
            return (frames - self.mean[0].to(frames.dtype)) / self.deviation[0].to(frames.dtype)
        row = (1 + groups)[segment_of_frame]
        mean, deviation = self.mean[row, None, None], self.deviation[row, None, None]
        return (frames - mean.to(frames.dtype)) / deviation.to(frames.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # The number of groups is that of the data, so a new classifier does not know it.
        for name in ("mean", "deviation"):
            if (stored := state_dict.get(f"{prefix}{name}")) is not None:
                setattr(self, name, torch.empty_like(stored, device=self.mean.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def make_standardise(by: Standardisation, dims: int) -> Standardise | None:
    """The standardisation of a classifier; None for `none`."""
    return None if by == "none" else Standardise(by, dims)
