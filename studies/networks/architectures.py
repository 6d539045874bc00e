"""Gastaldi's architectures without skip connections or normalisation (2017, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.models.layouts import LAYOUTS, BranchLayout
from pipeline.models.shakedrop import ShakeDrop
from pipeline.models.shaking import Shaking
from studies.networks.cifar import build_cifar
from studies.networks.images import ImageResNeXt
from studies.shake_models import ArchitectureName


@dataclass(frozen=True)
class Architecture:
    """What an architecture changes of the residual network.

    Attributes:
        layout: of the branches.
        skip: whether blocks have skip connections.
        normalised: whether anything is normalised.
        convolutions: of a branch; with 1 there are twice as many blocks.
        deepest: more depth is cut to this.
    """

    layout: BranchLayout
    skip: bool = True
    normalised: bool = True
    convolutions: int = 2
    deepest: int | None = None

    def depth(self, asked: int) -> int:
        """The depth that is built."""
        return asked if self.deepest is None else min(asked, self.deepest)


ARCHITECTURES: Mapping[ArchitectureName, Architecture] = MappingProxyType({
    "residual": Architecture(LAYOUTS["RPreAct"]),
    "A": Architecture(LAYOUTS["RPreAct"], skip=False),
    "B": Architecture(BranchLayout(("ReLU", "Conv", "BN")), skip=False, convolutions=1),
    "C": Architecture(BranchLayout(("ReLU", "Conv", "ReLU", "Conv")), skip=False, normalised=False, deepest=14),
})  # fmt: skip
"""A has no skip connections; B is A with one convolution a branch and twice the blocks; C is A without BN."""


def build_architecture(
    name: ArchitectureName,
    width: int,
    *,
    depth: int,
    in_channels: int = 3,
    num_classes: int = 10,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
    seed: int = 0,
) -> ImageResNeXt:
    """A network `depth 2x<width>d` of a named architecture; see `build_cifar`."""
    one = ARCHITECTURES[name]
    removed: dict[str, Any] = {} if one.skip else {"shortcut": "none"}
    return build_cifar(
        one.layout,
        width,
        depth=one.depth(depth),
        in_channels=in_channels,
        num_classes=num_classes,
        shaking=shaking,
        shakedrop=shakedrop,
        stem_norm=one.normalised,
        convolutions=one.convolutions,
        seed=seed,
        **removed,
    )
