"""Section `uci` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.core.settings import Count, Strict, Text
from studies.core.recipe import ImageRecipe
from studies.networks.plain import Activation, Normalisation


class TableParams(Strict):
    """A UCI table: one that ships with scikit-learn, or one in the folder `path` of the published ones."""

    name: Text
    path: Text | None = None
    rows: Count | None = None


class UciParams(Strict):
    """Fully connected networks on UCI tables (section 3; tables 4 and 5, figure 3)."""

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
