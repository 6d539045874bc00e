"""All segments of an experiment, in memory once or streamed; batches are gathered from them by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pipeline.models.base import Batch
from pipeline.training.splicing import pad_edges, splice_view

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Type of `train.precision` that is used up to the pooling; weights and what follows are always float32."""


@dataclass(frozen=True)
class SegmentBank(ABC):
    """All segments of an experiment, from which batches are gathered by position.

    Attributes:
        num_frames: (segments,) number of model frames of each segment, on the training device like `emotions`.
        emotions: (segments,) class indices.
        context: number of frames of the front end in a model frame.
        every: number of frames of the front end from one model frame to the next.
        groups: (segments,) corpus or speaker of each segment, where the classifier standardises by it.
    """

    num_frames: Tensor
    emotions: Tensor
    context: int
    every: int
    groups: Tensor | None = field(default=None, kw_only=True)

    @property
    def device(self) -> torch.device:
        """The device that training runs on."""
        return self.emotions.device

    @property
    @abstractmethod
    def dims(self) -> int:
        """Columns of a frame."""

    @abstractmethod
    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Features that contain the given segments, and the row where each begins.

        Args:
            segments: int64 positions of the segments.

        Returns:
            (rows, dims) frames of the front end, each segment's edge frames repeated for splicing, in the precision
            that the network computes in; and (segments,) rows where the segments' first model frames start.
        """

    def rows_of(self, segments: Tensor) -> Tensor:
        """(segments,) number of rows that the model frames of each segment reach over, with those repeated at edges."""
        return self.every * (self.num_frames[segments] - 1) + self.context

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
        groups = None if self.groups is None else self.groups[segments]
        return Batch(frames.unsqueeze(1), segment_of_frame, self.emotions[segments], groups)


@dataclass(frozen=True)
class ResidentBank(SegmentBank):
    """All features end to end in the memory of the training device: a step copies nothing to it.

    Attributes:
        rows: (rows, dims) padded frames of all segments.
        first_row: (segments,) row where a segment's first model frame starts.
    """

    rows: Tensor
    first_row: Tensor

    @property
    def dims(self) -> int:
        """Columns of a frame."""
        return self.rows.shape[1]

    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """All rows; see `SegmentBank.padded_rows`."""
        return self.rows, self.first_row[segments]


@dataclass(frozen=True)
class StreamedBank(SegmentBank):
    """Features read batch by batch, for experiments beyond the device's memory; the same batches to the bit.

    Attributes:
        matrices: (frames, dims) float32 matrices by position; a memory map, which the system keeps in free memory.
        left: number of frames of the front end before the centre of a model frame.
        dtype: type that the network computes in.
    """

    matrices: Sequence[np.ndarray]
    left: int
    dtype: torch.dtype

    @property
    def dims(self) -> int:
        """Columns of a frame."""
        return int(self.matrices[0].shape[1])

    def padded_rows(self, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Only the rows of these segments; see `SegmentBank.padded_rows`."""
        right = self.context - 1 - self.left
        blocks = [pad_edges(torch.from_numpy(self.matrices[index]), self.left, right) for index in segments.tolist()]
        if not blocks:  # a process without a segment of the batch
            nothing = torch.zeros(self.context, self.dims, dtype=self.dtype, device=self.device)
            return nothing, segments.new_zeros(0)
        ends = torch.tensor([len(block) for block in blocks]).cumsum(0)
        first_row = torch.cat([ends.new_zeros(1), ends[:-1]])
        rows = torch.cat(blocks).to(self.dtype)
        if self.device.type == "cuda":
            # From page-locked memory the copy runs while the device still computes.
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
    """Collect segments' features, each (num_frames, dims), into one resident bank.

    Args:
        matrices: one float32 matrix for each segment.
        emotions: class index of each segment.
        left: number of frames of the front end before the centre of a model frame.
        right: number of frames of the front end after it.
        every: number of frames of the front end from one model frame to the next (`subsample-feats --n`).
        device: device that training will run on.
        dtype: type of the bank's features, in which the network computes too.
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
    """The number of model frames of a segment of `num_frames` frames of the front end."""
    return -(-num_frames // every)


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
