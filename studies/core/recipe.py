"""The recipe of the studies on images: optimisation and augmentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.settings import Count
from pipeline.training.params import Recipe


class ImageRecipe(Recipe):
    """A recipe for images.

    Attributes:
        augment: `crop_flip` pads, crops at random and mirrors half the images; `crop` does not mirror.
        padding: zeros on each side before a crop; 4 for CIFAR (He et al. 2015, section 4.2).
        normalise_over: number of images that are normalised together in training, with a shaking weight of the level
            `batch` of their own: 64 is a batch of 128 on two GPUs, as Gastaldi trained. Running statistics are those of
            the first part of a batch, as there. None: the whole batch.
    """

    augment: Literal["none", "crop", "crop_flip"] = "none"
    padding: Count = 4
    normalise_over: Annotated[int, Field(ge=2)] | None = None
