import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluation.intervals import accuracy_intervals
from pipeline.evaluation.tables import INTERVALS
from pipeline.training.accuracy import unweighted_accuracy

CLASSES = ("joy", "anger", "fear")


def predictions(random, right, actors=6, folds=2, seeds=2, takes=3):
    """Every actor says every class `takes` times; `right` of the predictions are."""
    rows = [
        (fold, seed, f"c{actor % 2}", "FM"[actor // 2 % 2], f"c{actor % 2}/a{fold}{actor}", emotion)
        for fold in range(1, folds + 1) for seed in range(seeds) for actor in range(actors)
        for emotion in CLASSES for _ in range(takes)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["fold", "seed", "corpus", "gender", "actor", "emotion"])
    other = np.asarray(CLASSES)[random.integers(0, len(CLASSES), len(table))]
    hit = random.random(len(table)) < right
    return table.assign(repeat=1, predicted=np.where(hit, table["emotion"], other), selection="last")


def overall(table):
    return table[table["corpus"] == "all"].iloc[0]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.floats(0, 1))
def test_ua_over_all_actors_is_the_mean_over_runs_that_tables_print(seed, right):
    rows = predictions(np.random.default_rng(seed), right)
    found = INTERVALS.validate(accuracy_intervals({"m": rows}, CLASSES))
    codes = rows.assign(true=rows["emotion"].map(CLASSES.index), said=rows["predicted"].map(CLASSES.index))
    runs = [unweighted_accuracy(run["true"], run["said"], 3) for _, run in codes.groupby(["fold", "seed"])]
    row = overall(found)
    assert np.isclose(row["ua"], np.mean(runs))
    assert row["ci_low"] <= row["ua"] + 1e-9
    assert row["ua"] - 1e-9 <= row["ci_high"]


def test_groups_are_the_women_and_men_of_each_corpus():
    table = accuracy_intervals({"m": predictions(np.random.default_rng(0), 0.7)}, CLASSES)
    assert list(zip(table["corpus"], table["gender"], strict=True)) == [
        ("all", "all"), ("c0", "F"), ("c0", "M"), ("c1", "F"), ("c1", "M"),
    ]  # fmt: skip
    assert table["actors"].tolist() == [12, 4, 2, 4, 2]


def test_perfect_predictions_have_no_width_and_one_actor_no_interval():
    rows = predictions(np.random.default_rng(0), 1.0)
    assert overall(accuracy_intervals({"m": rows}, CLASSES))[["ua", "ci_low", "ci_high"]].tolist() == [100.0] * 3
    one = rows[rows["actor"] == rows["actor"].iloc[0]]
    found = accuracy_intervals({"m": one}, CLASSES)
    assert found["ci_low"].isna().all()
    assert (found["ua"] == 100).all()


def test_a_class_that_a_group_lacks_does_not_count():
    rows = predictions(np.random.default_rng(0), 1.0)
    assert overall(accuracy_intervals({"m": rows[rows["emotion"] != "fear"]}, CLASSES))["ua"] == 100


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Actors of differing skill around 60 %: of 40 samples, 38 on average cover it; fewer than 31 has p < 1e-4."""
    covered = 0
    for sample in range(40):
        random = np.random.default_rng(sample)
        rows = predictions(random, 0, actors=16, seeds=1, takes=6)
        skill = {actor: np.clip(random.normal(0.6, 0.12), 0, 1) for actor in rows["actor"].unique()}
        hit = random.random(len(rows)) < rows["actor"].map(skill).to_numpy()
        wrong = rows["emotion"].map(dict(zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True)))
        row = overall(accuracy_intervals({"m": rows.assign(predicted=np.where(hit, rows["emotion"], wrong))}, CLASSES))
        covered += row["ci_low"] <= 60 <= row["ci_high"]
    assert covered >= 31


def test_the_same_predictions_give_the_same_interval_and_none_give_none():
    rows = predictions(np.random.default_rng(3), 0.5)
    pd.testing.assert_frame_equal(accuracy_intervals({"m": rows}, CLASSES), accuracy_intervals({"m": rows}, CLASSES))
    assert accuracy_intervals({}, CLASSES).empty
