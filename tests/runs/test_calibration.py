"""Temperatures: against a grid, against leakage, and that they mend what is too certain."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.calibration import reliability
from pipeline.evaluation.measures import measure
from pipeline.runs.calibration import (
    LARGEST_TEMPERATURE,
    calibrated,
    cross_validated_temperatures,
    fitted_temperature,
    tempered,
)

CLASSES = ("joy", "anger", "sadness")
COLUMNS = [f"p_{name}" for name in CLASSES]


def drawn(number, sharpness, seed):
    """Labels drawn from known probabilities, and these probabilities as a classifier that is too certain gives them."""
    source = np.random.default_rng(seed)
    true = source.dirichlet(np.ones(3), number)
    labels = np.array([source.choice(3, p=row) for row in true])
    return tempered(true, 1 / sharpness), labels


def predictions(folds=3, seeds=(1, 2), number=300, sharpness=(2.0,) * 9):
    rows = []
    for fold in range(1, folds + 1):
        for seed in seeds:
            values, labels = drawn(number, sharpness[fold - 1], 10 * fold + seed)
            rows.append(pd.DataFrame(values, columns=COLUMNS).assign(
                model="M", repeat=1, fold=fold, seed=seed, selection="last",
                segment=[f"s{fold}-{place}" for place in range(number)],
                utterance=[f"u{fold}-{place // 2}" for place in range(number)], corpus="c", gender="F", actor=f"a{fold}",
                emotion=np.array(CLASSES)[labels], predicted=np.array(CLASSES)[values.argmax(axis=1)],
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def both(table):
    """The predictions of one model by its name, and the same with cross-validated probabilities."""
    return {"M": table}, {"M": calibrated(table, CLASSES, cross_validated_temperatures(table, CLASSES))}


def loss(values, labels, temperature):
    return -np.log(tempered(values, temperature)[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_a_temperature_is_the_least_of_a_grid_and_finds_what_made_probabilities_too_certain(sharpness):
    values, labels = drawn(3000, sharpness, 0)
    found = fitted_temperature(values, labels)
    losses = [loss(values, labels, one) for one in np.geomspace(0.05, 20, 400)]
    assert loss(values, labels, found) <= min(losses) + 1e-7
    assert found == pytest.approx(sharpness, rel=0.1)


def test_guesses_get_the_largest_temperature_and_zeros_are_no_infinity():
    values = np.array([[1.0, 0.0, 0.0]] * 3)
    assert fitted_temperature(values, np.array([0, 1, 2])) == LARGEST_TEMPERATURE
    assert np.isfinite(tempered(values, 2.0)).all()


def test_a_temperature_keeps_the_order_and_the_sum():
    values, _ = drawn(100, 1, 0)
    scaled = tempered(values, 3.0)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_array_equal(scaled.argsort(axis=1), values.argsort(axis=1))
    assert tempered(values, 1.0) is values


def test_the_temperature_of_a_run_does_not_know_the_labels_of_its_fold():
    table = predictions()
    before = cross_validated_temperatures(table, CLASSES)
    own = table["fold"] == 2
    changed = table.assign(emotion=np.where(own, "joy", table["emotion"]))
    after = cross_validated_temperatures(changed, CLASSES)
    for key, temperature in before.items():
        assert (after[key] == temperature) == (key[1] == 2)


def test_it_is_fitted_on_the_other_folds_of_the_same_seed():
    table = predictions(sharpness=(1.0, 2.0, 4.0))
    found = cross_validated_temperatures(table, CLASSES)
    assert set(found) == {(1, fold, seed, "last") for fold in (1, 2, 3) for seed in (1, 2)}
    others = table[(table["fold"] != 1) & (table["seed"] == 2)]
    labels = others["emotion"].map({name: place for place, name in enumerate(CLASSES)}).to_numpy()
    assert found[1, 1, 2, "last"] == fitted_temperature(others[COLUMNS].to_numpy(), labels)


def test_repetitions_are_kept_apart():
    table = pd.concat([predictions(2, (1,)).assign(repeat=number) for number in (1, 2)], ignore_index=True)
    found = cross_validated_temperatures(table, CLASSES)
    assert set(found) == {(repeat, fold, 1, "last") for repeat in (1, 2) for fold in (1, 2)}


def test_one_fold_has_no_temperature():
    table = predictions(1)
    assert cross_validated_temperatures(table, CLASSES) == {}
    assert calibrated(table, CLASSES, cross_validated_temperatures(table, CLASSES)).empty
    assert measure(*both(table), CLASSES)["ece_calibrated"].isna().all()
    assert set(reliability(*both(table), CLASSES)["probabilities"]) == {"own"}


def test_the_error_falls_for_segments_and_utterances_and_nothing_else_changes():
    table = predictions(number=600, sharpness=(3.0,) * 9)
    found = measure(*both(table), CLASSES)
    segments = found[(found["level"] == "segment") & (found["corpus"] == "all") & (found["gender"] == "all")]
    assert (segments["ece_calibrated"] < segments["ece"] / 2).all()
    assert found["ece_calibrated"].notna().all()
    assert list(found.columns)[-1] == "ece_calibrated", "further columns stay on the right"


def test_a_reliability_diagram_counts_every_segment_once():
    table = predictions(number=400, sharpness=(3.0,) * 9)
    found = reliability(*both(table), CLASSES)
    for kind, rows in found.groupby("probabilities"):
        assert rows["n"].sum() == len(table)
        error = (rows["n"] * (rows["accuracy"] - rows["confidence"]).abs()).sum() / len(table)
        assert (error < 0.05) == (kind == "calibrated")


CROSSED = {1: "bc", 2: "ac", 3: "ab"}
"""What each fold of `cross_corpus` validates."""


def crossed(validated=CROSSED):
    rows = [
        predictions(1, (1,)).assign(fold=fold, segment=lambda table, name=name: name + table.index.astype(str))
        for fold, names in validated.items()
        for name in names
    ]
    return pd.concat(rows, ignore_index=True)


def test_folds_that_validate_the_same_segments_do_not_choose_each_others_temperature():
    assert cross_validated_temperatures(crossed(), CLASSES) == {}
    table = crossed({1: "ab", 2: "b", 3: "c"})
    found = cross_validated_temperatures(table, CLASSES)
    labels = table["emotion"].map({name: place for place, name in enumerate(CLASSES)}).to_numpy()
    third = (table["fold"] == 3).to_numpy()
    assert found[1, 2, 1, "last"] == fitted_temperature(table.loc[third, COLUMNS].to_numpy(), labels[third])
