"""A multi-layer perceptron: scikit-learn's `MLPClassifier`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from pipeline.core.settings import Count
from pipeline.models.family import Design, Family
from pipeline.models.options import Penalty, Standardised

if TYPE_CHECKING:
    from pipeline.models.perceptron import Perceptron


class MlpParams(Standardised):
    """A perceptron with rectifiers, trained with Adam, with segments weighted inversely to the size of their class.

    Attributes:
        hidden: widths of the hidden layers.
        alpha: weight of the L2 penalty, or the values that one is chosen from within the training folds, with actors
            kept apart.
        learning_rate: rate of Adam.
        passes: largest number of passes over the training segments; it ends before when the loss no longer falls.
        inner_folds: number of inner folds of the choice.
    """

    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] = (64,)
    alpha: Penalty | Annotated[tuple[Penalty, ...], Field(min_length=1)] = (1e-4, 1e-2, 1.0)
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    passes: Count = 500
    inner_folds: Annotated[int, Field(ge=2)] = 5


def estimator(model: MlpParams, alpha: float, seed: int) -> Any:
    """The perceptron for a value of `alpha`."""
    from sklearn.neural_network import MLPClassifier

    # Its own early stopping would hold out random segments, so that actors would be on both sides.
    return MLPClassifier(
        model.hidden, alpha=alpha, learning_rate_init=model.learning_rate, max_iter=model.passes, random_state=seed
    )


def build(design: Design, seed: int = 0) -> Perceptron:
    """The classifier of a design."""
    from pipeline.models.inner_choice import Method
    from pipeline.models.perceptron import Perceptron

    model = cast("MlpParams", design.model)
    method = Method(
        "mlp", "alpha", model.alpha, model.inner_folds, partial(estimator, model), weighted=True,
        unfinished="A higher learning_rate or more passes let it converge.",
    )  # fmt: skip
    return Perceptron(design.num_classes, design.dims, model.hidden, method)


FAMILY = Family("mlp", MlpParams, build, reads="rows", by_epochs=False, libraries=("scikit-learn",))
