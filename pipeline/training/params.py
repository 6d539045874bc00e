"""How runs are trained, as params.yaml describes it; this module does not import torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Key, Seed, Size, Strict

Rate = Annotated[float, Field(gt=0)]
PartOfTraining = Annotated[float, Field(gt=0, lt=1)]


Positive = Annotated[float, Field(gt=0)]
MOMENTUM = 0.9
Momentum = Annotated[float, Field(gt=0, lt=1)]
Optimiser = Literal["adam", "adamw", "sgd"]
Schedule = Literal["constant", "cosine", "one_cycle", "steps"]
Steps = tuple[tuple[PartOfTraining, Rate], ...]
Loss = Literal["cross_entropy", "focal"]
Sampling = Literal["shuffled", "balanced"]


class Recipe(Strict):
    """The recipe by which a network is optimised; the defaults are those of Gastaldi 2017, section 2.1.

    Attributes:
        epochs: number of passes over the training items.
        batch_size: number of items in a batch.
        learning_rate: the first rate; with `warm_up` or `one_cycle`, the highest.
        optimiser: `sgd` is SGD with momentum, `adam` and `adamw` have PyTorch's defaults.
        momentum: momentum of `sgd`.
        nesterov: whether the momentum of `sgd` is Nesterov's, as in Gastaldi's code.
        weight_decay: factor of the L2 penalty on all weights; with `adamw`, of the decay beside the gradient.
        schedule: `cosine` goes from the first rate to 0 along half a cosine, iteration by iteration; `one_cycle` rises
            along half a cosine from 1/25 of the rate, then falls along half a cosine to 1/250000 of it (PyTorch's
            OneCycleLR without its cycle of the momentum); `steps` follows `steps`.
        cosine_from: number of the first iteration of `cosine`. From 0 the first rate is `learning_rate` and the last
            one is above 0; from 1, as in Gastaldi's code, the first is a step below and the last is 0.
        steps: (part of the training, rate) in order; from each part on, its rate is used.
        warm_up: share of the training in which the rate rises: along a line from 0, after which the schedule begins;
            with `one_cycle`, along its cosine.
        clip_norm: largest norm of the gradient of all weights together, to which a larger one is scaled; None: any.
    """

    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    optimiser: Optimiser = "sgd"
    momentum: Momentum = MOMENTUM
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Schedule = "cosine"
    cosine_from: Literal[0, 1] = 0
    steps: Steps = ()
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip_norm: Positive | None = None

    @model_validator(mode="after")
    def _steps_belong(self) -> Recipe:
        for mistake in step_mistakes(self.schedule, self.steps):
            raise ValueError(mistake)
        return self


def step_mistakes(schedule: Schedule, steps: Steps) -> Iterator[str]:
    """Steps that do not go with the schedule, or are not in order."""
    parts = [part for part, _ in steps]
    if bool(parts) != (schedule == "steps"):
        yield f"schedule is {schedule} with {len(parts)} steps; expected steps with `steps` alone"
    elif parts != sorted(set(parts)):
        yield f"steps begin at {parts} of the training; expected rising shares"


class Augment(Strict):
    """SpecAugment (Park et al. 2019, arXiv 1904.08779): masks on training segments, drawn anew at every step.

    A mask sets rows or columns to 0, which is the mean after standardisation.

    Attributes:
        time_masks: number of masks of consecutive rows in each segment.
        time_width: most rows of the front end in such a mask, and never more than half of the segment's. The number is
            drawn evenly from 0 to that.
        frequency_masks: number of masks of neighbouring columns in each segment.
        frequency_width: most columns in such a mask, and never more than half of all; drawn likewise.
    """

    time_masks: Size = 2
    time_width: Count = 40
    frequency_masks: Size = 2
    frequency_width: Count = 8

    @model_validator(mode="after")
    def _masks_something(self) -> Augment:
        if self.time_masks == 0 and self.frequency_masks == 0:
            raise ValueError("there are no masks; expected time_masks or frequency_masks above 0, or `augment: null`")
        return self


class EarlyStopping(Strict):
    """Training ends when the accuracy on the held-out fold (`partition.dev`) has not risen for some epochs.

    Attributes:
        patience: number of these epochs.
    """

    patience: Count


ONE_CYCLE_RISE = 0.3
"""Share of the training in which the rate of `one_cycle` rises, unless `warm_up` says otherwise; PyTorch's default."""

FOCAL_GAMMA = 2.0
"""Exponent of the focal loss, unless `focal_gamma` says otherwise; the paper's."""

ADAMW_DECAY = 0.01
"""Weight decay of `adamw`, unless `weight_decay` says otherwise; PyTorch's default."""


class TrainParams(Strict):
    """The recipe of section 5 for the speech models: Adam at one rate, with class weights; other recipes by option.

    Attributes:
        epochs: number of passes over the training folds.
        seeds: seeds; there is a run for each seed and fold.
        folds: folds that are validated on; may be left out, which means all of `partition.folds`.
        batch_segments: number of segments in a batch.
        learning_rate, optimiser, momentum, schedule, steps, clip_norm: see `Recipe`.
        weight_decay: see `Recipe`; None: 0.01 with `adamw`, else 0.
        warm_up: see `Recipe`; None: 0.3 with `one_cycle`, else 0.
        loss: `focal` multiplies the cross-entropy of a segment by (1 - p) ** focal_gamma, where p is the probability of
            its class, so that segments which are recognised already count less (Lin et al. 2017, arXiv 1708.02002).
        focal_gamma: the exponent; None: 2, the paper's.
        sampling: `shuffled`: every segment once an epoch; `balanced`: as many segments an epoch, of every class equally
            many, which replaces the class weights of the loss.
        augment: masks on training segments; None for none.
        variants: front ends, such as log-mel at another speed or with noise; at every step each segment is read from
            the model's own front end or from one of these, all with the same chance.
        early_stopping: when training ends before the last epoch; None: never. It needs `partition.dev`.
        precision: precision up to the pooling.
        threads: number of CPU threads of one run.
        eval_train_every: number of epochs between two scorings of the training folds in eval mode.
    """

    epochs: Count
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    folds: Annotated[tuple[Count, ...], Field(min_length=1)]
    batch_segments: Annotated[int, Field(ge=2)]
    learning_rate: Rate
    precision: Literal["fp32", "bf16"]
    threads: Count
    eval_train_every: Count
    optimiser: Optimiser = "adam"
    momentum: Momentum = MOMENTUM
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    schedule: Schedule = "constant"
    steps: Steps = ()
    warm_up: Annotated[float, Field(ge=0, lt=1)] | None = None
    clip_norm: Positive | None = None
    loss: Loss = "cross_entropy"
    focal_gamma: Positive | None = None
    sampling: Sampling = "shuffled"
    augment: Augment | None = None
    variants: tuple[Key, ...] = ()
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _options_have_an_effect(self) -> TrainParams:
        for mistake in self._without_effect():
            raise ValueError(mistake)
        return self

    def _without_effect(self) -> Iterator[str]:
        yield from step_mistakes(self.schedule, self.steps)
        if self.focal_gamma is not None and self.loss != "focal":
            yield f"focal_gamma is {self.focal_gamma:g}, and loss is {self.loss}; expected it with `loss: focal` alone"
        if self.momentum != MOMENTUM and self.optimiser != "sgd":
            yield f"momentum is {self.momentum:g}, and optimiser is {self.optimiser}; expected it with `sgd` alone"
        if self.optimiser == "adamw" and self.weight_decay == 0:
            yield "weight_decay is 0, with which adamw is adam; expected a number above 0, or `optimiser: adam`"
        if self.schedule == "one_cycle" and self.warm_up == 0:
            yield "warm_up is 0, with which one_cycle does not rise; expected a share above 0, or `schedule: cosine`"

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training loop with these values."""
        decay, rise = self.weight_decay, self.warm_up
        if decay is None:
            decay = ADAMW_DECAY if self.optimiser == "adamw" else 0.0
        if rise is None:
            rise = ONE_CYCLE_RISE if self.schedule == "one_cycle" else 0.0
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch_segments,
            learning_rate=self.learning_rate,
            optimiser=self.optimiser,
            momentum=self.momentum,
            weight_decay=decay,
            schedule=self.schedule,
            steps=self.steps,
            warm_up=rise,
            clip_norm=self.clip_norm,
        )

    @property
    def patience(self) -> int | None:
        """Epochs without a rise after which training ends; None: it never does."""
        return None if self.early_stopping is None else self.early_stopping.patience

    @property
    def gamma(self) -> float:
        """The exponent of the focal loss; 0, with which it is the cross-entropy, unless it is chosen."""
        if self.loss != "focal":
            return 0.0
        return FOCAL_GAMMA if self.focal_gamma is None else self.focal_gamma

    @property
    def follows_epochs(self) -> bool:
        """Whether the rate depends on the number of epochs, so that a shorter run is no beginning of a longer one."""
        return self.schedule != "constant" or bool(self.warm_up)


BY_EPOCHS = frozenset({
    "learning_rate", "batch_segments", "eval_train_every", "optimiser", "momentum", "weight_decay", "schedule", "steps",
    "warm_up", "clip_norm", "loss", "focal_gamma", "sampling", "augment", "variants", "precision", "early_stopping",
})  # fmt: skip
"""Keys of `train` that only families trained by epochs use."""


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
        variants: front ends whose features stand for a segment's own in training, at random.
    """

    frontend: str
    left: int
    right: int
    every: int
    precision: str
    framewise: bool = True
    variants: tuple[str, ...] = ()

    @property
    def context(self) -> int:
        """Frames of the front end in one model frame."""
        return self.left + 1 + self.right
