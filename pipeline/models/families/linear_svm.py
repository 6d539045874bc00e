"""A linear support vector machine: scikit-learn's `LinearSVC`, one class against the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pipeline.models.family import Design, Family
from pipeline.models.options import UNFINISHED, Penalised

if TYPE_CHECKING:
    from pipeline.models.linear import LinearClassifier


class LinearSvmParams(Penalised):
    """A linear SVM with squared hinge loss and classes weighted inversely to their size."""


def estimator(penalty: float, seed: int) -> Any:
    """The SVM for a value of `C`; it is the same for every seed."""
    from sklearn.svm import LinearSVC

    # `auto` solves the smaller problem: the dual one, in random order, where there are more columns than segments.
    return LinearSVC(C=penalty, class_weight="balanced", dual="auto", max_iter=10_000, random_state=0)


def build(design: Design, seed: int = 0) -> LinearClassifier:
    """The classifier of a design."""
    from pipeline.models.inner_choice import Method
    from pipeline.models.linear import LinearClassifier

    model = cast("LinearSvmParams", design.model)
    method = Method("linear_svm", "C", model.C, model.inner_folds, estimator, by_products=True, unfinished=UNFINISHED)
    return LinearClassifier(design.num_classes, design.dims, method)


FAMILY = Family(
    "linear_svm", LinearSvmParams, build, reads="rows", by_epochs=False, stochastic=False, libraries=("scikit-learn",)
)
