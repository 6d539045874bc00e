"""All segments of an experiment, in memory once or streamed; batches are gathered from them by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.frontends.spectrogram import pad_edges, splice_view

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
class SegmentBank(ABC):
    """All segments of an experiment, from which batches are gathered by position.

    Attributes:
        num_frames: (segments,) model frames of a segment, on the training device as all that follows.
        emotions: (segments,) class indices.
        context: spectrogram frames in a model frame.
        every: spectrogram frames from one model frame to the next.
    """

    num_frames: Tensor
    emotions: Tensor
    context: int
    every: int

    @property
    def device(self) -> torch.device:
        """Where training runs."""
        return self.emotions.device

    @abstractmethod
    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Spectrograms that hold the given segments, and where each begins.

        Args:
            segments: int64 positions.

        Returns:
            (rows, bins) spectrogram frames, each segment's edge frames repeated for splicing, in the precision that
            the network is to compute in; and (segments,) the row where a segment's first model frame starts.
        """

    def gather(self, segments: Tensor) -> Batch:
        """The batch of the given segments, an int64 tensor of positions, in their order.

        A model frame is a view of `context` rows; only the gathered batch is copied.
        """
        rows, first_row = self.padded_rows(segments)
        counts = self.num_frames[segments]
        segment_of_frame = torch.repeat_interleave(torch.arange(len(segments), device=counts.device), counts)
        first_frame = torch.cumsum(counts, 0) - counts
        position = torch.arange(len(segment_of_frame), device=counts.device) - first_frame[segment_of_frame]
        starts = first_row[segment_of_frame] + self.every * position
        frames = splice_view(rows, self.context, 1)[starts]
        return Batch(frames.unsqueeze(1), segment_of_frame, self.emotions[segments])


@dataclass(frozen=True)
class ResidentBank(SegmentBank):
    """All spectrograms end to end in the memory of the training device: a step copies nothing to it.

    Attributes:
        rows: (rows, bins) of all segments.
        first_row: (segments,) row where a segment's first model frame starts.
    """

    rows: Tensor
    first_row: Tensor

    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """All rows; see `SegmentBank.padded_rows`."""
        return self.rows, self.first_row[segments]


@dataclass(frozen=True)
class StreamedBank(SegmentBank):
    """Spectrograms read batch by batch, for experiments beyond the device's memory; the same batches to the bit.

    Attributes:
        matrices: (frames, bins) float32 by position; a memory map, which the system keeps as far as memory goes.
        left: spectrogram frames before the centre of a model frame.
        dtype: what the network is to compute in.
    """

    matrices: Sequence[np.ndarray]
    left: int
    dtype: torch.dtype

    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of these segments alone; see `SegmentBank.padded_rows`."""
        right = self.context - 1 - self.left
        blocks = [pad_edges(torch.from_numpy(self.matrices[index]), self.left, right) for index in segments.tolist()]
        ends = torch.tensor([len(block) for block in blocks]).cumsum(0)
        first_row = torch.cat([ends.new_zeros(1), ends[:-1]])
        rows = torch.cat(blocks).to(self.dtype)
        if self.device.type == "cuda":
            # From page-locked memory the copy runs beside what the device still computes.
            rows = rows.pin_memory()
        return rows.to(self.device, non_blocking=True), first_row.to(self.device)


def make_bank(
    matrices: Iterable[np.ndarray],
    emotions: Sequence[int],
    *,
    left: int,
    right: int,
    every: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> ResidentBank:
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
        counts.append(model_frames(matrix.shape[0], every))
        row += block.shape[0]
    return ResidentBank(
        num_frames=torch.tensor(counts, device=device),
        emotions=torch.tensor(list(emotions), device=device),
        context=left + 1 + right,
        every=every,
        rows=torch.cat(padded).to(device),
        first_row=torch.tensor(first_row, device=device),
    )


def model_frames(num_frames: int, every: int) -> int:
    """Model frames of a segment of `num_frames` spectrogram frames."""
    return -(-num_frames // every)


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
