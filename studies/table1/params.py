"""Section `table1` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Strict
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams
from studies.networks.cifar import blocks_per_stage


class Table1Params(Strict):
    """Table 1; `widths` are of the first stage, 64 for 2x64d; `depth` counts convolutions and the affine layer."""

    data: DataParams
    depth: Count
    widths: Annotated[tuple[Annotated[int, Field(ge=2, multiple_of=2)], ...], Field(min_length=1)]
    seeds: Seeds
    recipe: ImageRecipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> Table1Params:
        blocks_per_stage(self.depth)
        return self
