"""A family of classifiers as params.yaml describes it: its options, and the function that builds a classifier.

The file of a family (`models/families/<name>.py`) holds its options and a `FAMILY`. Modules that need torch are
imported only where a classifier is built, so that params.yaml is read without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.models.options import FeatureParams, ModelParams, NetworkParams

if TYPE_CHECKING:
    from pipeline.models.base import Classifier


@dataclass(frozen=True)
class Design:
    """Everything that a classifier is built from.

    Attributes:
        model: entry of the model in `models`.
        network: section `network` with the model's own values.
        features: section `features` with the model's own values.
        num_classes: number of classes.
        dims: number of columns of the features (257 for the spectrogram).
    """

    model: ModelParams
    network: NetworkParams
    features: FeatureParams
    num_classes: int
    dims: int


def no_mistakes(design: Design, batch_segments: int, devices_per_run: int) -> Iterator[str]:
    """The check of a family whose options never contradict each other."""
    return iter(())


@dataclass(frozen=True)
class Family:
    """One family of classifiers.

    Attributes:
        name: name of the family in `models.<key>.family`.
        options: class of its entries of `models`.
        build: function that builds a new classifier from a design and a seed, which alone decides its initial numbers.
        reads: form in which the classifier reads the data: `spliced` frames (section `features`), `frames` of a
            framewise front end one by one, or `rows`: one row for each segment.
        network: whether it is built from the section `network`, which has no effect on other families.
        by_epochs: whether it is trained by gradient descent over epochs; else `Classifier.fit` is called once.
        stochastic: whether the seed changes the result; a family without randomness is trained once for each fold, and
            the result is used for every seed.
        mistakes: function that yields conflicts between options that are each valid alone, as `key: reason`; its
            arguments are the design, the number of segments of a batch, and the number of devices of a run.
    """

    name: str
    options: type[ModelParams]
    build: Callable[[Design, int], Classifier]
    reads: Literal["spliced", "frames", "rows"]
    network: bool = False
    by_epochs: bool = True
    stochastic: bool = True
    mistakes: Callable[[Design, int, int], Iterator[str]] = no_mistakes
