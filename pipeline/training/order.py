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
    return _split(items[torch.randperm(len(items), generator=generator).to(items.device)], size)


def balanced_batches(items: Tensor, classes: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """One epoch's batches in which every class is seen equally often, as many items as there are.

    Of a large class some items are left out, other ones in every epoch; those of a small class are all seen, then all
    again in another order, until there are enough. What does not divide evenly goes to classes drawn at random.

    Args:
        items: positions of the items.
        classes: (items,) class of each.
        size: number of items in a batch.
        generator: generator of the order, on the CPU.
    """
    classes = classes.cpu()
    where = [(classes == name).nonzero().squeeze(1) for name in sorted(set(classes.tolist()))]
    shares = torch.full((len(where),), len(items) // len(where))
    shares[torch.randperm(len(where), generator=generator)[: len(items) % len(where)]] += 1
    chosen = []
    for members, share in zip(where, shares.tolist(), strict=True):
        rounds = [torch.randperm(len(members), generator=generator) for _ in range(-(-share // len(members)))]
        chosen.append(members[torch.cat([members.new_empty(0), *rounds])[:share]])
    order = torch.cat(chosen)
    order = order[torch.randperm(len(order), generator=generator)]
    return _split(items[order.to(items.device)], size)


def _split(order: Tensor, size: int) -> Iterator[Tensor]:
    ends = list(range(size, len(order), size))
    if ends and len(order) - ends[-1] < SMALLEST_BATCH:
        ends.pop()
    return iter(torch.tensor_split(order, ends))
