"""ResNeXt over model frames of a spectrogram (Table 5), for any kernel, width, depth and number of branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.collective import places
from pipeline.models.convolution import Convolution
from pipeline.models.layouts import LAYOUTS, BranchLayout, Padding, build_branch
from pipeline.models.mixing import Mixing
from pipeline.models.normalisation import BatchNorm1d
from pipeline.models.shakedrop import ShakeDrop, disturb, keep_probability
from pipeline.models.shaking import Draws, Shaking, mix_branches
from pipeline.models.variance_constancy import Constancy, VarianceConstancy

POOLED_BANDS = 8
"""Frequency bands of the pooling `bands`: 32 channels x 8 bands are Table 5's 256 inputs of the affine layer."""


class Block(nn.Module):
    """One residual block: branches side by side, mixed, added to the shortcut.

    Args:
        layout: the branches' layout.
        in_channels: of its input.
        out_channels: of its output.
        first_of_stage: its shortcut is a 1 x 1 convolution, not the identity.
        branches: how many.
        kernel: of every convolution of a branch.
        padding: see `build_branch`.
        shaking: None without.
        stride: of the branches' first convolutions and of the shortcut.
        bias: whether convolutions have one.
        shortcut: another than that convolution or the identity.
        shakedrop: None without.
    """

    def __init__(
        self,
        layout: BranchLayout,
        in_channels: int,
        out_channels: int,
        *,
        first_of_stage: bool,
        branches: int,
        kernel: tuple[int, int],
        padding: Padding,
        shaking: Shaking | None,
        stride: int = 1,
        bias: bool = True,
        shortcut: nn.Module | None = None,
        shakedrop: ShakeDrop | None = None,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            build_branch(layout, in_channels, out_channels, kernel, padding, stride=stride, bias=bias)
            for _ in range(branches)
        )
        # The shortcut sees the block's raw input; only a stage's first block changes the width.
        if shortcut is None:
            shortcut = (
                Convolution(in_channels, out_channels, 1, stride=stride, bias=bias) if first_of_stage else nn.Identity()
            )
        self.shortcut = shortcut
        self.relu_after_addition = layout.relu_after_addition
        self.shaking = shaking
        self.shakedrop = shakedrop

    def forward(self, frames: Tensor, segment_of_frame: Tensor, draws: Draws | None) -> Tensor:
        """(frames, in_channels, height, bins) to (frames, out_channels, height, bins)."""
        outputs = [branch(frames) for branch in self.branches]
        random = self.training and (self.shaking is not None or self.shakedrop is not None)
        if random and draws is None:
            raise ValueError("shaking in training mode draws its weights: pass a generator")
        if self.shaking is not None and draws is not None and self.training:
            mixed = mix_branches(outputs, self.shaking, segment_of_frame, draws)
        else:
            mixed = sum(outputs[1:], start=outputs[0]) / len(outputs)
        if self.shakedrop is not None:
            if draws is not None and self.training:
                mixed = disturb(mixed, self.shakedrop, segment_of_frame, draws)
            else:
                mixed = self.shakedrop.expectation * mixed
        summed: Tensor = mixed + self.shortcut(frames)
        return F.relu_(summed) if self.relu_after_addition else summed


class ResNeXt(nn.Module):
    """Preliminary convolution, stages of residual blocks, mean pooling over a segment, dropout, affine layer.

    Frames of all segments of a batch are concatenated, so segments of any length share a batch and no padding enters
    a normalisation or the pooling.

    Args:
        layout: the branches' layout.
        kernel: (spectrogram frames, frequency bins) of every convolution.
        widths: channels of the preliminary convolution, then of each stage.
        blocks: residual blocks of each stage.
        branches: branches of each block.
        num_classes: outputs.
        frame_shape: (height, bins) of a model frame; 16 x 257 in the paper.
        pooling: `bands` averages over time and within 8 frequency bands of each channel, `bins` over time and
            channels at each frequency bin.
        padding: `paired` or `same`, see `build_branch`.
        dropout: probability.
        gamma0: initial scale of the normalisations in residual blocks.
        shaking: None without.
        shakedrop: that of the last block, whose probability the blocks before approach linearly; None without.
        constancy: of the variance constancy loss, which the training adds to its own; None without.
    """

    def __init__(
        self,
        layout: BranchLayout,
        *,
        kernel: tuple[int, int],
        widths: Sequence[int],
        blocks: Sequence[int],
        branches: int,
        num_classes: int,
        frame_shape: tuple[int, int],
        pooling: Literal["bands", "bins"] = "bands",
        padding: Padding = "paired",
        dropout: float = 0.5,
        gamma0: float | Literal["uniform"] = 1.0,
        shaking: Shaking | None = None,
        shakedrop: ShakeDrop | None = None,
        constancy: Constancy | None = None,
    ) -> None:
        super().__init__()
        pads = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
        self.prelim = Convolution(1, widths[0], kernel, padding=pads)
        height, bins = (size + 2 * pad - k + 1 for size, pad, k in zip(frame_shape, pads, kernel, strict=True))
        if height < 1 or bins < (POOLED_BANDS if pooling == "bands" else 1):
            raise ValueError(f"model frames of {frame_shape} are too small for a kernel of {kernel}")
        self.stages = nn.ModuleList()
        channels = widths[0]
        drops = iter(decaying(shakedrop, sum(blocks)))
        for width, depth in zip(widths[1:], blocks, strict=True):
            stage = nn.ModuleList()
            for position in range(depth):
                stage.append(
                    Block(
                        layout,
                        channels,
                        width,
                        first_of_stage=position == 0,
                        branches=branches,
                        kernel=kernel,
                        padding=padding,
                        shaking=shaking,
                        shakedrop=next(drops),
                    )
                )
                channels = width
            self.stages.append(stage)
        self.pooling = pooling
        inputs = channels * POOLED_BANDS if pooling == "bands" else bins
        self.standardise = BatchNorm1d(inputs, affine=False) if layout.standardise else nn.Identity()
        self.dropout = dropout
        self.affine = nn.Linear(inputs, num_classes, bias=False)
        _start_scales(self.stages, gamma0)
        # Of all ReLUs of the branches; learned with the rest, so made when these are there.
        self.constancy = None if constancy is None else VarianceConstancy(self, constancy)

    @property
    def mixing_layers(self) -> int:
        """Places that segments may be mixed at: before the first convolution, and before each stage."""
        return 1 + len(self.stages)

    def forward(
        self,
        frames: Tensor,
        segment_of_frame: Tensor,
        num_segments: int,
        generator: torch.Generator | None = None,
        mixing: Mixing | None = None,
    ) -> Tensor:
        """Scores of segments.

        Args:
            frames: (frames, 1, height, bins) model frames of all segments, one after another; float32, or bfloat16 to
                compute up to the pooling in that.
            segment_of_frame: (frames,) int64, the segment, from 0, that each frame belongs to.
            num_segments: segments in the batch.
            generator: source of shaking and dropout, on the frames' device; needed in training mode.
            mixing: of segments, before one of the `mixing_layers`; None leaves them as they are.

        Returns:
            (num_segments, num_classes) unnormalised log-probabilities.
        """
        draws = None
        if self.training and generator is not None:
            draws = Draws(generator, *places((len(frames), num_segments), frames.device))
        hidden = frames
        for number, layer in enumerate([self.prelim, *self.stages]):
            if mixing is not None and mixing.layer == number:
                hidden, segment_of_frame = mixing(hidden), mixing.segment_of_frame
                if draws is not None:
                    draws = Draws(draws.generator, *places((len(hidden), num_segments), frames.device))
            if number == 0:
                hidden = layer(hidden)
                continue
            for block in layer:
                hidden = block(hidden, segment_of_frame, draws)
        pooled = _mean_per_segment(self._pool(hidden).to(self.affine.weight.dtype), segment_of_frame, num_segments)
        scores: Tensor = self.affine(self._drop(self.standardise(pooled), draws))
        return scores

    def _pool(self, hidden: Tensor) -> Tensor:
        """(frames, channels, height, bins) to (frames, inputs of the affine layer)."""
        if self.pooling == "bins":
            return hidden.mean(dim=(1, 2))
        return F.adaptive_avg_pool2d(hidden, (1, POOLED_BANDS)).flatten(1)

    def _drop(self, inputs: Tensor, draws: Draws | None) -> Tensor:
        """Dropout from the run's own generator (PyTorch's takes the global one)."""
        if not self.training or self.dropout == 0:
            return inputs
        if draws is None:
            raise ValueError("dropout in training mode draws its mask: pass a generator")
        # For the whole batch, of which this process may hold a part.
        kept = inputs.new_empty(draws.segments.total, inputs.shape[1])
        kept.bernoulli_(1 - self.dropout, generator=draws.generator)
        first = draws.segments.first
        return inputs * kept[first : first + len(inputs)] / (1 - self.dropout)


def build_network(
    layout: str,
    *,
    kernel: tuple[int, int],
    widths: Sequence[int],
    blocks: Sequence[int],
    branches: int,
    num_classes: int,
    frame_shape: tuple[int, int],
    pooling: Literal["bands", "bins"] = "bands",
    padding: Padding = "paired",
    dropout: float = 0.5,
    gamma0: float | Literal["uniform"] = 1.0,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
    constancy: Constancy | None = None,
    seed: int = 0,
) -> ResNeXt:
    """A ResNeXt of a named layout with PyTorch's default initialisation, drawn from `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNeXt(
            LAYOUTS[layout], kernel=kernel, widths=widths, blocks=blocks, branches=branches, num_classes=num_classes,
            frame_shape=frame_shape, pooling=pooling, padding=padding, dropout=dropout, gamma0=gamma0, shaking=shaking,
            shakedrop=shakedrop, constancy=constancy,
        )  # fmt: skip


def decaying(last: ShakeDrop | None, blocks: int) -> list[ShakeDrop | None]:
    """The ShakeDrop of every block, from the first, when that of the last is given."""
    if last is None:
        return [None] * blocks
    return [replace(last, keep=keep_probability(block, blocks, last.keep)) for block in range(1, blocks + 1)]


def _start_scales(stages: nn.Module, gamma0: float | Literal["uniform"]) -> None:
    """Start the scale of every normalisation at gamma0 (section 4.2), or at U(0, 1) as PyTorch did up to 1.1.

    Last of all, so that the draws of `uniform` leave the convolutions as they are at any other gamma0.
    """
    for layer in stages.modules():
        if isinstance(layer, nn.BatchNorm2d):
            if gamma0 == "uniform":
                nn.init.uniform_(layer.weight)
            else:
                nn.init.constant_(layer.weight, gamma0)


def _mean_per_segment(frames: Tensor, segment_of_frame: Tensor, num_segments: int) -> Tensor:
    """(frames, features) to (num_segments, features): the mean over each segment's own frames."""
    sums = frames.new_zeros(num_segments, frames.shape[1]).index_add(0, segment_of_frame, frames)
    return sums / torch.bincount(segment_of_frame, minlength=num_segments).unsqueeze(1)
