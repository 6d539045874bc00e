"""The image data sets by name."""

from __future__ import annotations

from pathlib import Path

from studies.datasets import cifar, digits, mnist, tiny_imagenet
from studies.datasets.images import ImageSet
from studies.datasets.params import DataParams


def load_images(params: DataParams) -> ImageSet:
    """A configured data set.

    Raises:
        InputError: a file of it is missing or damaged.
    """
    if params.name == "digits":
        return digits.load()
    folder = Path(params.folder)
    if params.name == "mnist":
        return mnist.load(folder)
    if params.name == "tiny_imagenet":
        return tiny_imagenet.load(folder)
    return cifar.load(folder, cifar.CIFAR10 if params.name == "cifar10" else cifar.CIFAR100)
