"""Frames, convolutions where columns are frequencies, and attention over a segment: for log-mel and encoder frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Size
from pipeline.models.family import Design, Family
from pipeline.models.frame_options import frames_from_one_to_the_next, refuse_more_halvings
from pipeline.models.options import FramePooling, ModelParams, Standardised

if TYPE_CHECKING:
    from pipeline.models.framewise import FramewiseNetwork

CHANNELS = (16, 32, 48, 64)
"""Channels of the blocks of convolutions where columns are neighbouring frequencies."""


class AttentionParams(Standardised):
    """Options.

    Attributes:
        every: number of frames from one that is read to the next; auto: 2 for frames of 10 ms, else 1.
        convolutions: channels of blocks of a 3 x 3 convolution with max pooling; an empty list for none; auto: 16, 32,
            48, 64 where columns are neighbouring frequencies, else none.
        halvings: number of blocks, from the first, whose pooling halves time too; auto: all.
        hidden: number of values of a frame after the projection.
        pooling: `attention`: mean and deviation by learned weights; `statistics`: mean and deviation; `mean`.
        mlp: widths of the hidden layers after the pooling.
        dropout: probability that a value is dropped, after the projection and after every hidden layer.
    """

    every: Count | Literal["auto"] = "auto"
    convolutions: tuple[Count, ...] | Literal["auto"] = "auto"
    halvings: Size | Literal["auto"] = "auto"
    hidden: Count = 128
    pooling: FramePooling = "attention"
    mlp: tuple[Count, ...] = (64,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _blocks_halve(self) -> AttentionParams:
        if self.halvings != "auto":
            refuse_more_halvings(self.halvings, len(CHANNELS if self.convolutions == "auto" else self.convolutions))
        return self


def build(design: Design, seed: int = 0) -> FramewiseNetwork:
    """The network of a design, initialised from `seed` alone."""
    from pipeline.models.framewise import build_framewise

    model, shape = cast("AttentionParams", design.model), design.shape
    channels = model.convolutions
    if channels == "auto":
        channels = CHANNELS if shape.frequency_axis else ()
    return build_framewise(
        shape,
        design.num_classes,
        every=frames_from_one_to_the_next(model.every, shape),
        channels=channels,
        halvings=len(channels) if model.halvings == "auto" else model.halvings,
        hidden=model.hidden,
        pooling=model.pooling,
        mlp=model.mlp,
        dropout=model.dropout,
        seed=seed,
    )


def convolves(model: ModelParams) -> bool:
    """Whether the options name convolutions; with `auto` there are some only where they make sense."""
    return cast("AttentionParams", model).convolutions not in ("auto", ())


FAMILY = Family("attention", AttentionParams, build, reads="frames", frequency_axis=convolves)
