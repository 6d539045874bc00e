"""A multi-layer perceptron of scikit-learn, kept as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from pipeline.models.base import Batch, Classifier, LayerRow, TrainingSet
from pipeline.models.inner_choice import NEVER, Method, learn
from pipeline.models.mixing import Mixing
from pipeline.models.rows import rows_of


class Perceptron(Classifier):
    """Affine layers with rectifiers between them.

    Layer i has a (inputs, outputs) float64 buffer `weight<i>` and an (outputs,) one `bias<i>`. Of two classes, the
    score of the first is 0.
    """

    in_double = True

    def __init__(self, num_classes: int, dims: int, hidden: Sequence[int], method: Method) -> None:
        """Prepare a perceptron that has learned nothing yet; `hidden` has the widths of its hidden layers."""
        super().__init__()
        self.num_classes, self._method = num_classes, method
        self._widths = (dims, *hidden, num_classes)
        for layer, (inputs, outputs) in enumerate(pairwise(self._widths)):
            self.register_buffer(f"weight{layer}", torch.zeros(inputs, outputs, dtype=torch.float64))
            self.register_buffer(f"bias{layer}", torch.zeros(outputs, dtype=torch.float64))

    def _layers(self) -> list[tuple[Tensor, Tensor]]:
        layers = range(len(self._widths) - 1)
        return [(self.get_buffer(f"weight{layer}"), self.get_buffer(f"bias{layer}")) for layer in layers]

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`: (segments, num_classes) float64 inputs of the softmax."""
        *hidden, (weight, bias) = self._layers()
        values = rows_of(batch)
        for inner_weight, inner_bias in hidden:
            values = (values @ inner_weight + inner_bias).relu()
        return values @ weight + bias

    def fit(self, training: TrainingSet) -> Mapping[str, float]:
        """See `Classifier.fit`.

        Raises:
            InputError: a feature is not finite, or there are not enough actors for a choice.
        """
        learned = learn(self._method, training)
        layers = zip(self._layers(), learned.estimator.coefs_, learned.estimator.intercepts_, strict=True)
        for (weight, bias), new_weight, new_bias in layers:
            if weight.shape[1] == new_weight.shape[1]:
                weight.copy_(torch.from_numpy(new_weight))
                bias.copy_(torch.from_numpy(new_bias))
                continue
            # Of two classes it has one output, that of the second; a class that it has not learned has none.
            first = len(learned.present) - new_weight.shape[1]
            weight.zero_()
            bias.fill_(NEVER)
            weight[:, learned.present] = torch.from_numpy(np.pad(new_weight, ((0, 0), (first, 0)))).to(weight)
            bias[learned.present] = torch.from_numpy(np.pad(new_bias, (first, 0))).to(bias)
        return learned.chosen

    def layer_rows(self) -> list[LayerRow]:
        """See `Classifier.layer_rows`."""
        rows = [
            LayerRow(f"affine {number}", f"{weight.shape[0]} x {weight.shape[1]}", params=weight.numel() + bias.numel())
            for number, (weight, bias) in enumerate(self._layers(), 1)
        ]
        return [*rows, LayerRow("total", params=sum(row.params or 0 for row in rows))]
