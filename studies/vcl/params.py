"""Section `vcl` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Strict
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams
from studies.networks.plain import Activation, Normalisation


class VclExperimentParams(Strict):
    """The 11-layer network with each normalisation on one data set (Littwin & Wolf 2018, tables 2 and 3).

    Attributes:
        data: the images.
        activations: the activations.
        normalisations: the normalisations; `vcl` is the loss.
        samples: each n of the loss.
        multiplier: factor of the channels: 1 for CIFAR, 2 for Tiny ImageNet.
        recipe: how networks are trained.
    """

    data: DataParams
    activations: Annotated[tuple[Activation, ...], Field(min_length=1)]
    normalisations: Annotated[tuple[Normalisation, ...], Field(min_length=1)]
    samples: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    multiplier: Annotated[float, Field(gt=0)]
    recipe: ImageRecipe


class VclParams(Strict):
    """The comparison of normalisations, on one or more data sets side by side."""

    seeds: Seeds
    experiments: Annotated[tuple[VclExperimentParams, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _experiments_differ(self) -> VclParams:
        names = [one.data.name for one in self.experiments]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two experiments are on {twice[0]}, whose rows would have the same names; expected one")
        return self
