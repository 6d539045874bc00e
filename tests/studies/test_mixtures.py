import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.mixtures.figures import angles, projections
from studies.mixtures.params import MixturesParams
from studies.mixtures.results import claims, table
from studies.mixtures.runs import Outcome, train
from studies.mixtures.theory import (
    MERGED_BELOW,
    deviation_probability,
    least_kurtosis,
    loss_probability,
    mixture_kurtosis,
    relative_variance,
)
from studies.networks.activations import kurtosis, variance_of_variance
from studies.params import load_params
from tests.helpers.closure import ROOT

PARAMS = load_params(ROOT / "studies/params.yaml").mixtures


def drawn(share, distance, deviation, count, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=count) * deviation + distance * (draw.uniform(size=count) < share)


@pytest.mark.parametrize(("share", "distance", "deviation"), [(0.1, 6, 1), (0.25, 4, 1), (0.5, 3, 0.5), (0.3, 0, 1)])
def test_the_kurtosis_of_a_mixture_is_that_of_drawn_points(share, distance, deviation):
    """Equation 9."""
    points = drawn(share, distance, deviation, 400_000)
    expected = mixture_kurtosis(share, distance**2, deviation**2)
    assert kurtosis(points[:, np.newaxis])[0] == pytest.approx(expected, rel=0.03)


@given(st.floats(0.01, 0.5), st.floats(0.5, 10))
@settings(max_examples=50, deadline=None)
def test_theorem_2_says_which_projection_has_the_least_kurtosis(share, separation):
    """Over all directions, by brute force: the mean's line from the threshold on, across it below."""
    turns = np.linspace(0, math.pi / 2, 91)
    along = np.array([mixture_kurtosis(share, (separation * math.cos(turn)) ** 2, 1.0) for turn in turns])
    assert along.min() == pytest.approx(least_kurtosis(share, separation), abs=1e-9)
    if abs(share - MERGED_BELOW) > 1e-3:
        assert along.argmin() == (90 if share < MERGED_BELOW else 0)


def test_the_threshold_is_the_published_one():
    assert pytest.approx(0.2113, abs=5e-5) == MERGED_BELOW
    a = MERGED_BELOW * (1 - MERGED_BELOW)
    assert a * (1 - 6 * a) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30).filter(lambda values: np.std(values) > 0.1))
@settings(max_examples=50, deadline=None)
def test_no_distribution_has_less_kurtosis_than_two_equal_peaks(values):
    """Theorem 1, and equation 5: the fourth moment is at least the squared variance."""
    assert kurtosis(np.array(values)[:, np.newaxis])[0] >= 1 - 1e-9
    assert kurtosis(np.array([[2.0], [7.0]] * 4))[0] == pytest.approx(1)


@pytest.mark.parametrize(("samples", "epsilon"), [(20, 0.9), (50, 0.5), (50, 0.8)])
@pytest.mark.parametrize("shape", ["peaks", "normal"])
def test_the_bounds_of_theorem_3_and_of_equation_20_hold(samples, epsilon, shape):
    draw = np.random.default_rng(1)
    many = 20_000
    values = (
        draw.choice([-1.0, 1.0], size=(2, many, samples)) if shape == "peaks" else draw.normal(size=(2, many, samples))
    )
    known = 1.0 if shape == "peaks" else 3.0
    first, second = values.var(axis=2, ddof=1)
    loss = (1 - first / second) ** 2
    within = np.mean(loss <= 4 * epsilon**2 / (1 - epsilon) ** 2)
    bound = loss_probability(known, samples, epsilon)
    assert 0 < bound <= within + 0.01
    ratio = 1 / np.sqrt(first)
    stable = np.mean((ratio >= 1 / math.sqrt(1 + epsilon)) & (ratio <= 1 / math.sqrt(1 - epsilon)))
    assert 0 < deviation_probability(known, samples, epsilon) <= stable + 0.01
    assert loss_probability(1.0, samples, epsilon) >= loss_probability(3.0, samples, epsilon), "greatest for two peaks"


def test_the_variance_of_the_sample_variance_is_one_formula():
    points = drawn(0.3, 4, 1, 1000)[:, np.newaxis]
    shape = float(kurtosis(points)[0])
    assert relative_variance(shape, 7) == pytest.approx(float(variance_of_variance(points, 7)[0]))
    assert loss_probability(3.0, 2, 0.1) == 0, "a bound that says nothing"


def unit(share, seed, degrees):
    turn = math.radians(degrees)
    points = np.random.default_rng(seed).normal(size=(50, 2))
    return Outcome(share, seed, np.array([math.cos(turn), math.sin(turn)]), points, points[:, 0] > 0)


def test_the_table_says_what_theorem_2_expects_and_claims_lie_on_a_side_of_half_way():
    units = [unit(share, seed, degrees + seed) for share, degrees in ((0.1, 84), (0.25, 3)) for seed in (1, 2, 3)]
    rows = table(units, 6.0)
    assert rows["expected"].tolist() == ["unite", "separate"]
    assert rows["angle"].tolist() == pytest.approx([86, 5])
    found = claims(units, [0.1, 0.25])
    assert found["verdict"].tolist() == ["shows", "shows"]
    assert found["difference"].tolist() == pytest.approx([41, -40])
    assert claims(units[::-1], [0.1, 0.25])["verdict"].tolist() == ["shows", "shows"]
    assert "p = 0.1: 85 degrees" in projections(units, [0.1, 0.25]).alt
    assert len(angles(rows).data) == 2


def test_a_share_that_is_drawn_must_be_trained():
    with pytest.raises(ValueError, match=r"drawn has 0\.3, which is not one of the shares"):
        MixturesParams.model_validate({**PARAMS.model_dump(), "drawn": (0.3,), "shares": (0.1, 0.25)})


def test_the_loss_alone_unites_at_a_tenth_and_separates_at_two_fifths():
    few = PARAMS.model_copy(update={"shares": (0.1, 0.4), "seeds": (1, 2), "iterations": 700})
    found = {(one.share, one.seed): one.angle for one in train(few)}
    assert min(found[0.1, 1], found[0.1, 2]) > 60
    assert max(found[0.4, 1], found[0.4, 2]) < 30


def test_a_units_points_do_not_depend_on_its_neighbours():
    few = PARAMS.model_copy(update={"shares": (0.1, 0.4), "seeds": (1, 2), "iterations": 20})
    alone = few.model_copy(update={"shares": (0.1,), "seeds": (2,)})
    (one,) = train(alone)
    (same,) = [other for other in train(few) if (other.share, other.seed) == (0.1, 2)]
    assert (one.points == same.points).all()
    assert one.angle == pytest.approx(same.angle, abs=0.01)
