"""A family of classifiers that is not trained by epochs: the class whose centre is nearest to a segment's mean row."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from pipeline.models.base import Batch, Classifier, TrainingSet
from pipeline.models.family import Design, Family
from pipeline.models.mixing import Mixing
from pipeline.models.options import ModelParams


class CentroidParams(ModelParams):
    """Options; `scale` multiplies the negative squared distances, which are the scores."""

    scale: Annotated[float, Field(gt=0)] = 1.0


class Centroid(Classifier):
    """Its numbers are the classes' centres, (classes, columns)."""

    def __init__(self, num_classes: int, dims: int, scale: float) -> None:
        super().__init__()
        self.num_classes, self.scale = num_classes, scale
        self.register_buffer("centres", torch.zeros(num_classes, dims))

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """Negative squared distances to the centres."""
        return -self.scale * (means(batch)[:, None] - self.centres).square().mean(2)

    def fit(self, training: TrainingSet) -> dict[str, float]:
        """Take the mean of each class's segments."""
        batch = training.batch
        rows = means(batch)
        self.centres.copy_(torch.stack([rows[batch.emotions == index].mean(0) for index in range(self.num_classes)]))
        return {}


def means(batch: Batch) -> Tensor:
    """(segments, columns) means over the frames of each segment."""
    frames = batch.frames.flatten(1).float()
    sums = frames.new_zeros(len(batch.emotions), frames.shape[1]).index_add_(0, batch.segment_of_frame, frames)
    return sums / torch.bincount(batch.segment_of_frame, minlength=len(sums))[:, None]


def build(design: Design, seed: int = 0) -> Centroid:
    """A classifier that has learned nothing yet."""
    assert isinstance(design.model, CentroidParams)
    return Centroid(design.num_classes, design.dims, design.model.scale)


FAMILY = Family("centroid", CentroidParams, build, reads="frames", by_epochs=False, stochastic=False)
