"""Section `shake_rules` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Strict, Text
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams
from studies.networks.cifar import blocks_per_stage


class RulesExperimentParams(Strict):
    """Gastaldi's settings on one data set; `width` is that of the first stage, `depth` as in `Table1Params`.

    `settings` names some of `studies.shake_rules.variants.VARIANTS`; without it, all are trained.
    """

    data: DataParams
    depth: Count
    width: Annotated[int, Field(ge=2, multiple_of=2)]
    settings: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    recipe: ImageRecipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> RulesExperimentParams:
        blocks_per_stage(self.depth)
        return self


class ShakeRulesParams(Strict):
    """Gastaldi's studies; the correlation of branches is measured in the first experiment."""

    seeds: Seeds
    experiments: Annotated[tuple[RulesExperimentParams, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _experiments_differ(self) -> ShakeRulesParams:
        names = [f"{one.data.name} at width {one.width}" for one in self.experiments]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two experiments are on {twice[0]}, whose rows would have the same names; expected one")
        return self
