"""Which image data sets there are."""

from __future__ import annotations

from studies.datasets import digits
from studies.datasets.images import ImageSet
from studies.params import DataParams


def load_images(params: DataParams) -> ImageSet:
    """A configured data set.

    Raises:
        InputError: a file of it is missing or damaged.
    """
    return digits.load()
