"""How runs are trained, as params.yaml describes it; this module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Size, Strict

Rate = Annotated[float, Field(gt=0)]
PartOfTraining = Annotated[float, Field(gt=0, lt=1)]


class Recipe(Strict):
    """How a network is optimised; the defaults are those of Gastaldi 2017, section 2.1.

    Attributes:
        epochs: number of passes over the training items.
        batch_size: number of items in a batch.
        learning_rate: the first rate.
        optimiser: `sgd` is SGD with Nesterov's momentum, `adam` has PyTorch's defaults.
        momentum: momentum of `sgd`.
        weight_decay: factor of the L2 penalty on all weights.
        schedule: `cosine` goes from the first rate to 0 along half a cosine, iteration by iteration; `steps` follows
            `steps`.
        steps: (part of the training, rate) in order; from each part on, its rate is used.
    """

    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: Annotated[float, Field(gt=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["cosine", "constant", "steps"] = "cosine"
    steps: tuple[tuple[PartOfTraining, Rate], ...] = ()

    @model_validator(mode="after")
    def _steps_belong(self) -> Recipe:
        parts = [part for part, _ in self.steps]
        if bool(parts) != (self.schedule == "steps"):
            raise ValueError(f"schedule is {self.schedule} with {len(parts)} steps; expected steps with `steps` alone")
        if parts != sorted(set(parts)):
            raise ValueError(f"steps begin at {parts} of the training; expected rising shares")
        return self


class TrainParams(Strict):
    """The recipe of section 5 for the speech models: Adam at one rate, with class weights."""

    epochs: Count
    seeds: Annotated[tuple[Size, ...], Field(min_length=1)]
    folds: Annotated[tuple[Count, ...], Field(min_length=1)]
    batch_segments: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    precision: Literal["fp32", "bf16"]
    threads: Count
    eval_train_every: Count

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training loop with these values."""
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch_segments,
            learning_rate=self.learning_rate,
            optimiser="adam",
            weight_decay=0.0,
            schedule="constant",
        )


Where = Literal["auto", "resident", "streamed"]
"""The place of features in training: in the device's memory, read batch by batch, or the former where they fit."""


@dataclass(frozen=True)
class Reading:
    """The form in which a model reads the data.

    Attributes:
        frontend: front end, a key of `frontends`.
        left: number of frames before the centre of a model frame.
        right: number of frames after it.
        every: number of frames from one model frame to the next.
        precision: precision of the classifier, `fp32` or `bf16`.
        framewise: whether a segment has a row for each of its frames; else it has one row.
    """

    frontend: str
    left: int
    right: int
    every: int
    precision: str
    framewise: bool = True

    @property
    def context(self) -> int:
        """Frames of the front end in one model frame."""
        return self.left + 1 + self.right
