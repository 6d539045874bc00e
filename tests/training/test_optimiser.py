import pytest
import torch

from pipeline.training.optimiser import make_optimiser, rate_at
from pipeline.training.params import Recipe


def test_the_cosine_is_the_closed_form_at_every_iteration():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2)
    rates = [rate_at(recipe, step, 8) for step in range(9)]
    assert rates[0] == 0.2
    assert rates[4] == pytest.approx(0.1)
    assert rates[8] == pytest.approx(0, abs=1e-12)
    assert all(a + b == pytest.approx(0.2) for a, b in zip(rates, reversed(rates), strict=True))


def test_the_cosine_may_count_iterations_from_one_as_gastaldis_code_does():
    """Its T_cur is (epoch - 1) * batches + n, with n from 1: the first rate is a step below, the last one is 0."""
    usual = Recipe(epochs=1, batch_size=2, learning_rate=0.2)
    his = Recipe(epochs=1, batch_size=2, learning_rate=0.2, cosine_from=1)
    assert [rate_at(his, step, 8) for step in range(8)] == [rate_at(usual, step + 1, 8) for step in range(8)]
    assert rate_at(his, 7, 8) == pytest.approx(0, abs=1e-12)
    assert rate_at(usual, 7, 8) > 0


@pytest.mark.parametrize(("nesterov", "second"), [(True, 2.71), (False, 1.9)])
def test_momentum_is_nesterovs_or_not(nesterov, second):
    """Two steps of gradient 1 at rate 1: plain momentum moves by 1 and 1.9, Nesterov's by 1.9 and 2.71."""
    weight = torch.nn.Parameter(torch.zeros(()))
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=1.0, momentum=0.9, weight_decay=0.0, nesterov=nesterov)
    optimiser = make_optimiser([weight], recipe)
    places = []
    for _ in range(2):
        weight.grad = torch.ones(())
        optimiser.step()
        places.append(weight.item())
    assert places[0] - places[1] == pytest.approx(second)


def test_a_constant_rate_is_constant():
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.2, schedule="constant")
    assert {rate_at(recipe, step, 8) for step in range(9)} == {0.2}


def test_a_stepped_rate_falls_at_its_parts_of_the_training():
    recipe = Recipe(epochs=500, batch_size=2, learning_rate=0.05, schedule="steps", steps=((0.36, 0.02), (0.56, 0.002)))
    assert [rate_at(recipe, at, 500) for at in (0, 179, 180, 279, 280, 499)] == [0.05, 0.05, 0.02, 0.02, 0.002, 0.002]
    with pytest.raises(ValueError, match="schedule is cosine with 1 steps"):
        Recipe(epochs=1, batch_size=2, learning_rate=0.1, steps=((0.5, 0.01),))
