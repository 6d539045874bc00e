"""How much the two branches of a block say the same, with and without shaking (Gastaldi 2017, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from studies.datasets.images import Images
from studies.datasets.registry import load_images
from studies.networks.images import ImageResNeXt
from studies.params import ExecutionParams, ShakeRulesParams
from studies.shake_rules import SETTINGS, RulesSpec, trained
from studies.statistics import over_seeds
from studies.training.fit import SCORED_AT_ONCE

COMPARED = ("E-E-B", "S-S-I")
"""Settings of `studies.shake_rules`: without shaking, and with."""

OUTPUT = "output"
"""The branch as it enters the mixture, with its factor of one half."""

NUMBERS = ["covariance", "correlation", "correlation_by_item"]

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
        """(images, ...) values of both sides."""
        x, y = (side.detach().flatten(1).double() for side in (left, right))
        parts = {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(part[0])) + part.sum(dim=0)
        self.count += len(x)

    def covariance(self) -> float:
        """Over all items of all images."""
        return float(self._pooled("x", "y"))

    def correlation(self) -> float:
        """Over all items of all images; NaN where one side does not vary."""
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
class CorrelationSpec:
    """One trained network to look into."""

    run: RulesSpec


def specs(params: ShakeRulesParams, execution: ExecutionParams) -> list[CorrelationSpec]:
    """The networks of `shake_rules` that are compared."""
    chosen = [setting for setting in SETTINGS if setting.name in COMPARED]
    first = params.experiments[0]
    return [CorrelationSpec(RulesSpec(setting, seed, first, execution)) for setting in chosen for seed in params.seeds]


def measure_one(spec: CorrelationSpec) -> pd.DataFrame:
    """Rows of `branch_correlations` of a network, which is trained if it was not; none where it diverged."""
    state = trained(spec.run)
    data = load_images(spec.run.params.data)
    network = state.network
    if state.status == "diverged" or not isinstance(network, ImageResNeXt):
        return pd.DataFrame(columns=["setting", "seed", "block", "left", "right", *NUMBERS])
    table = branch_correlations(network, data.test.to(network.affine.weight.device))
    table.insert(0, "seed", spec.run.seed)
    table.insert(0, "setting", spec.run.setting.name)
    return table


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
        (number + 1, *_shown(left, right), sums.covariance(), sums.correlation(), sums.correlation_by_item())
        for (number, left, right), sums in pairs.items()
    ]
    return pd.DataFrame(rows, columns=["block", "left", "right", *NUMBERS])


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """`correlation.csv`: means over seeds of each pair in each block, and last, as `shaken - even`, of the difference.

    Args:
        rows: of `measure_one` of all networks.

    Returns:
        Columns `setting, block, left, right, seeds, covariance, correlation, ci_low, ci_high` (95 % of the
        correlation), `correlation_by_item` and `published_correlation`, which is empty: Gastaldi gives no numbers.
    """
    keys = ["block", "left", "right"]
    table = []
    for name, part in rows.groupby(["setting", *keys], sort=False):
        table.append((*name, *_mean(part)))
    even, shaken = (rows[rows["setting"] == name].set_index(["seed", *keys]) for name in COMPARED)
    difference = (shaken[NUMBERS] - even[NUMBERS]).dropna().reset_index()
    for place, part in difference.groupby(keys, sort=False):
        table.append((f"{COMPARED[1]} - {COMPARED[0]}", *place, *_mean(part)))
    columns = ["setting", *keys, "seeds", "covariance", "correlation", "ci_low", "ci_high", "correlation_by_item"]
    return pd.DataFrame(table, columns=columns).assign(published_correlation=np.nan)


def claims(rows: pd.DataFrame) -> pd.DataFrame:
    """`correlation_claims.csv`: Gastaldi's readings of his figures, as differences of means over blocks.

    Differences are paired by seed and have a 95 % interval; `shows` and `reversed` are intervals on one side of 0.

    Args:
        rows: of `measure_one` of all networks.
    """
    even, shaken = (rows[rows["setting"] == name] for name in COMPARED)
    outputs = (part[part["left"] == OUTPUT].groupby("seed")["correlation"].mean() for part in (shaken, even))
    listed: list[tuple[str, str, pd.Series, Literal[1, -1]]] = [
        (
            "shaking reduces the correlation of the branches",
            " less ".join(reversed(COMPARED)),
            _difference(*outputs),
            -1,
        )
    ]
    for name, part in zip(COMPARED, (even, shaken), strict=True):
        layers = part[part["left"] != OUTPUT]
        aligned = layers["left"].str[1:] == layers["right"].str[1:]
        means = (layers[chosen].groupby("seed")["correlation"].mean() for chosen in (aligned, ~aligned))
        listed.append(("the same layers correlate more than others", name, _difference(*means), 1))
    table = []
    for text, networks, difference, sign in listed:
        interval = over_seeds(difference)
        table.append((text, networks, "more" if sign > 0 else "less", len(difference), interval.mean, interval.low,
                      interval.high, interval.verdict(sign)))  # fmt: skip
    columns = ["claim", "networks", "expected", "seeds", "difference", "ci_low", "ci_high", "verdict"]
    return pd.DataFrame(table, columns=columns)


def _difference(first: pd.Series, second: pd.Series) -> pd.Series:
    return (first - second).dropna()


def _mean(part: pd.DataFrame) -> tuple[float, ...]:
    interval, means = over_seeds(part["correlation"]), part[NUMBERS].mean()
    return len(part), means["covariance"], interval.mean, interval.low, interval.high, means["correlation_by_item"]


def _pairs() -> Iterator[tuple[str, str]]:
    yield OUTPUT, OUTPUT
    for left in LAYERS:
        for right in LAYERS:
            yield left, right


def _shown(left: str, right: str) -> tuple[str, str]:
    return (left, right) if left == OUTPUT else (f"L{left}", f"R{right}")


@contextmanager
def _watched(network: ImageResNeXt) -> Iterator[dict[tuple[int, int, str], Tensor]]:
    """What the layers of every branch gave last, by block, branch and layer."""
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
