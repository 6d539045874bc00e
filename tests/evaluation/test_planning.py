"""What `estimate --power` says."""

import numpy as np
import pytest

from pipeline.evaluation.actors import actor_test
from pipeline.evaluation.planning import TYPICAL, noise_of, plan_lines, typical_noise
from pipeline.evaluation.power import Noise, Plan, expected
from tests.evaluation.test_actors import counts_of

NOISE = Noise(5.0, 6.0, 1.5)


def said(noise, plan, further=None):
    found = {}
    for line in plan_lines(noise, "here", plan, further):
        word, text = line[:10].strip(), line[10:]
        found.setdefault(word, []).append(text)
    return found


def test_the_lines_are_the_formulas_in_words():
    plan = Plan(24, 4, 1, 3)
    lines = said(NOISE, plan, 3.0)
    assert lines["plan"] == ["24 actors, 1 partition × 4 folds × 3 seeds = 12 runs a model"]
    power = expected(NOISE, plan)
    chances = ", ".join(f"{points} {100 * power.power(float(points[0])):.0f} %" for points in
                        ("1 point", "2 points", "3 points", "4 points"))  # fmt: skip
    assert lines["power"] == [f"{chances}: chance that a true difference gives p < 0.05, one-sided"]
    assert [text.split(":")[0] for text in lines["for 80 %"]] == ["1 point", "2 points", "3 points", "4 points"]
    assert lines["spend"][0].startswith("runs on partitions: at 3 points ")


def test_where_nothing_helps_alone_actors_and_runs_are_raised_together():
    lines = said(Noise(4.0, 6.0, 4.0), Plan(24, 4, 1, 2))
    assert "times the runs" in lines["for 80 %"][0] or lines["for 80 %"][0].endswith("out of reach")


def test_a_plan_of_one_run_a_fold_is_told_what_a_second_one_does():
    assert said(NOISE, Plan(24, 4, 1, 1))["spend"][0].startswith("a second partition (partition.repeats) raises")


@pytest.mark.parametrize("plan", [Plan(11, 4, 1, 3), Plan(24, 1, 1, 3)])
def test_a_plan_without_the_test_is_said_to_be_one(plan):
    lines = said(NOISE, plan)
    assert lines["power"] == ["not known: the test over actors needs 12 actors and 2 folds"]
    assert "for 80 %" not in lines


def test_where_actors_are_validated_in_several_folds_it_says_so():
    lines = list(plan_lines(NOISE, "here", Plan(24, 4, 1, 3), None, "actors in several folds"))
    assert lines[2:] == ["power     not known: actors in several folds"]


def test_stored_noise_is_the_root_of_the_mean_square_over_pairs():
    a, b = counts_of(np.random.default_rng(0))
    c, _ = counts_of(np.random.default_rng(0), right=0.5)
    found, number = noise_of([("a", "b"), ("c", "b"), ("a", "gone")], {"a": a, "b": b, "c": c})
    tests = [actor_test(a, b), actor_test(c, b)]
    assert number == 2
    assert found.interaction**2 == pytest.approx(np.mean([test.components.interaction for test in tests]))
    assert noise_of([("a", "gone")], {"a": a}) is None


def test_without_results_it_is_that_of_the_most_frequent_kind_of_pairs():
    assert typical_noise([(True, True), (True, True), (True, False)])[1] == "two networks"
    assert (
        typical_noise([(True, False), (False, True), (False, False)])[1] == "a network and a model without randomness"
    )
    assert typical_noise([(False, False)]) == (
        TYPICAL["two models without randomness"],
        "two models without randomness",
    )
