"""An LSTM over the frames of segments of different lengths, packed, so that no padding is read."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Recurrent(nn.Module):
    """A bidirectional LSTM of one layer.

    Args:
        inputs: number of values of a frame.
        units: number of units in each direction.

    Attributes:
        outputs: number of values of a frame afterwards.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True, bidirectional=True)
        self.outputs = 2 * units

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """(frames, inputs) frames of all segments, of which each has `counts`, to (frames, outputs)."""
        if len(counts) == 0:
            # A process without a segment of the batch still takes its part in the backward pass of what came before.
            return frames @ frames.new_zeros(frames.shape[1], self.outputs)
        number, longest = len(counts), int(counts.max())
        real = torch.arange(longest, device=counts.device) < counts[:, None]
        where = real.flatten().nonzero().squeeze(1)
        padded = frames.new_zeros(number * longest, frames.shape[1]).index_copy(0, where, frames)
        packed = pack_padded_sequence(
            padded.view(number, longest, -1), counts.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        described: Tensor = outputs.flatten(0, 1).index_select(0, where)
        return described
