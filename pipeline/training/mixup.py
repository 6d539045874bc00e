"""Mixup and manifold Mixup for segments of different lengths (arXiv 1710.09412, 1806.05236)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.models.mixing import Mixing
from pipeline.models.options import Mixup


@dataclass(frozen=True)
class Pairs:
    """The mixtures of a batch.

    Attributes:
        mixing: mixtures of frames, for the network.
        partner: (segments,) int64 segment that each is mixed with.
        share: (segments,) float32 share of the segment itself.
    """

    mixing: Mixing
    partner: Tensor
    share: Tensor


def draw_pairs(
    mixup: Mixup, segment_of_frame: Tensor, num_segments: int, layers: int, generator: torch.Generator
) -> Pairs:
    """Draw partners from the batch, one share for each pair, and the part of the longer segment that is used.

    Args:
        mixup: options of Mixup.
        segment_of_frame: (frames,) int64 segment, ascending from 0, of each frame.
        num_segments: number of segments in the batch.
        layers: number of places that a manifold Mixup chooses from.
        generator: generator of the run; one number of it is the seed of everything drawn here.
    """
    device = segment_of_frame.device
    seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
    source = np.random.default_rng(int(seed))
    layer = int(source.integers(layers)) if mixup.manifold else 0
    partner = source.permutation(num_segments)
    share = source.beta(mixup.alpha, mixup.alpha, num_segments)
    counts = torch.bincount(segment_of_frame, minlength=num_segments).cpu().numpy()
    begins = np.cumsum(counts) - counts
    kept = np.minimum(counts, counts[partner])
    own, other = (begins[of] + source.integers(counts[of] - kept + 1) for of in (np.arange(num_segments), partner))
    segment = np.repeat(np.arange(num_segments), kept)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(kept) - kept, kept)

    def placed(values: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(values).to(device, dtype)

    mixing = Mixing(
        layer,
        placed(own[segment] + place, torch.int64),
        placed(other[segment] + place, torch.int64),
        placed(share[segment], torch.float32),
        placed(segment, torch.int64),
    )
    return Pairs(mixing, placed(partner, torch.int64), placed(share, torch.float32))


def mixed_loss(scores: Tensor, target: Tensor, pairs: Pairs, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Class-weighted cross-entropy with the targets of both segments of each mixture, by their shares.

    Args:
        scores: (segments, classes) scores of the mixtures.
        target: (segments,) classes of the segments.
        pairs: the mixtures.
        weights: (classes,) weights of the loss.

    Returns:
        The sum of the weighted losses, and the sum of the weights, by which the mean loss divides.
    """
    loss, total = scores.new_zeros(()), scores.new_zeros(())
    for classes, share in ((target, pairs.share), (target[pairs.partner], 1 - pairs.share)):
        loss = loss + (share * F.cross_entropy(scores, classes, weight=weights, reduction="none")).sum()
        total = total + (share * weights[classes]).sum()
    return loss, total
