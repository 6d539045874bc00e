"""The order in which training items are seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

SMALLEST_BATCH = 4
"""The last normalisation has one vector for each segment: with one segment it fails, with two it gives only +-1."""


def shuffled_batches(items: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch's batches of item positions, in an order drawn from `generator`.

    A last batch of fewer than `SMALLEST_BATCH` items joins the batch before it.
    """
    order = items[torch.randperm(len(items), generator=generator).to(items.device)]
    ends = list(range(size, len(order), size))
    if ends and len(order) - ends[-1] < SMALLEST_BATCH:
        ends.pop()
    return iter(torch.tensor_split(order, ends))
