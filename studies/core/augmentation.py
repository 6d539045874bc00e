"""Augmentation of image batches, drawn from a run's own generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from studies.core.recipe import ImageRecipe


def random_crop(pixels: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift every image by a whole number of pixels of its own, at most `padding` each way; zeros come in.

    Args:
        pixels: (images, channels, height, width).
        padding: the largest shift.
        generator: source of the shifts, on any device.
    """
    images, channels, height, width = pixels.shape
    padded = F.pad(pixels, (padding,) * 4)
    shifts = torch.randint(0, 2 * padding + 1, (2, images, 1), generator=generator, device=generator.device)
    top, left = shifts.to(pixels.device)
    rows = (top + torch.arange(height, device=pixels.device)).view(images, 1, height, 1)
    columns = (left + torch.arange(width, device=pixels.device)).view(images, 1, 1, width)
    index = torch.arange(images, device=pixels.device).view(images, 1, 1, 1)
    channel = torch.arange(channels, device=pixels.device).view(1, channels, 1, 1)
    return padded[index, channel, rows, columns]


def random_flip(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability one half."""
    flipped = torch.rand(len(pixels), generator=generator, device=generator.device) < 0.5
    return torch.where(flipped.to(pixels.device).view(-1, 1, 1, 1), pixels.flip(3), pixels)


def augmented(pixels: Tensor, recipe: ImageRecipe, generator: torch.Generator) -> Tensor:
    """A batch as a recipe augments it."""
    if recipe.augment == "none":
        return pixels
    cropped = random_crop(pixels, recipe.padding, generator)
    return random_flip(cropped, generator) if recipe.augment == "crop_flip" else cropped
