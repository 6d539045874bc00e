"""The variants that Gastaldi compares: architectures and shaking rules; and other regularisations beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from pipeline.models.layouts import LAYOUTS, BranchLayout
from pipeline.models.options import RULES, Backward, Forward, Level, Mixup, ShakeDrop, Shaking
from studies.networks.images import Shortcut


@dataclass(frozen=True)
class Architecture:
    """The structure of blocks (section 3.3).

    Attributes:
        layout: layout of the branches.
        shortcut: `shifted`, or `none` for a network without skip connections.
        blocks_factor: number of blocks that replace one block with two convolutions in each branch.
        norm: whether there is any normalisation.
    """

    layout: BranchLayout
    shortcut: Shortcut
    blocks_factor: int = 1
    norm: bool = True


ARCHITECTURES: Mapping[str, Architecture] = {
    "skip": Architecture(LAYOUTS["RPreAct"], "shifted"),
    "A": Architecture(LAYOUTS["RPreAct"], "none"),
    "B": Architecture(BranchLayout(("ReLU", "Conv", "BN")), "none", blocks_factor=2),
    "C": Architecture(BranchLayout(("ReLU", "Conv", "ReLU", "Conv")), "none", norm=False),
}
"""A: no skip connection; B: A with one convolution a branch and twice the blocks; C: A without normalisation."""


@dataclass(frozen=True)
class Variant:
    """A network and its regularisation: a row of the study, and what its tables call a setting.

    Attributes:
        name: the name that Gastaldi uses: forward, backward, level (S-S-I: shake, shake, image). He shakes C between
            0.4 and 0.6, since wider ranges diverge; `0 to 1` is the range of the others.
        group: `rules`, `bands`, `beta`, `architecture` or `vicinal`.
        architecture: a key of `ARCHITECTURES`.
        shaking: rules of shaking, or None.
        shakedrop: options of ShakeDrop, or None.
        mixup: options of Mixup, or None.
    """

    name: str
    group: Literal["rules", "bands", "beta", "architecture", "vicinal"]
    architecture: str = "skip"
    shaking: Shaking | None = None
    shakedrop: ShakeDrop | None = None
    mixup: Mixup | None = None


_FORWARD: Mapping[str, Forward] = {"S": "shake", "E": "even"}
_BACKWARD: Mapping[str, Backward] = {"S": "shake", "E": "even", "K": "keep"}
_LEVEL: Mapping[str, Level] = {"B": "batch", "I": "frame"}
"""Levels by Gastaldi's letters; an image takes the place of a model frame."""


def shaking_of(name: str, **changes: Any) -> Shaking | None:
    """The rules of a name such as `S-E-I`; None for `E-E-B`, in which nothing is random."""
    forward, backward, level = name.split("-")
    if forward == backward == "E":
        return None
    return Shaking(forward=_FORWARD[forward], backward=_BACKWARD[backward], level=_LEVEL[level], **changes)


RULE_NAMES = ("E-E-B", "E-S-B", "S-K-B", "S-E-B", "S-S-B", "E-S-I", "S-K-I", "S-E-I", "S-S-I")

VARIANTS: tuple[Variant, ...] = (
    *(Variant(name, "rules", shaking=shaking_of(name)) for name in RULE_NAMES),
    Variant("S-S-I, 2 sub-bands", "bands", shaking=shaking_of("S-S-I", bands=2)),
    *(Variant(rule, "beta", shaking=Shaking(backward=rule)) for rule in RULES),
    *(
        Variant(f"{architecture}, {name}", "architecture", architecture, shaking_of(name))
        for architecture, name in product("AB", ("E-E-B", "S-E-I", "S-S-I"))
    ),
    Variant("C, E-E-B", "architecture", "C"),
    Variant("C, S-E-I", "architecture", "C", shaking_of("S-E-I", interval=(0.4, 0.6))),
    Variant("C, S-E-I, 0 to 1", "architecture", "C", shaking_of("S-E-I")),
    Variant("ShakeDrop", "vicinal", shakedrop=ShakeDrop(last_keep=0.5)),
    Variant("Mixup", "vicinal", mixup=Mixup(alpha=1.0)),
    Variant("manifold Mixup", "vicinal", mixup=Mixup(alpha=1.0, manifold=True)),
)

DRAWN = ("S-K-I", *RULES)
"""The settings whose errors are kept epoch by epoch: M1 to M5, which Gastaldi draws as curves, and S-K-I, in which the
backward weight is the forward one."""

BY_NAME: Mapping[str, Variant] = {variant.name: variant for variant in VARIANTS}
