"""Convolutions, a bidirectional LSTM and attention, as the field uses them on log-mel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Size
from pipeline.models.family import Design, Family
from pipeline.models.frame_options import frames_from_one_to_the_next, refuse_more_halvings
from pipeline.models.options import FramePooling, Standardised

if TYPE_CHECKING:
    from pipeline.models.framewise import FramewiseNetwork


class CnnLstmParams(Standardised):
    """Options.

    Attributes:
        every: number of frames from one that is read to the next; auto: 2 for frames of 10 ms, else 1.
        convolutions: channels of blocks of a 3 x 3 convolution with max pooling.
        halvings: number of blocks, from the first, whose pooling halves time too.
        lstm: number of units of the LSTM in each direction.
        pooling: `attention`: mean and deviation by learned weights; `statistics`: mean and deviation; `mean`.
        mlp: widths of the hidden layers after the pooling.
        dropout: probability that a value is dropped, after the LSTM and after every hidden layer.
    """

    every: Count | Literal["auto"] = "auto"
    convolutions: Annotated[tuple[Count, ...], Field(min_length=1)] = (16, 32, 48, 64)
    halvings: Size = 2
    lstm: Count = 64
    pooling: FramePooling = "attention"
    mlp: tuple[Count, ...] = (64,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _blocks_halve(self) -> CnnLstmParams:
        refuse_more_halvings(self.halvings, len(self.convolutions))
        return self


def build(design: Design, seed: int = 0) -> FramewiseNetwork:
    """The network of a design, initialised from `seed` alone."""
    from pipeline.models.framewise import build_framewise

    model, shape = cast("CnnLstmParams", design.model), design.shape
    return build_framewise(
        shape,
        design.num_classes,
        every=frames_from_one_to_the_next(model.every, shape),
        channels=model.convolutions,
        halvings=model.halvings,
        lstm=model.lstm,
        pooling=model.pooling,
        mlp=model.mlp,
        dropout=model.dropout,
        seed=seed,
    )


FAMILY = Family("cnn_lstm", CnnLstmParams, build, reads="frames", frequency_axis=True)
