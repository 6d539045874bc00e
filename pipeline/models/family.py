"""A family of classifiers as params.yaml describes it: its options, and the function that builds a classifier.

The file of a family (`models/families/<name>.py`) holds its options and a `FAMILY`. Modules that need torch are
imported only where a classifier is built, so that params.yaml is read without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.core.features import Shape
from pipeline.core.settings import Strict
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
        shape: shape of the features.
    """

    model: ModelParams
    network: NetworkParams
    features: FeatureParams
    num_classes: int
    shape: Shape

    @property
    def dims(self) -> int:
        """The number of columns of the features."""
        return self.shape.dims


def no_mistakes(design: Design, batch_segments: int, devices_per_run: int) -> Iterator[str]:
    """The check of a family whose options never contradict each other."""
    return iter(())


def no_effort(model: ModelParams) -> int:
    """The effort of a family whose models all take the same time."""
    return 0


def options_in_words(model: ModelParams) -> Iterator[str]:
    """The family and its options that are not null, each as `name value`."""
    yield f"family {model.family}"
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name not in ModelParams.model_fields and value is not None:
            yield f"{name} {in_words(value)}"


def in_words(value: object) -> str:
    """A value of an option as text: a float as short as it can be, a group of options as `(name value, ...)`."""
    if isinstance(value, Strict):
        return f"({', '.join(f'{name} {in_words(part)}' for name, part in value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Family:
    """One family of classifiers.

    Attributes:
        name: name of the family in `models.<key>.family`.
        options: class of its entries of `models`.
        build: function that builds a new classifier from a design and a seed, which alone decides its initial numbers.
        reads: form in which the classifier reads the data: `spliced` frames (section `features`), `frames` of a
            framewise front end one by one, or `rows`: one row for each segment.
        frequency_axis: whether neighbouring columns must be neighbouring frequencies; or a function that says so of a
            model's options.
        network: whether it is built from the section `network`, which has no effect on other families.
        by_epochs: whether it is trained by gradient descent over epochs; else `Classifier.fit` is called once.
        stochastic: whether the seed changes the result; a family without randomness is trained once for each fold, and
            the result is used for every seed.
        libraries: packages that compute it, beside torch and NumPy; their versions are recorded with its runs.
        mistakes: function that yields conflicts between options that are each valid alone, as `key: reason`; its
            arguments are the design, the number of segments of a batch, and the number of devices of a run.
        effort: function that returns a number by which models of one network and data are ordered: the higher, the
            longer a step takes.
        in_words: function that yields the options of a model, for `python -m pipeline summary`.
    """

    name: str
    options: type[ModelParams]
    build: Callable[[Design, int], Classifier]
    reads: Literal["spliced", "frames", "rows"]
    frequency_axis: bool | Callable[[ModelParams], bool] = False
    network: bool = False
    by_epochs: bool = True
    stochastic: bool = True
    libraries: tuple[str, ...] = ()
    mistakes: Callable[[Design, int, int], Iterator[str]] = no_mistakes
    effort: Callable[[ModelParams], int] = no_effort
    in_words: Callable[[ModelParams], Iterator[str]] = options_in_words

    def convolves(self, model: ModelParams) -> bool:
        """Whether a model needs neighbouring columns that are neighbouring frequencies."""
        return self.frequency_axis if isinstance(self.frequency_axis, bool) else self.frequency_axis(model)

    def classifier(self, design: Design, seed: int) -> Classifier:
        """A new classifier, with its standardisation; the seed alone decides its initial numbers."""
        from pipeline.models.standardising import make_standardise

        built = self.build(design, seed)
        built.standardisation = make_standardise(getattr(design.model, "standardise", "none"), design.dims)
        return built
