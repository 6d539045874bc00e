"""The correlation between the branches of a block, in networks of the study of shaking rules."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor, nn

from studies.core.params import ExecutionParams
from studies.core.task import SCORED_AT_ONCE
from studies.datasets.images import Images
from studies.datasets.registry import load_images
from studies.networks.images import ImageResNeXt
from studies.shake_rules.params import ShakeRulesParams
from studies.shake_rules.runs import Spec, train_network
from studies.shake_rules.variants import BY_NAME

COMPARED = ("E-E-B", "S-S-I")
"""Variants of `studies.shake_rules`: without shaking, and with."""

OUTPUT = "output"
"""The branch as it enters the mixture, with its factor of one half."""

NUMBERS = ["covariance", "correlation", "correlation_by_item"]

COLUMNS = ["setting", "seed", "block", "left", "right", *NUMBERS]

LAYERS = ("1", "2", "3")
"""The first three layers of a branch that are its own: convolution, normalisation, ReLU. (The very first ReLU sees the
same input in both branches.)"""


@dataclass
class Comoments:
    """Sums over images of two tensors, from which the correlation of corresponding items follows.

    Gastaldi flattens both, takes the covariance "between each corresponding item", and one variance of each: all items
    of all images are pairs of one sample. That is `correlation`. Beside it stands the mean of the correlations that
    every item has over images, which an offset or scale of its own for each channel, such as a normalisation's, does
    not change.
    """

    count: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)

    def add(self, left: Tensor, right: Tensor) -> None:
        """Add the (images, ...) values of both sides."""
        x, y = (side.detach().flatten(1).double() for side in (left, right))
        parts = {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(part[0])) + part.sum(dim=0)
        self.count += len(x)

    def covariance(self) -> float:
        """Covariance over all items of all images."""
        return float(self._pooled("x", "y"))

    def correlation(self) -> float:
        """Correlation over all items of all images; NaN where one side does not vary."""
        spread = (self._pooled("x", "x") * self._pooled("y", "y")).clamp_min(0).sqrt()
        return float(self._pooled("x", "y") / spread) if spread > NO_SPREAD else math.nan

    def correlation_by_item(self) -> float:
        """Mean over items of the correlation over images, of items that vary on both sides; NaN if none does."""
        spread = (self._by_item("x", "x") * self._by_item("y", "y")).clamp_min(0).sqrt()
        varies = spread > NO_SPREAD
        return float((self._by_item("x", "y")[varies] / spread[varies]).mean()) if varies.any() else math.nan

    def _by_item(self, first: str, second: str) -> Tensor:
        return self.sums[first + second] / self.count - self.sums[first] / self.count * self.sums[second] / self.count

    def _pooled(self, first: str, second: str) -> Tensor:
        means = [(self.sums[name] / self.count).mean() for name in (first + second, first, second)]
        return means[0] - means[1] * means[2]


NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Outcome:
    """The result for a network.

    Attributes:
        spec: the run that trained it.
        rows: columns `COLUMNS`, see `branch_correlations`; no rows where it diverged.
    """

    spec: Spec
    rows: pd.DataFrame


def specs(params: ShakeRulesParams, execution: ExecutionParams) -> list[Spec]:
    """The runs of `shake_rules` whose networks are compared."""
    first = params.experiments[0]
    return [Spec(BY_NAME[name], seed, first, execution) for name in COMPARED for seed in params.seeds]


def train(spec: Spec) -> Outcome:
    """Measure the correlations of a network, which is trained if it was not yet."""
    state = train_network(spec)
    network = state.network
    if state.status == "diverged" or not isinstance(network, ImageResNeXt):
        return Outcome(spec, pd.DataFrame(columns=COLUMNS))
    test = load_images(spec.params.data).test.to(network.affine.weight.device)
    return Outcome(spec, branch_correlations(network, test).assign(setting=spec.variant.name, seed=spec.seed)[COLUMNS])


def branch_correlations(network: ImageResNeXt, images: Images) -> pd.DataFrame:
    """Covariance and correlation of every block's branches over a set of images, in evaluation mode.

    Returns:
        Columns `block` (from 1), `left`, `right` (`output`, or L1 to L3 and R1 to R3) and `NUMBERS`, see `Comoments`.
    """
    network.eval()
    pairs = {(number, left, right): Comoments() for number in range(len(network.blocks)) for left, right in _pairs()}
    with torch.no_grad(), _watched(network) as seen:
        for pixels in torch.split(images.pixels, SCORED_AT_ONCE):
            network(pixels)
            for (number, left, right), sums in pairs.items():
                sums.add(seen[number, 0, left], seen[number, 1, right])
    rows = [
        (number + 1, *_names(left, right), sums.covariance(), sums.correlation(), sums.correlation_by_item())
        for (number, left, right), sums in pairs.items()
    ]
    return pd.DataFrame(rows, columns=["block", "left", "right", *NUMBERS])


def _pairs() -> Iterator[tuple[str, str]]:
    yield OUTPUT, OUTPUT
    for left in LAYERS:
        for right in LAYERS:
            yield left, right


def _names(left: str, right: str) -> tuple[str, str]:
    return (left, right) if left == OUTPUT else (f"L{left}", f"R{right}")


@contextmanager
def _watched(network: ImageResNeXt) -> Iterator[dict[tuple[int, int, str], Tensor]]:
    """The last outputs of the layers of every branch, by block, branch and layer."""
    seen: dict[tuple[int, int, str], Tensor] = {}
    handles = []

    def keep(key: tuple[int, int, str], factor: float = 1.0) -> None:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            # A copy: the next layer may work in place.
            seen[key] = factor * output

        # Layers are counted after the ReLU that both branches share.
        below = "" if key[2] == OUTPUT else f".{key[2]}"
        module = network.get_submodule(f"blocks.{key[0]}.branches.{key[1]}{below}")
        handles.append(module.register_forward_hook(hook))

    for block in range(len(network.blocks)):
        for branch in (0, 1):
            keep((block, branch, OUTPUT), 0.5)
            for layer in LAYERS:
                keep((block, branch, layer))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
