"""Multinomial logistic regression: scikit-learn's `LogisticRegression`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pipeline.models.family import Design, Family
from pipeline.models.options import UNFINISHED, Penalised

if TYPE_CHECKING:
    from pipeline.models.linear import LinearClassifier


class LogisticParams(Penalised):
    """Logistic regression with an L2 penalty and classes weighted inversely to their size."""


def estimator(penalty: float, seed: int) -> Any:
    """The regression for a value of `C`; nothing in it is random."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2_000)


def build(design: Design, seed: int = 0) -> LinearClassifier:
    """The classifier of a design."""
    from pipeline.models.inner_choice import Method
    from pipeline.models.linear import LinearClassifier

    model = cast("LogisticParams", design.model)
    method = Method("logistic", "C", model.C, model.inner_folds, estimator, unfinished=UNFINISHED)
    return LinearClassifier(design.num_classes, design.dims, method)


FAMILY = Family(
    "logistic", LogisticParams, build, reads="rows", by_epochs=False, stochastic=False, libraries=("scikit-learn",)
)
