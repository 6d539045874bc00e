"""Labelled images as values, and how pixels become inputs of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Labelled images.

    Attributes:
        pixels: (images, channels, height, width) float32, standardised by the training images.
        labels: (images,) int64 classes, from 0.
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Images:
        """The same images on a device."""
        return Images(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True)
class ImageSet:
    """A data set of training and test images.

    Attributes:
        name: its key.
        num_classes: number of classes.
        train: training images.
        test: test images.
    """

    name: str
    num_classes: int
    train: Images
    test: Images

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width


RawImages = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""(images, channels, height, width) grey or colour levels, and (images,) classes."""


def standardised(name: str, num_classes: int, train: RawImages, test: RawImages) -> ImageSet:
    """Levels to inputs: each channel less the training images' mean, divided by their standard deviation.

    Both are over all pixels of the channel (Gastaldi's preparation of CIFAR).
    """
    # In float64 without a copy of all images in it: sums of levels are exact integers.
    levels = train[0]
    count = levels.size // levels.shape[1]
    mean = levels.sum(axis=(0, 2, 3), dtype=np.int64) / count
    squares = np.square(levels, dtype=np.uint16).sum(axis=(0, 2, 3), dtype=np.int64) / count
    deviation = np.sqrt(squares - mean**2)
    deviation[deviation == 0] = 1.0

    def prepared(raw: RawImages) -> Images:
        pixels = torch.from_numpy(raw[0].astype(np.float32))
        pixels.sub_(torch.tensor(mean).float().view(1, -1, 1, 1))
        pixels.div_(torch.tensor(deviation).float().view(1, -1, 1, 1))
        return Images(pixels, torch.from_numpy(raw[1]))

    return ImageSet(name, num_classes, prepared(train), prepared(test))
