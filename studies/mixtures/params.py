"""Section `mixtures` of the params file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Strict
from studies.core.params import Seeds

Share = Annotated[float, Field(gt=0, le=0.5)]


class MixturesParams(Strict):
    """Two Gaussians in two dimensions, and a linear unit that sees nothing but the variance constancy loss.

    Attributes:
        shares: each p, the share of the smaller Gaussian.
        drawn: the shares that are drawn with their points: 0.1 and 0.25 in figure 2.
        separation: distance of the two means in standard deviations of a Gaussian.
        samples: n of the loss.
        iterations: number of steps, each on new points.
        learning_rate: rate of Adam.
        seeds: seeds of weights and points.
    """

    shares: Annotated[tuple[Share, ...], Field(min_length=1)]
    drawn: Annotated[tuple[Share, ...], Field(min_length=1)]
    separation: Annotated[float, Field(gt=0)]
    samples: Annotated[int, Field(ge=2)]
    iterations: Count
    learning_rate: Annotated[float, Field(gt=0)]
    seeds: Seeds

    @model_validator(mode="after")
    def _drawn_is_trained(self) -> MixturesParams:
        if lacking := [share for share in self.drawn if share not in self.shares]:
            raise ValueError(
                f"drawn has {lacking[0]:g}, which is not one of the shares; expected some of {self.shares}"
            )
        return self
