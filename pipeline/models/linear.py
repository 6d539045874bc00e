"""Linear classifiers of scikit-learn, kept as plain tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.models.base import Batch, Classifier, LayerRow, TrainingSet
from pipeline.models.inner_choice import Fits, choose
from pipeline.models.mixing import Mixing
from pipeline.models.rows import one_thread, rows_of, training_rows


class LinearClassifier(Classifier):
    """A score for each class that is linear in the row of a segment.

    Attributes:
        coef: (num_classes, dims) float64 weights; of two classes, those of the first are 0.
        intercept: (num_classes,) float64 constants.
    """

    in_double = True
    coef: Tensor
    intercept: Tensor

    def __init__(
        self,
        name: str,
        num_classes: int,
        dims: int,
        *,
        estimator: Callable[[float], Any],
        candidates: float | Sequence[float],
        folds: int,
    ) -> None:
        """Prepare a classifier that has learned nothing yet.

        Args:
            name: name of its family, for messages.
            num_classes: number of classes.
            dims: number of columns of a row.
            estimator: function that makes the estimator of scikit-learn for a value of `C`.
            candidates: value of `C`, or the values to choose from.
            folds: number of inner folds of the choice.
        """
        super().__init__()
        self.name, self.num_classes = name, num_classes
        self._estimator, self._candidates, self._folds = estimator, candidates, folds
        self.register_buffer("coef", torch.zeros(num_classes, dims, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(num_classes, dtype=torch.float64))

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`: (segments, num_classes) float64 decision values of the estimator."""
        return rows_of(batch) @ self.coef.T + self.intercept

    def fit(self, training: TrainingSet) -> Mapping[str, float]:
        """Choose `C` within the training folds, then learn from all of them.

        Raises:
            InputError: a feature is not finite, or there are not enough actors for a choice.
        """
        rows, fits = training_rows(training), Fits()
        with one_thread():
            choice = choose(
                "C",
                self._candidates,
                rows,
                lambda value, *part: fits.fit(self._estimator(value), *part),
                self._folds,
            )
            fitted = fits.fit(self._estimator(choice.value), rows.values, rows.labels)
        coef, intercept = np.asarray(fitted.coef_), np.asarray(fitted.intercept_).reshape(-1)
        if self.num_classes == 2:
            # One decision value, that of the second class.
            coef, intercept = np.concatenate([0 * coef, coef]), np.concatenate([0 * intercept, intercept])
        self.coef.copy_(torch.from_numpy(coef))
        self.intercept.copy_(torch.from_numpy(intercept))
        return {**choice.noted, **fits.noted(self.name)}

    def layer_rows(self) -> list[LayerRow]:
        """See `Classifier.layer_rows`."""
        values = self.coef.numel() + self.intercept.numel()
        structure = f"{self.coef.shape[1]} x {self.num_classes}"
        return [LayerRow("linear", structure, params=values), LayerRow("total", params=values)]
