"""How the studies optimise and augment."""

from __future__ import annotations

from typing import Literal

from pipeline.core.settings import Count
from pipeline.training.params import Recipe


class ImageRecipe(Recipe):
    """A recipe for images.

    Attributes:
        augment: `crop_flip` pads, crops at random and mirrors half the images; `crop` does not mirror.
        padding: zeros on each side before a crop; 4 for CIFAR (He et al. 2015, section 4.2).
    """

    augment: Literal["none", "crop", "crop_flip"] = "none"
    padding: Count = 4
