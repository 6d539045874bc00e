"""The interface of a classifier, which training, weights, prediction, summary and report use.

A classifier is a `torch.nn.Module`, so its numbers are tensors with names (`state_dict`), saved in safetensors without
pickle, whether they were trained by gradients or computed by a formula. A family without gradients keeps its numbers
as buffers and implements `fit`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pipeline.models.mixing import Mixing
from pipeline.models.options import Mixup
from pipeline.models.standardising import Standardise


@dataclass(frozen=True)
class Batch:
    """Frames of some segments, one after another.

    Attributes:
        frames: (frames, 1, height, dims) model frames; height is the number of spliced frames, 1 for families that
            read frames or rows.
        segment_of_frame: (frames,) int64 segment of the batch, from 0, that each frame belongs to.
        emotions: (segments,) int64 class indices.
        groups: (segments,) int64 corpus or speaker of each segment, for a classifier that standardises by it; None if
            it does not, or if they are not known.
    """

    frames: Tensor
    segment_of_frame: Tensor
    emotions: Tensor
    groups: Tensor | None = None


@dataclass(frozen=True)
class TrainingSet:
    """The training data of a classifier that is not trained by epochs.

    Attributes:
        batch: all training segments.
        class_weights: (num_classes,) weights inversely proportional to class size.
        actors: (segments,) int64 actor of each segment, so that a choice between settings keeps actors apart.
        seed: seed of everything random.
    """

    batch: Batch
    class_weights: Tensor
    actors: Tensor
    seed: int


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
        in_double: whether `prepared` gives frames in float64, as families of scikit-learn compute.
        scoring_frames: most model frames that are scored at once; scoring keeps no activations, so this is bounded by
            cache, not by memory.
        standardisation: its standardisation, which training gives its numbers before anything is learned; None without
            one.
        frames_dtype: type that standardised frames are given in; None keeps that of the features.
    """

    num_classes: int
    mixing_layers: int = 1
    mixup: Mixup | None = None
    in_double: bool = False
    scoring_frames: int = 1024
    standardisation: Standardise | None
    frames_dtype: torch.dtype | None = None

    def __init__(self) -> None:
        super().__init__()
        self.standardisation = None

    def prepared(self, batch: Batch) -> Batch:
        """The batch as `scores` and `fit` take it: standardised, if the model asks for it."""
        frames = batch.frames.double() if self.in_double else batch.frames
        if self.standardisation is not None:
            frames = self.standardisation(frames, batch.segment_of_frame, batch.groups)
            # Only now: where the level of a column is high, bf16 cannot represent the differences within it.
            frames = frames if self.frames_dtype is None else frames.to(self.frames_dtype)
        return replace(batch, frames=frames)

    @abstractmethod
    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """Unnormalised log-probabilities of the segments of a batch.

        Args:
            batch: the segments, from `prepared`.
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

    def fit(self, training: TrainingSet) -> Mapping[str, float]:
        """Learn from all training segments at once; only families that are not trained by epochs have it.

        Returns:
            What was chosen within the training folds, by name, such as the penalty of an SVM; kept with the run.
        """
        raise NotImplementedError(f"{type(self).__name__} is trained by epochs")

    def layer_rows(self) -> list[LayerRow]:
        """The layers for the summary, as Table 5 has them; the total last."""
        return [LayerRow("total", params=count_parameters(self))]


def count_parameters(module: nn.Module) -> int:
    """The number of trainable values in a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
