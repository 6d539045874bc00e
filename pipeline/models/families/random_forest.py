"""A random forest: scikit-learn's `RandomForestClassifier`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from pipeline.core.settings import Count
from pipeline.models.family import Design, Family
from pipeline.models.options import Standardisation, Standardised

if TYPE_CHECKING:
    from pipeline.models.forest import Forest


class RandomForestParams(Standardised):
    """Trees that are each grown on a random draw of the segments, with classes weighted inversely to their size.

    Attributes:
        standardise: see `Standardised`; a tree compares the values of one column, so it needs none.
        n_trees: number of trees.
        min_leaf: least number of training segments in a leaf, or the values that one is chosen from within the training
            folds, with actors kept apart.
        max_depth: largest number of comparisons from the root to a leaf; null for any number.
        inner_folds: number of inner folds of the choice.
    """

    standardise: Standardisation = "none"
    n_trees: Count = 200
    min_leaf: Count | Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 3, 10)
    max_depth: Count | None = None
    inner_folds: Annotated[int, Field(ge=2)] = 5


def estimator(model: RandomForestParams, min_leaf: float, seed: int) -> Any:
    """The forest for a value of `min_leaf`."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        model.n_trees, min_samples_leaf=int(min_leaf), max_depth=model.max_depth, class_weight="balanced",
        random_state=seed, n_jobs=1,
    )  # fmt: skip


def build(design: Design, seed: int = 0) -> Forest:
    """The classifier of a design."""
    from pipeline.models.forest import Forest
    from pipeline.models.inner_choice import Method

    model = cast("RandomForestParams", design.model)
    make = partial(estimator, model)
    return Forest(design.num_classes, Method("random_forest", "min_leaf", model.min_leaf, model.inner_folds, make))


FAMILY = Family("random_forest", RandomForestParams, build, reads="rows", by_epochs=False, libraries=("scikit-learn",))
