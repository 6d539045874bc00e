"""Multinomial logistic regression: scikit-learn's `LogisticRegression`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pipeline.models.family import Design, Family
from pipeline.models.options import Penalised

if TYPE_CHECKING:
    from pipeline.models.linear import LinearClassifier


class LogisticParams(Penalised):
    """Logistic regression with an L2 penalty and classes weighted inversely to their size; see `Penalised`."""


def estimator(penalty: float) -> Any:
    """The regression for a value of `C`."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2_000)


def build(design: Design, seed: int = 0) -> LinearClassifier:
    """The classifier of a design."""
    from pipeline.models.linear import LinearClassifier

    model = cast("LogisticParams", design.model)
    return LinearClassifier(
        "logistic", design.num_classes, design.dims, estimator=estimator, candidates=model.C, folds=model.inner_folds
    )


FAMILY = Family("logistic", LogisticParams, build, reads="rows", by_epochs=False, stochastic=False)
