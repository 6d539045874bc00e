"""Section `shake_rules` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Strict, Text
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams
from studies.networks.bottleneck import bottlenecks_per_stage
from studies.networks.cifar import blocks_per_stage


class RulesExperimentParams(Strict):
    """Gastaldi's settings on one data set.

    Attributes:
        data: the images.
        depth: number of convolutions along a path, and one for the affine layer.
        width: number of channels of the first stage; with `groups`, of each group in it.
        groups: number of groups of the 3 x 3 convolutions, in bottlenecks (29 2x4x64d, for CIFAR-100); without it,
            blocks have two 3 x 3 convolutions (26 2x32d, for CIFAR-10).
        settings: names of some of `studies.shake_rules.variants.VARIANTS`; without it, all are trained.
        recipe: how networks are trained.
        recipe_without_norm: how those without normalisation (architecture C) are trained; without it, as the others.
    """

    data: DataParams
    depth: Count
    width: Annotated[int, Field(ge=2, multiple_of=2)]
    groups: Count | None = None
    settings: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    recipe: ImageRecipe
    recipe_without_norm: ImageRecipe | None = None

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> RulesExperimentParams:
        if self.groups is None:
            blocks_per_stage(self.depth)
        else:
            bottlenecks_per_stage(self.depth)
        return self

    @property
    def shape(self) -> str:
        """Branches, groups and width as Gastaldi writes them: `2x32d`, `2x4x64d`."""
        return f"2x{self.width}d" if self.groups is None else f"2x{self.groups}x{self.width}d"


class ShakeRulesParams(Strict):
    """Gastaldi's studies; the correlation of branches is measured in the first experiment."""

    seeds: Seeds
    experiments: Annotated[tuple[RulesExperimentParams, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _experiments_differ(self) -> ShakeRulesParams:
        names = [f"{one.data.name} at {one.shape}" for one in self.experiments]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two experiments are on {twice[0]}, whose rows would have the same names; expected one")
        return self
