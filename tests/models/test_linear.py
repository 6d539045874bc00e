"""Linear SVM and logistic regression against scikit-learn itself, and their choice of C."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from pipeline.core.errors import InputError
from pipeline.models.registry import family
from tests.helpers.rows import bank_of, design_of, fitted, scores_of, voices

GRID = (1e-4, 1e-3, 1e-2, 0.1, 1.0)


def svm(penalty):
    return LinearSVC(C=penalty, class_weight="balanced", dual="auto", max_iter=10_000, random_state=0)


def logistic(penalty):
    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2_000)


def script(estimator, values, labels, actors, train, test, grid=GRID):
    """Chosen C, its accuracy on inner folds, and the estimator's decisions and predictions: without this pipeline."""
    scaler = StandardScaler().fit(values[train].astype(np.float64))
    x, held = scaler.transform(values[train].astype(np.float64)), scaler.transform(values[test].astype(np.float64))
    y, groups = labels[train], actors[train]
    folds = list(StratifiedGroupKFold(min(5, len(set(groups)))).split(x, y, groups))
    accuracy = {
        penalty: round(
            np.mean(
                [
                    100 * balanced_accuracy_score(y[rest], estimator(penalty).fit(x[inner], y[inner]).predict(x[rest]))
                    for inner, rest in folds
                ]
            ),
            9,
        )
        for penalty in grid
    }
    chosen = max(accuracy, key=accuracy.get)
    final = estimator(chosen).fit(x, y)
    return chosen, accuracy[chosen], final.decision_function(held), final.predict(held)


@pytest.mark.parametrize(("name", "estimator"), [("linear_svm", svm), ("logistic", logistic)])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("dims", [12, 300], ids=["narrow", "wide"])
def test_the_path_is_that_of_an_independent_script(name, estimator, classes, dims):
    values, labels, actors = voices(dims=dims, classes=classes)
    train, test = np.flatnonzero(actors < 6), np.flatnonzero(actors >= 6)
    penalty, accuracy, decisions, predicted = script(estimator, values, labels, actors, train, test)
    bank = bank_of(values, labels)
    network, chosen = fitted(name, bank, actors, train)
    assert chosen == {"C": penalty, "inner_ua": pytest.approx(accuracy, abs=1e-8), "inner_folds": 5}
    scores = scores_of(network, bank, test)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores.argmax(1), predicted)
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0] if classes == 2 else scores, decisions, atol=1e-7)


def test_scores_of_logistic_regression_are_log_probabilities_up_to_a_constant():
    for classes in (2, 3):
        values, labels, actors = voices(classes=classes)
        train, test = np.flatnonzero(actors < 6), np.flatnonzero(actors >= 6)
        bank = bank_of(values, labels)
        network, _ = fitted("logistic", bank, actors, train, C=0.1)
        scaler = StandardScaler().fit(values[train].astype(np.float64))
        expected = logistic(0.1).fit(scaler.transform(values[train].astype(np.float64)), labels[train])
        probabilities = torch.from_numpy(scores_of(network, bank, test)).softmax(1).numpy()
        held = scaler.transform(values[test].astype(np.float64))
        np.testing.assert_allclose(probabilities, expected.predict_proba(held), atol=1e-7)


@pytest.mark.parametrize("name", ["linear_svm", "logistic"])
def test_equal_values_give_the_smallest_and_a_single_value_is_taken(name):
    values, labels, actors = voices(dims=4)
    values = np.eye(4, dtype=np.float32)[labels]  # so easy that every C is right
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    _, chosen = fitted(name, bank, actors, train, C=(3.0, 10.0, 1.0))
    assert chosen == {"C": 1.0, "inner_ua": 100.0, "inner_folds": 5.0}
    assert fitted(name, bank, actors, train, C=0.5)[1] == fitted(name, bank, actors, train, C=(0.5,))[1] == {}


def test_actors_are_kept_apart_in_the_choice():
    """Features that name the actor, who has one emotion: mixed actors would make them look perfect."""
    source = np.random.default_rng(0)
    actors = np.repeat(np.arange(8), 20)
    labels = actors % 2
    values = 10.0 * np.eye(8)[actors] + source.standard_normal((160, 8))
    _, chosen = fitted("linear_svm", bank_of(values, labels), actors, np.arange(160))
    assert chosen["inner_ua"] < 70


@pytest.mark.parametrize(("actors", "folds"), [(3, 3), (2, 2)])
def test_fewer_actors_than_folds_leave_out_one_at_a_time(actors, folds):
    values, labels, actor = voices(actors=actors)
    _, chosen = fitted("linear_svm", bank_of(values, labels), actor, np.arange(len(labels)))
    assert chosen["inner_folds"] == folds


def test_an_inner_fold_is_not_used_if_the_rest_lacks_a_class():
    values, labels, actors = voices(classes=2, actors=4)
    bank, everything = bank_of(values, labels), np.arange(len(labels))
    alone = np.where(labels == 1, 0, 1 + actors)
    with pytest.raises(InputError, match=r"C: no choice between 0\.01, 1 is possible.* such as C: 1$"):
        fitted("linear_svm", bank, np.minimum(alone, 1), everything, C=(1.0, 0.01))
    _, chosen = fitted("linear_svm", bank, alone, everything, inner_folds=5)
    assert chosen["inner_folds"] == 4, "the inner fold that leaves out the only actor of a class is not used"


def test_one_actor_leaves_no_choice_but_a_single_value_is_fine():
    values, labels, _ = voices(classes=3)
    bank, actors, everything = bank_of(values, labels), np.zeros(len(labels), dtype=int), np.arange(len(labels))
    message = (
        r"C: no choice between 0\.0001, .* training folds have 1 actor .* Give the model one value, such as C: 0\.01"
    )
    with pytest.raises(InputError, match=message):
        fitted("linear_svm", bank, actors, everything)
    network, chosen = fitted("linear_svm", bank, actors, everything, C=0.01)
    assert chosen == {}
    assert scores_of(network, bank, everything).shape == (len(labels), 3)


def test_a_solver_that_does_not_converge_is_said_once(capsys, recwarn):
    values, labels, actors = voices(segments=40, dims=60)
    values[:, 0] *= 1e6
    bank, train = bank_of(values, labels), np.arange(40)
    network, chosen = fitted("linear_svm", bank, actors, train, C=(1e4, 1e6), inner_folds=2, standardise="none")
    assert chosen["unfinished_fits"] >= 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"linear_svm: {chosen['unfinished_fits']:.0f} of 5 fits ended before the solver had converged"
    )
    assert not recwarn.list
    assert np.isfinite(scores_of(network, bank, train)).all()


def test_features_that_are_not_finite_are_refused():
    values, labels, actors = voices()
    values[3, 4] = np.nan
    with pytest.raises(
        InputError, match=r"features are not finite numbers, in \d+ segments?, the first in column 5 of 12"
    ):
        fitted("linear_svm", bank_of(values, labels), actors, np.arange(len(labels)))


@pytest.mark.parametrize("name", ["linear_svm", "logistic"])
def test_threads_and_seeds_change_nothing(name):
    values, labels, actors = voices(dims=300)
    bank, train = bank_of(values, labels), np.flatnonzero(actors < 6)
    tensors = []
    for threads, seed in ((1, 0), (2, 0), (2, 7)):
        with threadpool_limits(threads):
            network, _ = fitted(name, bank, actors, train, seed=seed, C=(0.01, 0.1), inner_folds=2)
        tensors.append(network.state_dict())
    for other in tensors[1:]:
        assert all(torch.equal(tensors[0][key], other[key]) for key in tensors[0])


@pytest.mark.parametrize("name", ["linear_svm", "logistic"])
def test_options_have_defaults_and_wrong_ones_are_refused(name):
    options = family(name).options
    assert options.model_validate({"label": "X", "family": name}).C == GRID
    for wrong in ({"C": 0.0}, {"C": ()}, {"C": (1.0, -1.0)}, {"inner_folds": 1}, {"standardise": "actor"}):
        with pytest.raises(ValidationError):
            options.model_validate({"label": "X", "family": name, **wrong})


def test_layers_name_the_number_of_values():
    network = family("linear_svm").classifier(design_of("linear_svm", 88, 4), 0)
    assert [(row.layer, row.structure, row.params) for row in network.layer_rows()] == [
        ("linear", "88 x 4", 356), ("total", "", 356)
    ]  # fmt: skip
