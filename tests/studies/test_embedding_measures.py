import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.embeddings.measures import (
    MEASURES,
    RADII,
    angular_symmetry,
    class_centres,
    margin,
    measure,
    overlap,
    share_within,
)  # fmt: skip

RNG = np.random.default_rng(0)


def star(classes=5, noise=0.05, samples=30, seed=0):
    """Classes evenly around the origin at distance 1."""
    angles = 2 * np.pi * np.arange(classes) / classes
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.repeat(np.arange(classes), samples)
    return centres[labels] + noise * np.random.default_rng(seed).standard_normal((len(labels), 2)), labels


def test_classes_evenly_around_the_origin_are_symmetric_centred_and_apart():
    numbers = measure(*star(noise=0.01))
    assert set(numbers) == set(MEASURES)
    assert numbers["symmetry"] == pytest.approx(1, abs=1e-3)
    assert numbers["centring"] == pytest.approx(0, abs=0.01)
    assert numbers["spread"] == pytest.approx(0.01 * np.sqrt(2), rel=0.1)
    assert numbers["overlap"] == 0
    assert numbers["margin"] == pytest.approx(2 * np.sin(np.pi / 5), abs=0.06)


def test_symmetry_is_the_entropy_of_the_angles_written_out():
    angles = np.array([0.0, 0.5, 2.0, 4.0])
    centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    centres = np.concatenate([centres, -centres])  # their mean is the origin
    every = np.sort(np.concatenate([angles, angles + np.pi]) % (2 * np.pi))
    shares = np.append(np.diff(every), every[0] + 2 * np.pi - every[-1]) / (2 * np.pi)
    assert angular_symmetry(centres) == pytest.approx(-(shares * np.log(shares)).sum() / np.log(8))


def test_classes_in_two_opposite_directions_are_hardly_symmetric():
    line = np.stack([np.array([-3.0, -2, -1, 1, 2, 3]), np.zeros(6)], axis=1)
    assert angular_symmetry(line) == pytest.approx(np.log(2) / np.log(6))


def test_classes_on_top_of_each_other_overlap_as_chance_has_it():
    points = RNG.standard_normal((2000, 2))
    labels = np.arange(2000) % 4
    assert overlap(points, labels) == pytest.approx(75, abs=2)
    assert margin(points, labels) < 0.05


@given(st.floats(0.1, 10), st.floats(0, 6.28), st.integers(0, 50))
@settings(max_examples=10, deadline=None)
def test_numbers_do_not_depend_on_scale_and_rotation(scale, angle, seed):
    points, labels = star(noise=0.4, seed=seed)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    first, second = measure(points, labels), measure(scale * points @ turn, labels)
    assert second == pytest.approx(first, rel=1e-6, abs=1e-6)


def test_the_share_is_that_of_the_classes_own_largest_distance_in_train_mode():
    evaluated = np.array([[0.0, 0], [2, 0], [10, 0], [10, 2]])
    trained = np.array([[1.0, 4], [1, 0], [10, 1], [10, 1 + 2]])
    labels = np.array([0, 0, 1, 1])
    # Centres (1, 0) and (10, 1); all lie 1 from them; the largest in train mode are 4 and 2.
    shares = share_within(evaluated, trained, labels, np.array([0.2, 0.25, 0.45, 0.5]))
    assert shares.tolist() == [0, 50, 50, 100]


def test_without_any_difference_of_modes_the_curve_ends_at_all_samples():
    points, labels = star(noise=0.5)
    shares = share_within(points, points, labels)
    assert shares[-1] == 100
    assert (np.diff(shares) >= 0).all()
    assert 0.3 in RADII.round(6)


def test_centres_are_in_the_order_of_the_labels():
    points = np.array([[4.0, 0], [1, 1], [2, 0], [1, 3]])
    assert class_centres(points, np.array([9, 2, 9, 2])).tolist() == [[1, 2], [3, 0]]
