import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from pipeline.training.accuracy import unweighted_accuracy

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_agrees_with_scikit_learn(labels):
    truth, predicted = np.array(labels).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes predicted but absent
        expected = 100 * balanced_accuracy_score(truth, predicted)
    assert unweighted_accuracy(truth, predicted, num_classes=5) == pytest.approx(expected, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(pairs, st.permutations(range(5)))
def test_does_not_depend_on_the_order_of_classes_to_the_last_bit(labels, names):
    truth, predicted = np.array(labels).T
    renamed = np.array(names)
    assert unweighted_accuracy(truth, predicted, 5) == unweighted_accuracy(renamed[truth], renamed[predicted], 5)


def test_a_class_without_labels_does_not_count():
    assert unweighted_accuracy([0, 0, 1, 1], [0, 3, 1, 1], num_classes=4) == 75.0


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([], [], "at least one"),
        ([0, 1], [0], r"\(2,\) labels and \(1,\) predictions"),
        ([0, 4], [0, 1], r"a label is not an integer in \[0, 4\)"),
        ([0, 1], [0, -1], r"a prediction is not an integer in \[0, 4\)"),
        ([0, 1], [0.0, 1.0], r"a prediction is not an integer"),
    ],
)
def test_refuses_what_is_no_classification(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        unweighted_accuracy(truth, predicted, num_classes=4)
