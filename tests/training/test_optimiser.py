import pytest

from pipeline.training.optimiser import rate_at
from pipeline.training.params import Recipe


def test_the_cosine_is_the_closed_form_at_every_iteration():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2)
    rates = [rate_at(recipe, step, 8) for step in range(9)]
    assert rates[0] == 0.2
    assert rates[4] == pytest.approx(0.1)
    assert rates[8] == pytest.approx(0, abs=1e-12)
    assert all(a + b == pytest.approx(0.2) for a, b in zip(rates, reversed(rates), strict=True))


def test_a_constant_rate_is_constant():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2, schedule="constant")
    assert {rate_at(recipe, step, 8) for step in range(9)} == {0.2}


def test_a_stepped_rate_falls_at_its_parts_of_the_training():
    recipe = Recipe(epochs=500, batch_size=2, learning_rate=0.05, schedule="steps", steps=((0.36, 0.02), (0.56, 0.002)))
    assert [rate_at(recipe, at, 500) for at in (0, 179, 180, 279, 280, 499)] == [0.05, 0.05, 0.02, 0.02, 0.002, 0.002]
    with pytest.raises(ValueError, match="schedule is cosine with 1 steps"):
        Recipe(epochs=1, batch_size=2, learning_rate=0.1, steps=((0.5, 0.01),))
