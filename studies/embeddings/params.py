"""Section `embeddings` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.core.settings import Count, Strict
from studies.core.params import Seeds
from studies.core.recipe import ImageRecipe
from studies.datasets.params import DataParams


class EmbeddingsParams(Strict):
    """Figures 4, 5 and 6.

    `widths` are the channels of every block, stage by stage; one block of 2 channels, the embedding, follows the last.
    """

    data: DataParams
    stem: Count
    widths: Annotated[tuple[tuple[Count, ...], ...], Field(min_length=1)]
    seeds: Seeds
    recipe: ImageRecipe
