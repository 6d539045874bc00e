"""The random forest against scikit-learn itself."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.models.registry import family
from tests.helpers.rows import bank_of, design_of, fitted, scores_of, voices

FEW = {"n_trees": 15, "inner_folds": 3}


def forest(seed, min_leaf, depth=None):
    return RandomForestClassifier(
        15, min_samples_leaf=min_leaf, max_depth=depth, class_weight="balanced", random_state=seed
    )


@pytest.mark.parametrize(("classes", "depth"), [(2, None), (4, None), (4, 3)])
def test_probabilities_and_predictions_are_those_of_scikit_learn(classes, depth):
    values, labels, actors = voices(classes=classes)
    # Values that float32 rounds to a threshold: ties go to the left.
    values = np.round(values, 1)
    train, test = np.flatnonzero(actors < 6), np.flatnonzero(actors >= 6)
    network, chosen = fitted(
        "random_forest", bank_of(values, labels), actors, train, seed=3, min_leaf=2, max_depth=depth, **FEW
    )
    assert chosen == {}
    expected = forest(3, 2, depth).fit(values[train], labels[train])
    np.testing.assert_allclose(
        network.probabilities(torch.from_numpy(values[test]).double()).numpy(),
        expected.predict_proba(values[test]),
        atol=1e-12,
        rtol=0,
    )
    scores = scores_of(network, bank_of(values, labels), test)
    np.testing.assert_array_equal(scores.argmax(1), expected.predict(values[test]))
    assert np.isfinite(scores).all()


def test_standardised_rows_are_compared_in_single_precision():
    values, labels, actors = voices(classes=3)
    train, test = np.flatnonzero(actors < 6), np.flatnonzero(actors >= 6)
    network, _ = fitted("random_forest", bank_of(values, labels), actors, train, min_leaf=1, standardise="fold", **FEW)
    exact = values.astype(np.float64)
    standard = (exact - exact[train].mean(0)) / exact[train].std(0)
    expected = forest(0, 1).fit(standard[train], labels[train]).predict_proba(standard[test])
    scores = scores_of(network, bank_of(values, labels), test)
    np.testing.assert_allclose(np.exp(scores)[expected > 0], expected[expected > 0], atol=1e-12, rtol=0)
    np.testing.assert_allclose(scores[expected == 0], np.log(1e-9))


def test_the_least_size_of_a_leaf_is_chosen_within_the_training_folds():
    values, labels, actors = voices()
    train = np.flatnonzero(actors < 6)
    _, chosen = fitted("random_forest", bank_of(values, labels), actors, train, seed=1, min_leaf=(20, 1), **FEW)
    x, y = values[train], labels[train]
    accuracy = {
        least: np.mean(
            [
                100 * balanced_accuracy_score(y[held], forest(1, least).fit(x[inner], y[inner]).predict(x[held]))
                for inner, held in StratifiedGroupKFold(3).split(x, y, actors[train])
            ]
        )
        for least in (1, 20)
    }
    best = max(accuracy, key=accuracy.get)
    assert chosen == {"min_leaf": best, "inner_ua": pytest.approx(accuracy[best]), "inner_folds": 3}


def test_the_seed_alone_decides():
    values, labels, actors = voices()
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    one, again, other = (
        fitted("random_forest", bank, actors, train, seed=seed, min_leaf=1, **FEW)[0].state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["threshold"][:100], other["threshold"][:100])


def test_a_new_forest_takes_over_the_trees_of_another():
    values, labels, actors = voices()
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    network, _ = fitted("random_forest", bank, actors, train, min_leaf=1, **FEW)
    fresh = family("random_forest").classifier(design_of("random_forest", 12, 4), 0)
    fresh.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(scores_of(fresh, bank, train), scores_of(network, bank, train))


@pytest.mark.parametrize(
    "wrong", [{"n_trees": 0}, {"min_leaf": 0}, {"min_leaf": 1.5}, {"min_leaf": ()}, {"max_depth": 0}]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        family("random_forest").options.model_validate({"label": "X", "family": "random_forest", **wrong})
