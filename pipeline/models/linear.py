"""Linear classifiers of scikit-learn, kept as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from pipeline.models.base import Batch, Classifier, LayerRow, TrainingSet
from pipeline.models.inner_choice import NEVER, Method, learn
from pipeline.models.mixing import Mixing
from pipeline.models.rows import rows_of


class LinearClassifier(Classifier):
    """A score for each class that is linear in the row of a segment.

    Attributes:
        coef: (num_classes, dims) float64 weights; of two that were learned, those of the first are 0.
        intercept: (num_classes,) float64 constants.
    """

    in_double = True
    coef: Tensor
    intercept: Tensor

    def __init__(self, num_classes: int, dims: int, method: Method) -> None:
        """Prepare a classifier of rows of `dims` columns that has learned nothing yet."""
        super().__init__()
        self.num_classes, self._method = num_classes, method
        self.register_buffer("coef", torch.zeros(num_classes, dims, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(num_classes, dtype=torch.float64))

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`: (segments, num_classes) float64 decision values of the estimator."""
        return rows_of(batch) @ self.coef.T + self.intercept

    def fit(self, training: TrainingSet) -> Mapping[str, float]:
        """See `Classifier.fit`.

        Raises:
            InputError: a feature is not finite, or there are not enough actors for a choice.
        """
        learned = learn(self._method, training)
        coef, intercept = np.asarray(learned.estimator.coef_), np.asarray(learned.estimator.intercept_).reshape(-1)
        if learned.basis is not None:
            coef = coef @ learned.basis.T
        if len(learned.present) == 2:
            # One decision value, that of the second class.
            coef, intercept = np.concatenate([0 * coef, coef]), np.concatenate([0 * intercept, intercept])
        self.coef.zero_()
        self.intercept.fill_(NEVER)
        self.coef[learned.present] = torch.from_numpy(coef).to(self.coef)
        self.intercept[learned.present] = torch.from_numpy(intercept).to(self.intercept)
        return learned.chosen

    def layer_rows(self) -> list[LayerRow]:
        """See `Classifier.layer_rows`."""
        values = self.coef.numel() + self.intercept.numel()
        structure = f"{self.coef.shape[1]} x {self.num_classes}"
        return [LayerRow("linear", structure, params=values), LayerRow("total", params=values)]
