"""The perceptron against scikit-learn itself."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from pipeline.models.registry import family
from tests.helpers.rows import bank_of, design_of, fitted, scores_of, voices

SMALL = {"hidden": (9, 5), "passes": 30}


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_and_predictions_are_those_of_scikit_learn(classes):
    values, labels, actors = voices(classes=classes)
    labels[labels == 0] = np.random.default_rng(1).integers(0, 2, (labels == 0).sum())  # classes of unequal size
    train, test = np.flatnonzero(actors < 6), np.flatnonzero(actors >= 6)
    bank = bank_of(values, labels)
    network, _ = fitted("mlp", bank, actors, train, seed=5, alpha=0.1, **SMALL)
    scaler = StandardScaler().fit(values[train].astype(np.float64))
    x, held = scaler.transform(values[train].astype(np.float64)), scaler.transform(values[test].astype(np.float64))
    expected = MLPClassifier((9, 5), alpha=0.1, max_iter=30, random_state=5)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        expected.fit(x, labels[train], sample_weight=compute_sample_weight("balanced", labels[train]))
    scores = scores_of(network, bank, test)
    np.testing.assert_array_equal(scores.argmax(1), expected.predict(held))
    probabilities = torch.from_numpy(scores).softmax(1).numpy()
    np.testing.assert_allclose(probabilities, expected.predict_proba(held), atol=1e-8)


def test_alpha_is_chosen_with_actors_kept_apart_and_unfinished_fits_are_said_once(capsys):
    values, labels, actors = voices()
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    _, chosen = fitted("mlp", bank, actors, train, alpha=(0.01, 1.0), inner_folds=2, hidden=(4,), passes=5)
    assert chosen["alpha"] in (0.01, 1.0)
    assert 0 < chosen["inner_ua"] < 100
    assert (chosen["inner_folds"], chosen["unfinished_fits"]) == (2, 5)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mlp: 5 of 5 fits ended before the solver had converged")
    assert line.endswith("A higher learning_rate or more passes let it converge.")


def test_the_seed_alone_decides():
    values, labels, actors = voices()
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    one, again, other = (
        fitted("mlp", bank, actors, train, seed=seed, alpha=1.0, **SMALL)[0].state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["weight0"], other["weight0"])


def test_layers_name_the_number_of_values():
    network = family("mlp").classifier(design_of("mlp", 10, 4, hidden=(6,)), 0)
    rows = [(row.layer, row.structure, row.params) for row in network.layer_rows()]
    assert rows == [("affine 1", "10 x 6", 66), ("affine 2", "6 x 4", 28), ("total", "", 94)]


@pytest.mark.parametrize(
    "wrong", [{"hidden": ()}, {"hidden": (0,)}, {"alpha": 0.0}, {"passes": 0}, {"learning_rate": 0.0}]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        family("mlp").options.model_validate({"label": "X", "family": "mlp", **wrong})
