"""All segments of an experiment in memory once; batches are gathered from them by index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.spectrogram import pad_edges, splice_view


PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""What `train.precision` computes in, up to the pooling; weights and what follows are float32 always."""


@dataclass(frozen=True)
class Batch:
    """Model frames of some segments, one after another.

    Attributes:
        frames: (frames, 1, height, bins).
        segment_of_frame: (frames,) int64, the segment of the batch, from 0, that each frame belongs to.
        emotions: (segments,) int64 class indices.
    """

    frames: Tensor
    segment_of_frame: Tensor
    emotions: Tensor


@dataclass(frozen=True)
class SegmentBank:
    """Normalised spectrograms of all segments, end to end, each with its edge frames repeated for splicing.

    A model frame is a view of `context` rows; only the gathered batch is copied.

    Attributes:
        rows: (spectrogram frames, bins) float32 or bfloat16 on the training device.
        first_row: (segments,) row of `rows` where a segment's first model frame starts.
        num_frames: (segments,) model frames of a segment.
        emotions: (segments,) class indices.
        context: spectrogram frames in a model frame.
        every: spectrogram frames from one model frame to the next.
    """

    rows: Tensor
    first_row: Tensor
    num_frames: Tensor
    emotions: Tensor
    context: int
    every: int

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(height, bins) of a model frame."""
        return self.context, self.rows.shape[1]

    def gather(self, segments: Tensor) -> Batch:
        """The batch of the given segments, an int64 tensor of positions, in their order."""
        counts = self.num_frames[segments]
        segment_of_frame = torch.repeat_interleave(torch.arange(len(segments), device=counts.device), counts)
        first_frame = torch.cumsum(counts, 0) - counts
        position = torch.arange(len(segment_of_frame), device=counts.device) - first_frame[segment_of_frame]
        starts = self.first_row[segments][segment_of_frame] + self.every * position
        frames = splice_view(self.rows, self.context, 1)[starts]
        return Batch(frames.unsqueeze(1), segment_of_frame, self.emotions[segments])


def make_bank(
    matrices: Iterable[np.ndarray], emotions: Sequence[int], *, left: int, right: int, every: int, device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> SegmentBank:
    """Collect segments' normalised spectrograms, each (num_frames, bins), into one resident bank.

    Args:
        matrices: one float32 matrix a segment.
        emotions: class index of each segment.
        left: spectrogram frames before the centre of a model frame.
        right: spectrogram frames after it.
        every: spectrogram frames from one model frame to the next (`subsample-feats --n`).
        device: where training will run.
        dtype: what the bank keeps, and so the precision that the network computes in.
    """
    padded, first_row, counts = [], [], []
    row = 0
    for matrix in matrices:
        block = pad_edges(torch.from_numpy(matrix).to(dtype), left, right)
        padded.append(block)
        first_row.append(row)
        counts.append(-(-matrix.shape[0] // every))
        row += block.shape[0]
    return SegmentBank(
        rows=torch.cat(padded).to(device),
        first_row=torch.tensor(first_row, device=device),
        num_frames=torch.tensor(counts, device=device),
        emotions=torch.tensor(list(emotions), device=device),
        context=left + 1 + right,
        every=every,
    )


SMALLEST_BATCH = 4
"""The standardising normalisation sees one vector a segment: of one it is an error, of two it makes +-1."""


def shuffled_batches(segments: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch's batches of positions, in an order drawn from `generator`.

    A last batch of fewer than `SMALLEST_BATCH` segments joins the batch before it.
    """
    order = segments[torch.randperm(len(segments), generator=generator).to(segments.device)]
    ends = list(range(size, len(order), size))
    if ends and len(order) - ends[-1] < SMALLEST_BATCH:
        ends.pop()
    return iter(torch.tensor_split(order, ends))


def ordered_batches(bank: SegmentBank, segments: Tensor, most_frames: int) -> Iterator[Tensor]:
    """Positions in their order, for scoring, in batches of at most `most_frames` model frames or one segment."""
    ends = []
    frames = 0
    for position, count in enumerate(bank.num_frames[segments].tolist()):
        if frames and frames + count > most_frames:
            ends.append(position)
            frames = 0
        frames += count
    return iter(torch.tensor_split(segments, ends))
