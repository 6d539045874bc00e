"""Splicing as a view: what `splice-feats` and `subsample-feats` of Kaldi give, without a copy (section 5)."""

from __future__ import annotations

import torch
from torch import Tensor


def pad_edges(features: Tensor, left: int, right: int) -> Tensor:
    """Repeat the first frame `left` times before and the last one `right` times after (as `splice-feats` does).

    Args:
        features: (num_frames, bins) frames, at least one.
        left: number of frames of context before a frame.
        right: number of frames of context after it.

    Returns:
        (left + num_frames + right, bins) padded frames.
    """
    return torch.cat([features[:1].expand(left, -1), features, features[-1:].expand(right, -1)])


def splice_view(padded: Tensor, context: int, every: int) -> Tensor:
    """Every `every`-th window of `context` neighbouring frames, as a view: nothing is copied.

    Args:
        padded: (left + num_frames + right, bins) padded frames, from `pad_edges`.
        context: number of frames in a window, left + 1 + right.
        every: number of frames from one window to the next.

    Returns:
        (ceil(num_frames / every), context, bins) windows; window i holds the context of frame i * every.
    """
    return padded.unfold(0, context, every).transpose(1, 2)


def splice(features: Tensor, left: int, right: int, every: int) -> Tensor:
    """Model frames of a segment: `splice-feats --left-context --right-context`, then `subsample-feats --n`.

    Args:
        features: (num_frames, bins) frames, at least one.
        left: number of frames of context before a frame.
        right: number of frames of context after it.
        every: number of frames from one model frame to the next.

    Returns:
        (ceil(num_frames / every), left + 1 + right, bins) model frames, a view of one padded copy.
    """
    return splice_view(pad_edges(features, left, right), left + 1 + right, every)
