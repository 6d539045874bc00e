"""Training segments as other front ends give them: at another speed, or with noise (`train.variants`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.models.base import Batch
from pipeline.training.batches import SegmentBank


@dataclass(frozen=True)
class Drawn:
    """The segments of a batch, each from one of several banks of the same segments.

    Attributes:
        banks: the model's own features, then those of each variant.
        which: (segments,) int64 bank of each segment.
        segments: (segments,) int64 positions of the segments.
    """

    banks: Sequence[SegmentBank]
    which: Tensor
    segments: Tensor

    def rows(self) -> Tensor:
        """(segments,) number of rows of each segment, see `SegmentBank.rows_of`."""
        by_bank = torch.stack([bank.rows_of(self.segments) for bank in self.banks])
        return by_bank.gather(0, self.which[None])[0]

    def share(self, parts: int, part: int) -> Drawn:
        """One of several nearly equal parts of the segments, as `torch.tensor_split` makes them."""
        which, segments = (torch.tensor_split(values, parts)[part] for values in (self.which, self.segments))
        return replace(self, which=which, segments=segments)

    def gather(self) -> Batch:
        """The batch, its segments in their order."""
        if len(self.banks) == 1:
            return self.banks[0].gather(self.segments)
        batches, owners = [], []
        for number, bank in enumerate(self.banks):
            places = torch.nonzero(self.which == number)[:, 0]
            batches.append(bank.gather(self.segments[places]))
            owners.append(places[batches[-1].segment_of_frame])
        owner = torch.cat(owners)
        order = torch.argsort(owner, stable=True)
        emotions = self.banks[0].emotions[self.segments]
        groups = None if self.banks[0].groups is None else self.banks[0].groups[self.segments]
        return Batch(torch.cat([batch.frames for batch in batches])[order], owner[order], emotions, groups)


def draw(banks: Sequence[SegmentBank], segments: Tensor, noise: torch.Generator) -> Drawn:
    """Draw a bank for each segment, all with the same chance; nothing is drawn where there is only one.

    Args:
        banks: the model's own features, then those of each variant.
        segments: (segments,) int64 positions of the segments of a batch.
        noise: generator of the run, on the device of `segments`.
    """
    if len(banks) == 1:
        return Drawn(banks, torch.zeros_like(segments), segments)
    which = torch.randint(len(banks), segments.shape, generator=noise, device=segments.device)
    return Drawn(banks, which, segments)
