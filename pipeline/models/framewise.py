"""Networks that read the frames of a segment one after another: log-mel bands, or frames of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.core.features import Shape
from pipeline.models.base import Batch, Classifier, LayerRow, count_parameters
from pipeline.models.convolving import Convolutions
from pipeline.models.dropping import drop
from pipeline.models.mixing import Mixing
from pipeline.models.options import FramePooling
from pipeline.models.pooling import SegmentPooling
from pipeline.models.recurrent import Recurrent


class LayerWeights(nn.Module):
    """The weighted sum of the descriptions of a frame by several layers of an encoder.

    The weights are a softmax, times a scale (Peters et al. 2018, arXiv 1802.05365, equation 1).
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, frames: Tensor) -> Tensor:
        """(frames, layers * width) to (frames, width)."""
        weights = (self.scale * self.logits.softmax(0)).to(frames.dtype)
        combined: Tensor = weights @ frames.view(len(frames), len(weights), frames.shape[1] // len(weights))
        return combined


class FramewiseNetwork(Classifier):
    """Convolutions or none, an LSTM or none, a projection or none, pooling over a segment, hidden layers, scores.

    Nothing computes over padding: a segment has the same scores alone and in a batch, except for rounding.

    Args:
        dims: number of columns of a frame.
        num_classes: number of classes.
        every: number of frames from one that is read to the next.
        layers: number of equal blocks of columns that are weighted and summed first; 1 for none.
        channels: numbers of channels of blocks of convolutions; empty for none.
        halvings: number of these blocks, from the first, that halve time.
        lstm: number of units of an LSTM in each direction; 0 for none.
        hidden: number of values of a frame after a projection; 0 for none.
        pooling: kind of pooling over a segment.
        mlp: widths of the hidden layers between pooling and scores.
        dropout: probability that a value is dropped, after the projection or LSTM and after every hidden layer.
    """

    scoring_frames = 8192

    def __init__(
        self,
        dims: int,
        num_classes: int,
        *,
        every: int = 1,
        layers: int = 1,
        channels: Sequence[int] = (),
        halvings: int = 0,
        lstm: int = 0,
        hidden: int = 0,
        pooling: FramePooling = "attention",
        mlp: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_classes, self.every, self.dropout = num_classes, every, dropout
        self.layer_weights = LayerWeights(layers) if layers > 1 else None
        width = dims // layers
        self.convolutions = Convolutions(channels, halvings, width) if channels else None
        width = self.convolutions.outputs if self.convolutions else width
        self.recurrent = Recurrent(width, lstm) if lstm else None
        width = self.recurrent.outputs if self.recurrent else width
        self.projection = nn.Sequential(nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.ReLU()) if hidden else None
        self.pooling = SegmentPooling(pooling, hidden or width)
        widths = [self.pooling.outputs, *mlp]
        self.mlp = nn.ModuleList(nn.Linear(old, new) for old, new in zip(widths, mlp, strict=False))
        self.affine = nn.Linear(widths[-1], num_classes)

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`."""
        if mixing is not None:
            raise ValueError("networks of frames do not mix segments")
        frames, segments, number = batch.frames.flatten(1), batch.segment_of_frame, len(batch.emotions)
        counts = torch.bincount(segments, minlength=number)
        if self.every > 1:
            position = torch.arange(len(segments), device=segments.device) - (counts.cumsum(0) - counts)[segments]
            read = (position % self.every == 0).nonzero().squeeze(1)
            frames, segments = frames[read], segments[read]
            counts = (counts + self.every - 1) // self.every
        if self.layer_weights is not None:
            frames = self.layer_weights(frames)
        if self.convolutions is not None:
            frames, segments = self.convolutions(frames, counts)
        frames = frames.to(self.affine.weight.dtype)
        if self.recurrent is not None:
            frames = self.recurrent(frames, torch.bincount(segments, minlength=number))
        if self.projection is not None:
            frames = self.projection(frames)
        pooled = self.pooling(self._drop(frames, noise), segments, number)
        for layer in self.mlp:
            pooled = self._drop(F.relu(layer(pooled)), noise)
        scores: Tensor = self.affine(pooled)
        return scores

    def layer_rows(self) -> list[LayerRow]:
        """The layers that it has, the total last."""
        parts: dict[str, nn.Module | None] = {
            "layer weights": self.layer_weights,
            "convolutions": self.convolutions,
            "lstm": self.recurrent,
            "projection": self.projection,
            f"pooling ({self.pooling.kind})": self.pooling,
            "hidden layers": self.mlp if len(self.mlp) else None,
            "affine": self.affine,
        }
        rows = [LayerRow(name, params=count_parameters(part)) for name, part in parts.items() if part is not None]
        return [*rows, LayerRow("total", params=count_parameters(self))]

    def _drop(self, values: Tensor, noise: torch.Generator | None) -> Tensor:
        return drop(values, self.dropout, noise) if self.training else values


def build_framewise(
    shape: Shape,
    num_classes: int,
    *,
    every: int,
    channels: Sequence[int],
    halvings: int,
    lstm: int = 0,
    hidden: int = 0,
    pooling: FramePooling,
    mlp: Sequence[int],
    dropout: float,
    seed: int,
) -> FramewiseNetwork:
    """A network with PyTorch's default initialisation, drawn from `seed` alone; see `FramewiseNetwork`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FramewiseNetwork(
            shape.dims, num_classes, every=every, layers=shape.layers, channels=channels, halvings=halvings, lstm=lstm,
            hidden=hidden, pooling=pooling, mlp=mlp, dropout=dropout,
        )  # fmt: skip
