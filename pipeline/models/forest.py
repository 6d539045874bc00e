"""A random forest of scikit-learn, kept as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.models.base import Batch, Classifier, LayerRow, TrainingSet
from pipeline.models.inner_choice import Method, learn
from pipeline.models.mixing import Mixing
from pipeline.models.rows import rows_of

LEAST_PROBABILITY = 1e-9
"""Probability of which the logarithm is taken where no tree has seen a class; else the score would be infinite."""


class Forest(Classifier):
    """Trees, their nodes one after another; a leaf is its own child.

    Attributes:
        root: (trees,) int32 node that each tree begins with.
        child: (nodes, 2) int32 nodes for values up to the threshold and above it.
        feature: (nodes,) int32 column that is compared; 0 in a leaf.
        threshold: (nodes,) float64 thresholds.
        share: (nodes, num_classes) float64 weighted share of each class among the training segments in the node.
    """

    in_double = True
    root: Tensor
    child: Tensor
    feature: Tensor
    threshold: Tensor
    share: Tensor

    def __init__(self, num_classes: int, method: Method) -> None:
        """Prepare a forest without trees."""
        super().__init__()
        self.num_classes, self._method = num_classes, method
        self.register_buffer("root", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("child", torch.zeros(0, 2, dtype=torch.int32))
        self.register_buffer("feature", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("share", torch.zeros(0, num_classes, dtype=torch.float64))

    def probabilities(self, rows: Tensor) -> Tensor:
        """(segments, dims) rows to (segments, num_classes) float64: the mean over trees of their leaves' shares."""
        # Thresholds are compared with values in single precision, as scikit-learn learned them.
        rows = rows.float().double()
        node = self.root.long().expand(len(rows), -1)
        while True:
            above = rows.gather(1, self.feature[node].long()) > self.threshold[node]
            below = self.child[node, above.long()].long()
            if torch.equal(below, node):
                break
            node = below
        total = rows.new_zeros(len(rows), self.num_classes)
        for tree in range(node.shape[1]):  # in order, so that sums have the digits of scikit-learn's
            total += self.share[node[:, tree]]
        return total / node.shape[1]

    def scores(self, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None) -> Tensor:
        """See `Classifier.scores`: (segments, num_classes) float64 logarithms of the probabilities."""
        return self.probabilities(rows_of(batch)).clamp_min(LEAST_PROBABILITY).log()

    def fit(self, training: TrainingSet) -> Mapping[str, float]:
        """See `Classifier.fit`.

        Raises:
            InputError: a feature is not finite, or there are not enough actors for a choice.
        """
        learned = learn(self._method, training)
        self._keep([one.tree_ for one in learned.estimator.estimators_], learned.present)
        return learned.chosen

    def _keep(self, trees: list[Any], present: NDArray[np.int64]) -> None:
        """Store the nodes of trees of scikit-learn, which know the classes `present` alone."""
        device = self.root.device
        first = np.cumsum([0, *(tree.node_count for tree in trees)])
        children, features = [], []
        for start, tree in zip(first, trees, strict=False):
            leaf, own = tree.children_left < 0, np.arange(tree.node_count)
            sides = (np.where(leaf, own, side) + start for side in (tree.children_left, tree.children_right))
            children.append(np.stack(list(sides), axis=1))
            features.append(np.where(leaf, 0, tree.feature))
        share = np.zeros((int(first[-1]), self.num_classes))
        share[:, present] = np.concatenate([tree.value[:, 0] for tree in trees])
        for name, values, kind in (
            ("root", first[:-1], np.int32),
            ("child", np.concatenate(children), np.int32),
            ("feature", np.concatenate(features), np.int32),
            ("threshold", np.concatenate([tree.threshold for tree in trees]), np.float64),
            ("share", share, np.float64),
        ):
            setattr(self, name, torch.from_numpy(values.astype(kind)).to(device))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # The numbers of trees and nodes are learned, so a new forest does not know them.
        for name in ("root", "child", "feature", "threshold", "share"):
            if (stored := state_dict.get(f"{prefix}{name}")) is not None:
                setattr(self, name, torch.empty_like(stored, device=self.root.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def layer_rows(self) -> list[LayerRow]:
        """See `Classifier.layer_rows`; the number of nodes is only known after training."""
        return [LayerRow("trees"), LayerRow("total")]
