"""Dropout from the run's own generator: PyTorch's draws from the global one."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.models.collective import places


def drop(values: Tensor, probability: float, noise: torch.Generator | None) -> Tensor:
    """Dropout in training mode.

    Args:
        values: (rows, features) rows of this process.
        probability: probability that a value is dropped.
        noise: generator of the run, on the values' device.

    Returns:
        The values, of which some are 0 and the others divided by 1 - probability.

    Raises:
        ValueError: there is no generator.
    """
    if probability == 0:
        return values
    if noise is None:
        raise ValueError("dropout in training mode draws its mask: pass a generator")
    # Drawn for the whole batch, of which this process may hold a part.
    (place,) = places((len(values),), values.device)
    kept = values.new_empty(place.total, values.shape[1]).bernoulli_(1 - probability, generator=noise)
    return values * kept[place.first : place.first + len(values)] / (1 - probability)
