"""One batch over several processes: sums over all of them, and the position of each process's rows among all rows.

Where a process trains alone, no function changes anything. With a process group (`torch.distributed`), all processes
call the functions in the same order; the rows of process 0 come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Place:
    """The position of this process's rows among those of all processes.

    Attributes:
        first: index of the first row of this process.
        total: number of rows of all processes.
    """

    first: int
    total: int


def processes() -> int:
    """The number of processes that train together; 1 when one trains alone."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process among them, from 0."""
    return dist.get_rank() if processes() > 1 else 0


def places(counts: tuple[int, ...], device: torch.device) -> tuple[Place, ...]:
    """The position of each kind of rows of this process; `counts` are its numbers of rows of each kind."""
    if processes() == 1:
        return tuple(Place(0, count) for count in counts)
    table = torch.zeros(processes(), len(counts), dtype=torch.int64, device=device)
    table[rank()] = torch.tensor(counts)
    dist.all_reduce(table)
    before = table[: rank()].sum(0).tolist()
    return tuple(Place(first, total) for first, total in zip(before, table.sum(0).tolist(), strict=True))


def summed(tensor: Tensor) -> Tensor:
    """The sum over all processes, on each of them; its gradient is the sum of the gradients of all processes."""
    if processes() == 1:
        return tensor
    total: Tensor = _Sum.apply(tensor)  # type: ignore[no-untyped-call]
    return total


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes, those of process 0 first, on each of them; without a gradient."""
    if processes() == 1:
        return rows
    (place,) = places((len(rows),), rows.device)
    everything = rows.new_zeros(place.total, *rows.shape[1:])
    everything[place.first : place.first + len(rows)] = rows.detach()
    dist.all_reduce(everything)
    return everything


def sum_gradients(parameters: Sequence[Tensor]) -> None:
    """Replace every gradient by the sum over all processes, in one exchange."""
    if processes() == 1:
        return
    gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in parameters]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    for parameter, part in zip(parameters, torch.split(flat, [one.numel() for one in gradients]), strict=True):
        parameter.grad = part.view(parameter.shape).clone(memory_format=torch.preserve_format)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
