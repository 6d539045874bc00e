"""Masks over time and frequency on training segments (SpecAugment, Park et al. 2019, arXiv 1904.08779)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.models.base import Batch
from pipeline.training.params import Augment


@dataclass(frozen=True)
class Masks:
    """The masks of the segments of a batch; each covers what lies from its begin to before its end.

    Attributes:
        times: (segments, masks, 2) int64 begins and ends in rows of the front end, from the segment's first.
        columns: (segments, masks, 2) int64 begins and ends in columns.
    """

    times: Tensor
    columns: Tensor

    def share(self, parts: int, part: int) -> Masks:
        """The masks of one of several nearly equal parts of the segments, as `torch.tensor_split` makes them."""
        return Masks(*(torch.tensor_split(masks, parts)[part] for masks in (self.times, self.columns)))


def draw_masks(augment: Augment, rows: Tensor, dims: int, noise: torch.Generator) -> Masks:
    """Draw masks for segments of these numbers of rows.

    Args:
        augment: numbers of masks and largest widths.
        rows: (segments,) int64 number of rows of each segment.
        dims: number of columns.
        noise: generator of the run, on the device of `rows`.
    """
    columns = torch.full_like(rows, dims)
    return Masks(
        _drawn(augment.time_masks, augment.time_width, rows, noise),
        _drawn(augment.frequency_masks, augment.frequency_width, columns, noise),
    )


def masked(batch: Batch, masks: Masks, every: int) -> Batch:
    """The batch with zeros under the masks.

    In spliced frames a row of the front end is masked in every model frame that contains it.

    Args:
        batch: segments, standardised if the model asks for it.
        masks: masks of these segments.
        every: number of rows from one model frame to the next.
    """
    segments = batch.segment_of_frame
    counts = torch.bincount(segments, minlength=len(batch.emotions))
    position = torch.arange(len(segments), device=segments.device) - (counts.cumsum(0) - counts)[segments]
    height, dims = batch.frames.shape[2:]
    row = every * position[:, None] + torch.arange(height, device=segments.device)
    column = torch.arange(dims, device=segments.device).expand(len(counts), dims)
    kept = ~(_covered(row, masks.times[segments])[:, :, None] | _covered(column, masks.columns)[segments, None])
    return replace(batch, frames=batch.frames * kept.unsqueeze(1).to(batch.frames.dtype))


def _drawn(number: int, width: int, sizes: Tensor, noise: torch.Generator) -> Tensor:
    """(segments, number, 2) begins and ends of masks of 0 to `width` places, at most half of each size."""
    chances = torch.rand(2, len(sizes), number, generator=noise, device=sizes.device, dtype=torch.float64)
    most = (sizes // 2).clamp_max(width)[:, None]
    widths = (chances[0] * (most + 1)).long()
    begins = (chances[1] * (sizes[:, None] - widths + 1)).long()
    return torch.stack([begins, begins + widths], dim=2)


def _covered(places: Tensor, masks: Tensor) -> Tensor:
    """(rows, places) whether a mask of the row covers the place; `masks` are (rows, masks, 2)."""
    inside = (places[:, :, None] >= masks[:, None, :, 0]) & (places[:, :, None] < masks[:, None, :, 1])
    return inside.any(2)
