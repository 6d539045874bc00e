"""Planned power against experiments that were drawn, and what must follow from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluation import actors
from pipeline.evaluation.power import Noise, Plan, actors_needed, expected, repeats_needed, seeds_needed
from tests.evaluation.test_actors import drawn

NOISES = st.builds(Noise, st.floats(2, 12), st.floats(0.5, 12), st.floats(0.2, 4))


@pytest.mark.parametrize(("repeats", "seeds"), [(1, 3), (3, 1)])
def test_it_is_how_often_the_test_finds_a_difference(repeats, seeds):
    """600 experiments of 24 actors and 12 runs; the standard error of a share is at most 2 points."""
    noise, difference = Noise(5.0, 4.0, 1.0), 3.0
    found = 0
    for seed in range(600):
        source = np.random.default_rng([seed, repeats])
        values = drawn(source, repeats, seeds, 24, 4, (5.0, 4.0, 1.0), difference)
        found += actors.test_of(values).p() < 0.05
    planned = expected(noise, Plan(24, 4, repeats, seeds)).power(difference)
    assert found / 600 == pytest.approx(planned, abs=0.07)
    assert 0.3 < planned < 0.95


@settings(max_examples=30, deadline=None)
@given(NOISES, st.sampled_from([(1, 2), (1, 3), (3, 1), (2, 2), (1, 1)]), st.floats(0.5, 6))
def test_more_actors_and_larger_differences_are_found_more_often(noise, design, difference):
    plan = Plan(24, 4, *design)
    power = expected(noise, plan).power(difference)
    assert 0.049 < expected(noise, plan).power(0.0) < 0.051
    assert power <= expected(noise, plan).power(difference + 1) + 1e-9
    assert power <= expected(noise, Plan(48, 4, *design)).power(difference) + 1e-6


@settings(max_examples=15, deadline=None)
@given(NOISES)
def test_the_actors_needed_are_enough_and_one_fewer_are_not(noise):
    plan = Plan(24, 4, 1, 3)
    needed = actors_needed(noise, plan, 2.0)
    if needed is None:
        assert expected(noise, Plan(10**7, 4, 1, 3)).power(2.0) < 0.81, "what trainings vary by stays"
        return
    assert expected(noise, Plan(needed, 4, 1, 3)).power(2.0) >= 0.8
    if needed > 12:
        assert expected(noise, Plan(needed - 1, 4, 1, 3)).power(2.0) < 0.8


@pytest.mark.parametrize(
    ("function", "plan_of"),
    [(repeats_needed, lambda n: Plan(60, 4, n, 1)), (seeds_needed, lambda n: Plan(60, 4, 1, n))],
)
def test_the_runs_needed_are_enough_or_no_number_is(function, plan_of):
    noise = Noise(4.0, 8.0, 3.0)
    needed = function(noise, Plan(60, 4, 1, 3), 2.0)
    assert needed > 2
    assert expected(noise, plan_of(needed)).power(2.0) >= 0.8 > expected(noise, plan_of(needed - 1)).power(2.0)
    assert function(noise, Plan(60, 4, 1, 3), 0.2) is None, "the actors' own variance stays"


def test_noise_of_averaged_seeds_is_that_of_one_seed():
    """Pseudo-values of 3 partitions with 2 seeds; their plan gives the same error as the test itself."""
    values = drawn(np.random.default_rng(0), 3, 2, 24, 4, (5.0, 4.0, 1.5))
    test = actors.test_of(values)
    assert (test.components.seeds, test.components.averaged) == (1, 2)
    plan = expected(Noise.of(test.components), Plan(24, 4, 3, 2))
    assert (plan.error, plan.df) == pytest.approx((test.error, test.df))
