"""ResNeXt over model frames of a spectrogram (Table 5), for any kernel, width, depth and number of branches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.base import Batch, Classifier, LayerRow, count_parameters
from pipeline.models.collective import places
from pipeline.models.convolution import Convolution
from pipeline.models.layouts import LAYOUTS, BranchLayout, build_branch
from pipeline.models.mixing import Mixing
from pipeline.models.normalisation import BatchNorm1d
from pipeline.models.options import POOLED_BANDS, Constancy, Gamma, Mixup, Padding, Pooling, ShakeDrop, Shaking
from pipeline.models.shakedrop import BlockDrop, disturb, keep_probability
from pipeline.models.shaking import Draws, mix_branches
from pipeline.models.variance_constancy import VarianceConstancy, clip_gradients_by_layer, middle_frames


class Block(nn.Module):
    """One residual block: branches side by side, mixed, added to the shortcut.

    Args:
        branches: branches, each from the block's input to the same shape.
        shortcut: module from the block's input to that shape; a result of no dimensions adds nothing.
        relu_after_addition: whether a ReLU follows the addition.
        shaking: options of shaking; None for none.
        shakedrop: ShakeDrop of this block; None for none.
    """

    def __init__(
        self,
        branches: Iterable[nn.Module],
        shortcut: nn.Module,
        *,
        relu_after_addition: bool,
        shaking: Shaking | None,
        shakedrop: BlockDrop | None = None,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.shortcut = shortcut
        self.relu_after_addition = relu_after_addition
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


def block_of(
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
    shakedrop: BlockDrop | None = None,
) -> Block:
    """A block of a layout.

    Args:
        layout: layout of the branches.
        in_channels: number of channels of the input.
        out_channels: number of channels of the output.
        first_of_stage: whether the shortcut is a 1 x 1 convolution instead of the identity.
        branches: number of branches.
        kernel: size of the kernel of every convolution of a branch.
        padding: rule of the padding, see `build_branch`.
        shaking: options of shaking; None for none.
        stride: stride of the branches' first convolutions and of the shortcut.
        bias: whether convolutions have a bias.
        shortcut: another shortcut than that convolution or the identity.
        shakedrop: ShakeDrop of this block; None for none.
    """
    built = [
        build_branch(layout, in_channels, out_channels, kernel, padding, stride=stride, bias=bias)
        for _ in range(branches)
    ]
    # The shortcut reads the block's raw input; only the first block of a stage changes the width.
    if shortcut is None:
        shortcut = (
            Convolution(in_channels, out_channels, 1, stride=stride, bias=bias) if first_of_stage else nn.Identity()
        )
    return Block(built, shortcut, relu_after_addition=layout.relu_after_addition, shaking=shaking, shakedrop=shakedrop)


class ResNeXt(Classifier):
    """Preliminary convolution, stages of residual blocks, mean pooling over a segment, dropout, affine layer.

    Frames of all segments of a batch are concatenated, so segments of any length share a batch and no padding enters
    a normalisation or the pooling.

    Args:
        layout: layout of the branches.
        kernel: (spectrogram frames, frequency bins) of every convolution.
        widths: numbers of channels of the preliminary convolution, then of each stage.
        blocks: numbers of residual blocks of each stage.
        branches: number of branches of each block.
        num_classes: number of classes.
        frame_shape: (height, bins) of a model frame; 16 x 257 in the paper.
        pooling: kind of pooling; `bands` averages over time and within 8 frequency bands of each channel, `bins` over
            time and channels at each frequency bin.
        padding: `paired` or `same`, see `build_branch`.
        dropout: probability that an input of the affine layer is dropped.
        gamma0: initial scale of the normalisations in residual blocks.
        shaking: options of shaking; None for none.
        shakedrop: options of ShakeDrop; None for none.
        mixup: options of Mixup in training; None for none.
        constancy: options of the variance constancy loss, which is added to that of the classes; None for none.
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
        pooling: Pooling = "bands",
        padding: Padding = "paired",
        dropout: float = 0.5,
        gamma0: Gamma = 1.0,
        shaking: Shaking | None = None,
        shakedrop: ShakeDrop | None = None,
        mixup: Mixup | None = None,
        constancy: Constancy | None = None,
    ) -> None:
        super().__init__()
        self.num_classes, self.mixup = num_classes, mixup
        self.kernel, self.widths = kernel, tuple(widths)
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
                    block_of(
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
        # Places: before the first convolution, and before each stage.
        self.mixing_layers = 1 + len(self.stages)
        # It looks for the ReLUs of the branches, so it is made after them.
        self.constancy = None if constancy is None else VarianceConstancy(self, constancy)

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`."""
        scores: Tensor = self(batch.frames, batch.segment_of_frame, len(batch.emotions), noise, mixing)
        return scores

    @contextmanager
    def penalty(self, batch: Batch) -> Iterator[Callable[[], Tensor]]:
        """Yield a function that returns the variance constancy loss of the block, or 0 without `constancy`."""
        if self.constancy is None:
            yield lambda: batch.frames.new_zeros((), dtype=torch.float32)
        else:
            # Frames of one segment resemble each other, so only one of each segment is a row of the samples.
            rows = middle_frames(batch.segment_of_frame, len(batch.emotions))
            with self.constancy.watching(self, rows) as penalty:
                yield penalty

    def before_step(self) -> None:
        """Clip the gradients of each layer if there is a variance constancy loss (section 2.4 of its paper)."""
        if self.constancy is not None:
            clip_gradients_by_layer(self, self.constancy.options.clip)

    def layer_rows(self) -> list[LayerRow]:
        """The rows of Table 5, the total last."""
        size = f"{self.kernel[0]}x{self.kernel[1]}"
        rows = [LayerRow("prelim-conv", f"{size}, {self.widths[0]}", 1, "1,1", count_parameters(self.prelim))]
        for width, stage in zip(self.widths[1:], self.stages, strict=True):
            structure = f"{size}, {width}; {size}, {width}"
            depth = len(list(stage.children()))
            rows.append(LayerRow(f"res-{width}", structure, depth, "1,1", count_parameters(stage)))
        affine = self.affine
        rows += [
            LayerRow("average"),
            LayerRow("affine", f"{affine.in_features}x{affine.out_features}", params=count_parameters(affine)),
        ]
        if self.constancy is not None:
            rows.append(LayerRow("vcl", "beta of each unit", params=count_parameters(self.constancy)))
        return [*rows, LayerRow("total", params=count_parameters(self))]

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
                compute in that precision up to the pooling.
            segment_of_frame: (frames,) int64 segment, from 0, that each frame belongs to.
            num_segments: number of segments in the batch.
            generator: generator of shaking and dropout, on the frames' device; needed in training mode.
            mixing: mixtures of segments, before one of the `mixing_layers`; None for none.

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
        """Dropout from the run's own generator (PyTorch's dropout uses the global one)."""
        if not self.training or self.dropout == 0:
            return inputs
        if draws is None:
            raise ValueError("dropout in training mode draws its mask: pass a generator")
        # Drawn for the whole batch, of which this process may hold a part.
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
    pooling: Pooling = "bands",
    padding: Padding = "paired",
    dropout: float = 0.5,
    gamma0: Gamma = 1.0,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
    mixup: Mixup | None = None,
    constancy: Constancy | None = None,
    seed: int = 0,
) -> ResNeXt:
    """A ResNeXt of a named layout with PyTorch's default initialisation, drawn from `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNeXt(
            LAYOUTS[layout], kernel=kernel, widths=widths, blocks=blocks, branches=branches, num_classes=num_classes,
            frame_shape=frame_shape, pooling=pooling, padding=padding, dropout=dropout, gamma0=gamma0, shaking=shaking,
            shakedrop=shakedrop, mixup=mixup, constancy=constancy,
        )  # fmt: skip


def decaying(options: ShakeDrop | None, blocks: int) -> list[BlockDrop | None]:
    """The ShakeDrop of every block, from the first."""
    if options is None:
        return [None] * blocks
    return [
        BlockDrop(keep_probability(block, blocks, options.last_keep), options.level) for block in range(1, blocks + 1)
    ]


def _start_scales(stages: nn.Module, gamma0: Gamma) -> None:
    """Start the scale of every normalisation at gamma0 (section 4.2), or at U(0, 1) as PyTorch did up to 1.1.

    Called last, so that with `uniform` the convolutions start with the same weights as with any other gamma0.
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
