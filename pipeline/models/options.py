"""Options of networks, as params.yaml names them and as networks take them.

This module does not import torch, so that params.yaml is read quickly.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from pipeline.core.settings import Count, Key, Strict, Text

Share = Annotated[float, Field(ge=0, le=1)]
Level = Literal["frame", "segment", "batch"]
Forward = Literal["shake", "even"]
Rule = Literal["M1", "M2", "M3", "M4", "M5"]
Backward = Literal["shake", "even", "keep"] | Rule
LayoutName = Literal["PreAct", "PreActBN", "RPreAct", "PostAct", "BN-Shake"]
Padding = Literal["paired", "same"]
Pooling = Literal["bands", "bins"]
Penalty = Annotated[float, Field(gt=0)]
FramePooling = Literal["attention", "statistics", "mean"]
Gamma = Annotated[float, Field(ge=0)] | Literal["uniform"]
Standardisation = Literal["none", "fold", "corpus", "speaker"]

RULES: tuple[Rule, ...] = get_args(Rule)


class ModelParams(Strict):
    """One entry of `models`: the options that every family has; a family adds its own.

    Attributes:
        label: name that tables print.
        family: family of classifiers; docs/classifiers.md has all.
        frontend: front end whose features the model reads, a key of `frontends`.
        network, features, train: values of keys of the section of this name that hold for this model only.
    """

    label: Text
    family: Key = "resnext"
    frontend: Key = "spectrogram"
    network: dict[str, Any] | None = None
    features: dict[str, Any] | None = None
    train: dict[str, Any] | None = None


class Standardised(ModelParams):
    """Options of a family that brings every column of its features to mean 0 and deviation 1 first.

    Attributes:
        standardise: recordings that mean and deviation come from. `fold`: all of the training folds. `corpus`: those of
            the training folds that are of the same corpus. `speaker`: all of the same speaker, which for validation
            are recordings of the fold itself, without their labels; tables say so. `none`: columns stay as they are.
    """

    standardise: Standardisation = "fold"


class Penalised(Standardised):
    """Options of a linear classifier with a penalty.

    Attributes:
        C: inverse strength of the penalty, or the values that one is chosen from within the training folds, with actors
            kept apart.
        inner_folds: number of inner folds of that choice.
    """

    C: Penalty | Annotated[tuple[Penalty, ...], Field(min_length=1)] = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
    inner_folds: Annotated[int, Field(ge=2)] = 5


UNFINISHED = "Features of very different size or a large C cause it: see the model's standardise and C."
"""The remedy for a linear classifier whose solver does not converge, for messages."""


class FeatureParams(Strict):
    """Splicing and normalisation of spectrogram frames (section 5)."""

    left: Annotated[int, Field(ge=0)]
    right: Annotated[int, Field(ge=0)]
    every: Count
    cmvn: Literal["segment", "utterance", "none"]

    @property
    def context(self) -> int:
        """Spectrogram frames in one model frame (16 in the paper)."""
        return self.left + 1 + self.right


POOLED_BANDS = 8
"""Number of frequency bands of the pooling `bands`: 32 channels x 8 bands are Table 5's 256 affine inputs."""


class NetworkParams(Strict):
    """Options that all ResNeXts share: the network of Table 5 or a smaller one.

    `widths[0]` is the width of the preliminary convolution, `widths[1:]` are those of the stages; stage i has
    `blocks[i]` blocks.
    """

    kernel: tuple[Count, Count]
    widths: Annotated[tuple[Count, ...], Field(min_length=2)]
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)]
    branches: Annotated[int, Field(ge=1)]
    pooling: Pooling
    padding: Padding
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @property
    def least_columns(self) -> int:
        """The fewest columns of features that leave enough for the pooling; an even kernel takes one column away."""
        return (POOLED_BANDS if self.pooling == "bands" else 1) + 1 - self.kernel[1] % 2

    @model_validator(mode="after")
    def _stages_agree(self) -> NetworkParams:
        if len(self.widths) != len(self.blocks) + 1:
            raise ValueError(
                f"widths names {len(self.widths)} widths (the preliminary convolution's and one for each stage) "
                f"and blocks names {len(self.blocks)} stages; expected {len(self.blocks) + 1} widths"
            )
        return self


class Shaking(Strict):
    """Options of Shake-Shake, which mixes the branches of a block in training (equations 4 to 9).

    Attributes:
        bands: number of sub-bands of the spectral axis that draw independently; 1 is Full (equation 8), 2 is Both
            (equation 9); at most one for each frequency bin.
        forward: `shake` draws the weights of the forward pass, `even` gives every branch the same.
        backward: `shake` draws the weights of the backward pass anew, `even` gives every branch the same, `keep`
            uses those of the forward pass again; `M1` to `M5` are the rules of Gastaldi 2017, table 3.
        level: unit that shares one draw: a model frame, all frames of a segment, or the whole batch.
        interval: interval of the drawn weight of the first of two branches; the paper's is (0, 1).
    """

    bands: Annotated[int, Field(ge=1, le=256)] = 1
    forward: Forward = "shake"
    backward: Backward = "shake"
    level: Level = "frame"
    interval: tuple[Share, Share] = (0.0, 1.0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Shaking:
        if self.forward == "even" and self.backward == "even":
            raise ValueError("forward and backward are even, so nothing is shaken; expected `shake: null`")
        if self.forward == "even" and self.backward != "shake":
            raise ValueError(
                f"backward is {self.backward!r}, which follows the forward weights, and these are even; expected "
                "backward 'shake', or forward 'shake'"
            )
        if self.interval[0] >= self.interval[1]:
            raise ValueError(f"interval is {list(self.interval)}; expected the lower end first")
        return self


class ShakeDrop(Strict):
    """ShakeDrop (arXiv 1802.02375).

    Attributes:
        last_keep: probability that the last block is left as it is; that of the earlier blocks approaches it linearly.
        level: unit that shares one draw.
    """

    last_keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    level: Level = "frame"


class Mixup(Strict):
    """Mixup (arXiv 1710.09412), and manifold Mixup (arXiv 1806.05236).

    Attributes:
        alpha: value of both parameters of the Beta distribution from which the share of a segment in its mixture is
            drawn.
        manifold: whether to mix before a random layer instead of always at the input.
    """

    alpha: Annotated[float, Field(gt=0)]
    manifold: bool = False


class Constancy(Strict):
    """The variance constancy loss (Littwin & Wolf 2018).

    Attributes:
        samples: n, number of rows of each of the two samples; the first 2 n rows of a batch are used.
        weight: gamma, weight of the sum over layers.
        clip: largest norm of a layer's gradient (section 2.4).
        unit: part of a convolution's output with a variance of its own: every `position` of every channel, over n
            rows; or a `channel`, over n rows and all positions, as in batch normalisation. The paper speaks of neurons
            and of samples as small as n = 2, which means `position`.
    """

    samples: Annotated[int, Field(ge=2)] = 4
    weight: Annotated[float, Field(gt=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    unit: Literal["position", "channel"] = "position"
