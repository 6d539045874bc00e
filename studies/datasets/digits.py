"""scikit-learn's handwritten digits: 1797 grey images of 8 x 8.

They are the test part of UCI's `optdigits` (Alpaydin & Kaynak 1998) and come with scikit-learn, so there is nothing to
download.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from studies.datasets.images import ImageSet, standardised

TEST_IMAGES = 500
"""Number of test images of the 1797; the share of each class is that in the whole, up to one image."""

SPLIT_SEED = 0
"""Seed of the split, drawn by class and the same for every run: scikit-learn gives neither a split nor the writers."""


def load() -> ImageSet:
    """The digits: 1297 training and 500 test images of 1 x 8 x 8, levels 0 to 16 before they are standardised."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=labels
    )
    train.sort()
    test.sort()
    return standardised("digits", 10, (images[train], labels[train]), (images[test], labels[test]))
