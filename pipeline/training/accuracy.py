"""Unweighted accuracy (UA), the measure of every table of the paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

DECIMALS = 9
"""Number of decimals of an accuracy in percent. The same recalls in another order of classes then give the same number,
so that the last bit of a sum does not decide a tie between epochs."""


def unweighted_accuracy(emotion_indices: ArrayLike, predicted_indices: ArrayLike, num_classes: int) -> float:
    """Mean recall over the classes that are present, in percent.

    scikit-learn's `balanced_accuracy_score` is the same number; it warns of a class that is predicted but absent, and
    is too slow to be computed after every epoch.

    Args:
        emotion_indices: true classes, shape (n,), integers in [0, num_classes).
        predicted_indices: predicted classes, shape (n,), the same range.
        num_classes: number of classes; those without a single true label do not count.

    Raises:
        ValueError: no labels, unequal lengths, or an index outside the classes.

    >>> unweighted_accuracy([0, 0, 2, 2], [0, 1, 2, 2], num_classes=4)
    75.0
    """
    truth, predicted = np.asarray(emotion_indices), np.asarray(predicted_indices)
    if truth.ndim != 1 or truth.shape != predicted.shape or not truth.size:
        raise ValueError(f"expected as many predictions as labels and at least one, got {truth.shape} labels and "
                         f"{predicted.shape} predictions")  # fmt: skip
    for name, indices in (("label", truth), ("prediction", predicted)):
        if not np.issubdtype(indices.dtype, np.integer) or indices.min() < 0 or indices.max() >= num_classes:
            raise ValueError(f"a {name} is not an integer in [0, {num_classes})")
    totals = np.bincount(truth, minlength=num_classes)
    hits = np.bincount(truth[truth == predicted], minlength=num_classes)
    present = totals > 0
    return round(float(100 * np.mean(hits[present] / totals[present])), DECIMALS)
