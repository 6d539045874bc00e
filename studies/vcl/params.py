"""Section `vcl` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.core.settings import Strict
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams
from studies.networks.plain import Activation, Normalisation


class VclParams(Strict):
    """The 11-layer network with each normalisation (Littwin & Wolf 2018, table 2)."""

    data: DataParams
    seeds: Seeds
    activations: Annotated[tuple[Activation, ...], Field(min_length=1)]
    normalisations: Annotated[tuple[Normalisation, ...], Field(min_length=1)]
    samples: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    multiplier: Annotated[float, Field(gt=0)]
    recipe: ImageRecipe
