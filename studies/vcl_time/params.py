"""Section `vcl_time` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.core.settings import Count, Strict


class VclTimeParams(Strict):
    """Seconds per 100 iterations (table 1 of Littwin & Wolf 2018) on images of `image`, (channels, height, width)."""

    image: tuple[Count, Count, Count]
    num_classes: Count
    batch_size: Annotated[int, Field(ge=2)]
    multiplier: Annotated[float, Field(gt=0)]
    iterations: Count
