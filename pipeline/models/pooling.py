"""From the frames of a segment to one vector, over the segment's own frames alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.models.options import FramePooling

FLOOR = 1e-5
"""Added to a variance, so that its root has a gradient where all frames of a segment are equal."""


class SegmentPooling(nn.Module):
    """Mean, or mean and standard deviation, over frames that count alike or by learned weights.

    The weights of `attention` are a softmax over the frames of a segment of what two layers make of each frame
    (attentive statistics pooling, Okabe et al. 2018, arXiv 1803.10963).

    Args:
        kind: `attention`, `statistics` (mean and deviation, frames count alike) or `mean`.
        features: number of values that describe a frame.

    Attributes:
        outputs: number of values that describe a segment.
    """

    def __init__(self, kind: FramePooling, features: int) -> None:
        super().__init__()
        self.kind = kind
        self.outputs = features if kind == "mean" else 2 * features
        self.attention = (
            nn.Sequential(nn.Linear(features, features), nn.Tanh(), nn.Linear(features, 1, bias=False))
            if kind == "attention"
            else None
        )

    def forward(self, frames: Tensor, segment_of_frame: Tensor, num_segments: int) -> Tensor:
        """(frames, features) to (segments, outputs)."""
        share = self._shares(frames, segment_of_frame, num_segments)
        mean = _sums(share * frames, segment_of_frame, num_segments)
        if self.kind == "mean":
            return mean
        variance = _sums(share * (frames - mean[segment_of_frame]).square(), segment_of_frame, num_segments)
        return torch.cat([mean, (variance + FLOOR).sqrt()], dim=1)

    def _shares(self, frames: Tensor, segment_of_frame: Tensor, num_segments: int) -> Tensor:
        """(frames, 1) shares, which sum to 1 over each segment."""
        if self.attention is None:
            weights = frames.new_ones(len(frames), 1)
        else:
            logits = self.attention(frames)
            # Every segment's largest logit becomes 0, so that no exponential overflows.
            largest = logits.new_full((num_segments,), -torch.inf)
            largest = largest.scatter_reduce(0, segment_of_frame, logits.detach().squeeze(1), "amax")
            weights = (logits - largest[segment_of_frame, None]).exp()
        return weights / _sums(weights, segment_of_frame, num_segments)[segment_of_frame]


def _sums(frames: Tensor, segment_of_frame: Tensor, num_segments: int) -> Tensor:
    """(frames, features) to (segments, features): the sum over each segment's own frames."""
    return frames.new_zeros(num_segments, frames.shape[1]).index_add(0, segment_of_frame, frames)
