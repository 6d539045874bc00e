"""Blocks of 3 x 3 convolutions over time and frequency, for segments of different lengths side by side.

All segments of a batch are laid end to end in one image, with rows of zeros between them. So a convolution sees zeros
beyond the ends of a segment, as if the segment were alone, no time goes into padding to the longest segment, and
normalisations get the rows of segments only. A max pooling follows a ReLU, whose results are not negative: the zeros
beyond an end do not change a maximum, and the rows between segments stay 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.convolution import Convolution
from pipeline.models.normalisation import BatchNorm2d


@dataclass(frozen=True)
class Slots:
    """The place of each segment in the image, before time is halved and after each halving.

    Attributes:
        counts: (segments,) int64 number of frames of each segment.
        sizes: (segments,) int64 number of rows of the image that each segment takes, with the zeros after it; multiples
            of `unit`.
        unit: 2 ** number of halvings.
    """

    counts: Tensor
    sizes: Tensor
    unit: int

    @classmethod
    def of(cls, counts: Tensor, halvings: int, last: int) -> Slots:
        """Slots for segments of these numbers of frames.

        Args:
            counts: (segments,) int64 numbers of frames, each at least 1.
            halvings: number of times that time is halved.
            last: number of halvings before the last convolution, up to which a row of zeros must follow a segment.
        """
        needed = (_halved(counts, last) + 1) * 2**last
        return cls(counts, _halved(needed, halvings) * 2**halvings, 2**halvings)

    def after(self, halvings: int) -> tuple[Tensor, Tensor]:
        """The frames after a number of halvings.

        Returns:
            (frames,) int64 row of the image of each frame, and (frames,) int64 segment of each frame.
        """
        counts, sizes = _halved(self.counts, halvings), self.sizes // 2**halvings
        segment = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
        shift = (sizes.cumsum(0) - sizes) - (counts.cumsum(0) - counts)
        return torch.arange(len(segment), device=counts.device) + shift[segment], segment

    def height(self, halvings: int) -> int:
        """The number of rows of the image after a number of halvings; one unit more than needed.

        So a process that has no segment of a batch has an image too, and takes its part in the normalisations.
        """
        height: int = (int(self.sizes.sum()) + self.unit) // 2**halvings
        return height


class Convolutions(nn.Module):
    """Blocks of a 3 x 3 convolution, batch normalisation, ReLU, and max pooling over 2 frequencies and 2 frames.

    A window of the pooling that begins in a segment counts, so a segment of one frame keeps one.

    Args:
        channels: numbers of channels of the blocks.
        halvings: number of blocks, from the first, whose pooling halves time too.
        bins: number of frequencies.

    Attributes:
        outputs: number of values that describe a frame in the end.
    """

    def __init__(self, channels: Sequence[int], halvings: int, bins: int) -> None:
        super().__init__()
        self.halvings = min(halvings, len(channels))
        pairs = list(zip([1, *channels], channels, strict=False))
        # The normalisation's shift stands for a bias.
        self.convolutions = nn.ModuleList(Convolution(old, new, 3, padding=1, bias=False) for old, new in pairs)
        self.normalisations = nn.ModuleList(BatchNorm2d(new) for new in channels)
        for _ in channels:
            bins = -(-bins // 2)
        self.outputs = channels[-1] * bins

    def forward(self, frames: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Describe frames.

        Args:
            frames: (frames, bins) frames of all segments, one after another.
            counts: (segments,) int64 number of frames of each segment.

        Returns:
            (remaining frames, outputs) frames, and (remaining frames,) int64 segment of each.
        """
        slots = Slots.of(counts, self.halvings, min(self.halvings, len(self.convolutions) - 1))
        rows, segment = slots.after(0)
        image = _spread(frames.unsqueeze(2), rows, slots.height(0))
        for block, (convolution, normalisation) in enumerate(
            zip(self.convolutions, self.normalisations, strict=True), start=1
        ):
            halved = block <= self.halvings
            kept = _gathered(convolution(image), rows)
            kept = F.relu(normalisation(_as_image(kept)), inplace=True)
            image = _spread(kept.squeeze(2).transpose(1, 2), rows, image.shape[2])
            image = F.max_pool2d(image, (2 if halved else 1, 2), ceil_mode=True)
            if halved:
                rows, segment = slots.after(block)
        return _gathered(image, rows).flatten(1), segment


def _halved(counts: Tensor, times: int) -> Tensor:
    """The numbers of frames after max pooling, rounded up."""
    halved: Tensor = (counts + 2**times - 1) // 2**times
    return halved


def _spread(frames: Tensor, rows: Tensor, height: int) -> Tensor:
    """(frames, bins, channels) placed at `rows` of an image (1, channels, height, bins), channels last; 0 elsewhere."""
    image = frames.new_zeros(height, *frames.shape[1:]).index_copy(0, rows, frames)
    return image.unsqueeze(0).permute(0, 3, 1, 2)


def _gathered(image: Tensor, rows: Tensor) -> Tensor:
    """(1, channels, height, bins) to the (frames, bins, channels) at `rows`."""
    return image.permute(0, 2, 3, 1).squeeze(0).index_select(0, rows)


def _as_image(frames: Tensor) -> Tensor:
    """(frames, bins, channels) as (frames, channels, 1, bins), channels last, for a normalisation."""
    return frames.unsqueeze(1).permute(0, 3, 1, 2)
