"""ResNeXt for images, made of the blocks of the speech models; an image takes the place of a model frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.collective import Place
from pipeline.models.convolution import Convolution
from pipeline.models.layouts import BranchLayout
from pipeline.models.mixing import Mixing
from pipeline.models.normalisation import BatchNorm2d
from pipeline.models.options import ShakeDrop, Shaking
from pipeline.models.resnext import Block, block_of, decaying
from pipeline.models.shaking import Draws

KERNEL = (3, 3)

Shortcut = Literal["projection", "shifted", "none"]


class ShiftedShortcut(nn.Module):
    """Gastaldi's shortcut where widths differ: two 1 x 1 paths, the second one pixel off, side by side.

    With a stride, the two paths see different pixels, so none is skipped along the diagonal.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        half = out_channels // 2
        self.straight = Convolution(in_channels, half, 1, bias=False)
        self.shifted = Convolution(in_channels, out_channels - half, 1, bias=False)
        self.normalisation = BatchNorm2d(out_channels)

    def forward(self, images: Tensor) -> Tensor:
        """(images, in_channels, height, width) to (images, out_channels, height / stride, width / stride)."""
        active = F.relu(images)
        # Moved right and down by a pixel: zeros come in at the left and above.
        moved = F.pad(active, (1, -1, 1, -1))
        halves = [path(part[..., :: self.stride, :: self.stride])
                  for path, part in ((self.straight, active), (self.shifted, moved))]  # fmt: skip
        joined: Tensor = self.normalisation(torch.cat(halves, dim=1))
        return joined


class NoShortcut(nn.Module):
    """The shortcut of a block without one: it adds nothing."""

    def forward(self, images: Tensor) -> Tensor:
        """Zero, of no dimensions."""
        return images.new_zeros(())


class ImageResNeXt(nn.Module):
    """Stem, residual blocks, mean pooling over the image, affine layer.

    Args:
        stem: what precedes the blocks.
        stages: residual blocks, stage by stage.
        affine: the affine layer.
        final_relu: whether a ReLU stands before the pooling.
    """

    def __init__(
        self, stem: nn.Module, stages: Sequence[Sequence[Block]], affine: nn.Linear, *, final_relu: bool
    ) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(chain.from_iterable(stages))
        self.stage_starts = tuple([0, *accumulate(map(len, stages))][:-1])
        self.final_relu = final_relu
        self.affine = affine

    @property
    def mixing_layers(self) -> int:
        """Number of places where images may be mixed: before the stem, and before each stage."""
        return 1 + len(self.stage_starts)

    def forward(self, images: Tensor, generator: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """(images, channels, height, width) to (images, num_classes) unnormalised log-probabilities.

        The generator is the source of shaking, on the images' device; needed in training mode with shaking. `mixing`
        takes place before one of the `mixing_layers`; an image is both a frame and a segment for it.
        """
        scores: Tensor = self.affine(self.embed(images, generator, mixing))
        return scores

    def embed(self, images: Tensor, generator: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """(images, channels of the last block) inputs of the affine layer."""
        index = torch.arange(len(images), device=images.device)
        place = Place(0, len(images))
        draws = Draws(generator, place, place) if self.training and generator is not None else None
        mixed_at = None if mixing is None else mixing.layer
        hidden = self.stem(images if mixing is None or mixed_at != 0 else mixing(images))
        for number, block in enumerate(self.blocks):
            if mixing is not None and mixed_at and number == self.stage_starts[mixed_at - 1]:
                hidden = mixing(hidden)
            hidden = block(hidden, index, draws)
        if self.final_relu:
            hidden = F.relu(hidden)
        pooled: Tensor = hidden.mean(dim=(2, 3))
        return pooled


def image_resnext(
    layout: BranchLayout,
    *,
    in_channels: int,
    stem: int,
    widths: Sequence[Sequence[int]],
    num_classes: int,
    branches: int = 2,
    shaking: Shaking | None = None,
    shortcut: Shortcut = "projection",
    stem_norm: bool = False,
    final_relu: bool = False,
    bias: bool = True,
    shakedrop: ShakeDrop | None = None,
) -> ImageResNeXt:
    """A network of 3 x 3 convolutions in a layout; every stage but the first halves the size of the image.

    Args:
        layout: layout of the branches.
        in_channels: number of channels of the images.
        stem: number of channels of the first 3 x 3 convolution.
        widths: numbers of channels of every block, stage by stage.
        num_classes: number of classes.
        branches: number of branches of every block.
        shaking: rules of shaking, or None; the levels `frame` and `segment` are both the image here.
        shortcut: shortcut where the width or the size changes: `projection` is a 1 x 1 convolution, `shifted`
            Gastaldi's; `none` leaves out every skip connection.
        stem_norm: whether a normalisation follows the stem.
        final_relu: whether a ReLU stands before the pooling.
        bias: whether convolutions have a bias.
        shakedrop: ShakeDrop of the last block, which the probabilities of the blocks before approach linearly, or None.
    """
    convolution = Convolution(in_channels, stem, KERNEL, padding=1, bias=bias)
    first = nn.Sequential(convolution, BatchNorm2d(stem)) if stem_norm else nn.Sequential(convolution)
    stages: list[list[Block]] = []
    channels = stem
    drops = iter(decaying(shakedrop, sum(map(len, widths))))
    for number, stage in enumerate(widths):
        stages.append([])
        for position, width in enumerate(stage):
            stride = 2 if number and position == 0 else 1
            changes = stride != 1 or width != channels
            other: nn.Module | None = None
            if shortcut == "none":
                other = NoShortcut()
            elif shortcut == "shifted" and changes:
                other = ShiftedShortcut(channels, width, stride)
            stages[-1].append(
                block_of(
                    layout,
                    channels,
                    width,
                    first_of_stage=changes,
                    branches=branches,
                    kernel=KERNEL,
                    padding="paired",
                    shaking=shaking,
                    stride=stride,
                    bias=bias,
                    shortcut=other,
                    shakedrop=next(drops),
                )
            )
            channels = width
    return ImageResNeXt(first, stages, nn.Linear(channels, num_classes), final_relu=final_relu)
