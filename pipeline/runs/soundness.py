"""Checks of a file of weights from elsewhere: its description must fit its tensors, before memory is taken for them.

A header of a few kilobytes can ask for a network that exhausts memory or is never built. So numbers have bounds, and
the classifier is first built on PyTorch's device `meta`, where tensors have shapes and no content, with no more tensors
than the file has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registration

from pipeline.core.wording import listed, printable
from pipeline.models.family import Design
from pipeline.models.forest import Forest
from pipeline.models.registry import family
from pipeline.models.standardising import Standardise

LARGEST = 1_000_000
"""Largest whole number in the description of a classifier."""

LARGEST_SUM = 10_000_000
"""Largest sum of all of them: lists of blocks and widths are as long as a file makes them."""

LARGEST_IN_FRONT_END = 4096
"""Largest whole number among the options of a front end, which builds matrices of that size."""


def refuse_large_numbers(place: str, values: object, largest: int = LARGEST) -> int:
    """Make sure that all whole numbers within values are bounded; returns the sum of their sizes.

    Raises:
        ValueError: one is too large.
    """
    if isinstance(values, bool) or values is None or isinstance(values, str | float):
        return 0
    if isinstance(values, int):
        if abs(values) > largest:
            raise ValueError(f"{place} is {str(values)[:20]}; expected at most {largest}")
        return abs(values)
    if isinstance(values, Mapping):
        return sum(refuse_large_numbers(f"{place}.{printable(str(key))}", one, largest) for key, one in values.items())
    if isinstance(values, list | tuple):
        return sum(refuse_large_numbers(place, one, largest) for one in values)
    raise ValueError(f"{place} holds a {type(values).__name__}; expected what JSON has")


def refuse_other_tensors(design: Design, tensors: Mapping[str, Tensor]) -> None:
    """Make sure that tensors are those of the classifier of a design, without memory for it.

    Raises:
        ValueError: they are not; or the numbers that a family keeps in tensors contradict each other.
    """
    with torch.device("meta"), _at_most(len(tensors)):
        network = family(design.model.family).classifier(design, 0)
    expected = network.state_dict()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ValueError(f"tensors are missing: {listed(missing)}")
    if unknown := sorted(tensors.keys() - expected.keys()):
        raise ValueError(f"tensors are not those of the classifier: {listed(map(printable, unknown))}")
    for name, like in expected.items():
        if tensors[name].dtype != like.dtype:
            raise ValueError(f"{name} has numbers of the type {tensors[name].dtype}; expected {like.dtype}")
    # Families whose tensors grow with what is learned take the sizes of the file here, on `meta` too.
    network.load_state_dict({name: tensor.to("meta") for name, tensor in tensors.items()})
    for prefix, module in network.named_modules():
        own = {name: tensors[f"{prefix}.{name}" if prefix else name] for name, _ in module.named_buffers(recurse=False)}
        if isinstance(module, Standardise):
            _refuse_statistics(own, design.dims)
        elif isinstance(module, Forest):
            _refuse_trees(own, design)


@contextmanager
def _at_most(tensors: int) -> Iterator[None]:
    """End the block by an error once more parameters and buffers than this have been made in it."""
    count = 0

    def counted(owner: nn.Module, name: str, tensor: Tensor | None) -> None:
        nonlocal count
        count += tensor is not None
        if count > 2 * tensors + 100:  # a few more, so that what is missing can be named
            raise ValueError(
                f"its description is of a classifier with many more than the {tensors} tensors of the file"
            )

    handles = [
        registration.register_module_parameter_registration_hook(counted),
        registration.register_module_buffer_registration_hook(counted),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_statistics(own: Mapping[str, Tensor], dims: int) -> None:
    mean, deviation = own["mean"], own["deviation"]
    if mean.ndim != 2 or len(mean) < 1 or mean.shape[1] != dims or deviation.shape != mean.shape:
        raise ValueError(
            f"means and deviations have the shapes {[*mean.shape]} and {[*deviation.shape]}; expected a row of {dims} "
            "for each group in both"
        )


def _refuse_trees(own: Mapping[str, Tensor], design: Design) -> None:
    """A forest's nodes: each inner one has children behind itself, so that every way down ends at a leaf."""
    nodes = len(own["threshold"]) if own["threshold"].ndim == 1 else 0
    shapes = {"root": own["root"].shape[:1], "child": (nodes, 2), "feature": (nodes,), "threshold": (nodes,),
              "share": (nodes, design.num_classes)}  # fmt: skip
    if nodes == 0 or own["root"].numel() == 0 or any(own[name].shape != shape for name, shape in shapes.items()):
        raise ValueError(f"trees have tensors of the shapes {[[*tensor.shape] for tensor in own.values()]}")
    root, child, feature = own["root"].long(), own["child"].long(), own["feature"].long()
    place = torch.arange(nodes)[:, None]
    leaf, inner = (child == place).all(dim=1), ((child > place) & (child < nodes)).all(dim=1)
    if not (leaf | inner).all() or root.min() < 0 or root.max() >= nodes:
        raise ValueError("the children of a node of its trees are not behind it, so a way down might never end")
    if feature.min() < 0 or feature.max() >= design.dims:
        raise ValueError(f"its trees compare column {int(feature.max()) + 1}; expected at most {design.dims}")
