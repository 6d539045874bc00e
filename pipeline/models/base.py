"""The interface of a classifier, which training, weights, prediction, summary and report use.

A classifier is a `torch.nn.Module`, so its numbers are tensors with names (`state_dict`), saved in safetensors without
pickle, whether they were trained by gradients or computed by a formula. A family without gradients keeps its numbers
as buffers and implements `fit`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.models.mixing import Mixing
from pipeline.models.options import Mixup


@dataclass(frozen=True)
class Batch:
    """Frames of some segments, one after another.

    Attributes:
        frames: (frames, 1, height, dims) model frames; height is the number of spliced frames, 1 for families that
            read frames or rows.
        segment_of_frame: (frames,) int64 segment of the batch, from 0, that each frame belongs to.
        emotions: (segments,) int64 class indices.
    """

    frames: Tensor
    segment_of_frame: Tensor
    emotions: Tensor


@dataclass(frozen=True)
class LayerRow:
    """One row of Table 5; a value that does not apply to the layer is empty or None."""

    layer: str
    structure: str = ""
    blocks: int | None = None
    stride: str = ""
    params: int | None = None


class Classifier(nn.Module, ABC):
    """A classifier of segments.

    Attributes:
        num_classes: number of classes.
        mixing_layers: number of places where a batch may be mixed (manifold Mixup); the first is the input.
        mixup: options of Mixup in training; None without Mixup.
    """

    num_classes: int
    mixing_layers: int = 1
    mixup: Mixup | None = None

    @abstractmethod
    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """Unnormalised log-probabilities of the segments of a batch.

        Args:
            batch: the segments.
            noise: generator of everything random in training mode, on the batch's device.
            mixing: mixtures of the batch's frames; with them, the scores are those of the mixtures.

        Returns:
            (segments, num_classes) scores.
        """

    @contextmanager
    def penalty(self, batch: Batch) -> Iterator[Callable[[], Tensor]]:
        """Yield a function that returns the auxiliary loss of what the block computes: 0 unless a family has one."""
        yield lambda: batch.frames.new_zeros((), dtype=torch.float32)

    def before_step(self) -> None:
        """Called between gradients and the optimiser's step, for example to clip gradients."""

    def fit(self, batch: Batch, class_weights: Tensor, seed: int) -> None:
        """Learn from all training segments at once; only families that are not trained by epochs have it.

        Args:
            batch: all training segments.
            class_weights: (num_classes,) weights inversely proportional to class size.
            seed: seed of everything random.
        """
        raise NotImplementedError(f"{type(self).__name__} is trained by epochs")

    def layer_rows(self) -> list[LayerRow]:
        """The layers for the summary, as Table 5 has them; the total last."""
        return [LayerRow("total", params=count_parameters(self))]


def count_parameters(module: nn.Module) -> int:
    """The number of trainable values in a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
