"""Families without epochs on training segments that lack a class, as those of one corpus may."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from tests.helpers.rows import bank_of, fitted, scores_of

CLASSES = 4


def made(present, seed=0):
    source = np.random.default_rng(seed)
    labels = np.array(present)[np.arange(60) % len(present)]
    values = source.standard_normal((60, 5)) + 1.5 * labels[:, None] * source.standard_normal(5)
    # A segment of each class, so that the bank knows all.
    return np.concatenate([values, np.zeros((CLASSES, 5))]), np.concatenate([labels, np.arange(CLASSES)])


@pytest.mark.parametrize("present", [(0, 2, 3), (1, 3)])
@pytest.mark.parametrize(
    ("family", "options"),
    [("logistic", {"C": 1.0}), ("linear_svm", {"C": 1.0}), ("random_forest", {"min_leaf": 1}), ("mlp", {})],
)
def test_a_class_without_training_segments_is_never_the_answer(family, options, present):
    values, labels = made(present)
    bank, train = bank_of(values, labels), np.arange(60)
    network, _ = fitted(family, bank, np.arange(len(labels)) % 6, train, **options)
    scores = scores_of(network, bank, np.arange(len(labels)))
    probabilities = softmax(scores, axis=1)
    absent = [number for number in range(CLASSES) if number not in present]
    assert np.isfinite(scores).all()
    # The least probability of a forest is not 0, so that its logarithm is finite.
    assert probabilities[:, absent].max() < 1e-6
    assert (probabilities[:60].argmax(1) == labels[:60]).mean() > 0.6


def test_the_others_have_the_scores_of_a_regression_without_it():
    values, labels = made((0, 2, 3))
    bank, train = bank_of(values, labels), np.arange(60)
    network, _ = fitted("logistic", bank, np.arange(len(labels)) % 6, train, C=1.0, standardise="none")
    values = values.astype(np.float32).astype(np.float64)
    alone = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(values[:60], labels[:60])
    ours = scores_of(network, bank, train)[:, [0, 2, 3]]
    assert np.allclose(ours, alone.decision_function(values[:60]), atol=1e-9)
