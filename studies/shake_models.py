"""The models that the study of shaking rules compares, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pipeline.models.shakedrop import ShakeDrop
from pipeline.models.shaking import RULES, Backward, Forward, Level, Shaking
from pipeline.training.mixup import Mixup

ArchitectureName = Literal["residual", "A", "B", "C"]

GRID = ("E-E-B", "S-E-I", "S-S-I", "E-S-B", "S-K-B", "S-E-B", "S-S-B", "E-S-I", "S-K-I")
"""Forward, backward, level, in Gastaldi's abbreviations (2017, table 1)."""

_FORWARD: dict[str, Forward] = {"S": "shake", "E": "even"}
_BACKWARD: dict[str, Backward] = {"S": "shake", "E": "even", "K": "keep"}
_LEVEL: dict[str, Level] = {"B": "batch", "I": "frame"}


@dataclass(frozen=True)
class ShakeModel:
    """What is trained.

    Attributes:
        architecture: of the network, see `studies.networks.architectures`.
        shaking: None without.
        shakedrop: None without.
        mixup: None without.
    """

    architecture: ArchitectureName = "residual"
    shaking: Shaking | None = None
    shakedrop: ShakeDrop | None = None
    mixup: Mixup | None = None


def shaking_of(abbreviation: str) -> Shaking | None:
    """The rules that an abbreviation of Gastaldi's stands for; `E-E-B` shakes nothing.

    An image is what a model frame is in the speech models, so his level Image is the level `frame`.
    """
    forward, backward, level = abbreviation.split("-")
    if forward == backward == "E":
        return None
    return Shaking(forward=_FORWARD[forward], backward=_BACKWARD[backward], level=_LEVEL[level])


def _models() -> dict[str, ShakeModel]:
    models = {name: ShakeModel(shaking=shaking_of(name)) for name in GRID}
    models["S-S-I, 2 bands"] = ShakeModel(shaking=Shaking(bands=2))
    models |= {rule: ShakeModel(shaking=Shaking(backward=rule)) for rule in RULES}
    models |= {
        "A, E-E-B": ShakeModel("A"),
        "A, S-S-I": ShakeModel("A", Shaking()),
        "B, E-E-B": ShakeModel("B"),
        "B, S-S-I": ShakeModel("B", Shaking()),
        "C, E-E-B": ShakeModel("C"),
        # The narrower interval is Gastaldi's, without which C diverges.
        "C, S-S-I": ShakeModel("C", Shaking(interval=(0.4, 0.6))),
        "ShakeDrop": ShakeModel(shakedrop=ShakeDrop(0.5)),
        "Mixup": ShakeModel(mixup=Mixup(1.0)),
        "manifold Mixup": ShakeModel(mixup=Mixup(2.0, manifold=True)),
    }
    return models


MODELS: Mapping[str, ShakeModel] = MappingProxyType(_models())
"""ShakeDrop's p_L and the Beta parameters of Mixup (1) and manifold Mixup (2) are those of their papers for CIFAR."""
