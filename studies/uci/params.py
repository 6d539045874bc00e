"""Section `uci` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Strict, Text
from studies.core.recipe import ImageRecipe
from studies.networks.plain import Activation, Normalisation


class TableParams(Strict):
    """A UCI table: one that ships with scikit-learn, or one in the folder `path` of the published ones."""

    name: Text
    path: Text | None = None
    rows: Count | None = None


class UciParams(Strict):
    """Fully connected networks on UCI tables (section 3; tables 4 and 5, figures 1 and 3).

    Attributes:
        tables: the tables.
        splits: the splits of each, from 1; errors are averaged over them.
        activations: the activations.
        normalisations: the normalisations; `vcl` is the loss.
        samples: n of the loss.
        depths: each number of hidden layers.
        width: number of units of each.
        recipe: how networks are trained.
        updates: largest number of updates of a run, which may then have fewer epochs; None: any.
        smoothing: number of epochs that validation errors are averaged over.
        drawn: the table whose activations are drawn; None: the last.
    """

    tables: Annotated[tuple[TableParams, ...], Field(min_length=1)]
    splits: Annotated[tuple[Count, ...], Field(min_length=1)]
    activations: Annotated[tuple[Activation, ...], Field(min_length=1)]
    normalisations: Annotated[tuple[Normalisation, ...], Field(min_length=2)]
    samples: Annotated[int, Field(ge=2)]
    depths: Annotated[tuple[Count, ...], Field(min_length=1)]
    width: Count
    recipe: ImageRecipe
    updates: Count | None = None
    smoothing: Count
    drawn: Text | None = None

    @model_validator(mode="after")
    def _drawn_is_trained(self) -> UciParams:
        names = [one.name for one in self.tables]
        if self.drawn is not None and self.drawn not in names:
            raise ValueError(f"drawn is {self.drawn!r}, which is not one of the tables {', '.join(names)}")
        return self
