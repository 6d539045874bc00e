import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.models.options import Shaking
from pipeline.models.resnext import build_network
from pipeline.training.batches import make_bank
from pipeline.training.loop import reported_history
from pipeline.training.speech import class_weights, score
from pipeline.training.state import Epoch, start_run
from tests.helpers.training import adam, train

RECIPE = adam(3, 0.01)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bank():
    """Sixty segments of three classes, each with a raised third of its bins."""
    source = np.random.default_rng(0)
    emotions = [index % 3 for index in range(60)]
    matrices = []
    for emotion in emotions:
        matrix = source.standard_normal((int(source.integers(8, 30)), 24)).astype(np.float32)
        matrix[:, 8 * emotion : 8 * emotion + 8] += 0.7
        matrices.append(matrix)
    return make_bank(matrices, emotions, left=2, right=1, every=4, device=CPU)


TRAIN, VALID = torch.arange(45), torch.arange(45, 60)


def new_state(seed=0, layout="PreActBN", gamma0=1.0):
    network = build_network(
        layout, kernel=(2, 4), widths=(2, 3), blocks=(1,), branches=2, num_classes=3, frame_shape=(4, 24),
        dropout=0.2, gamma0=gamma0, shaking=Shaking(bands=2), seed=seed,
    )  # fmt: skip
    return start_run(network, RECIPE, (seed, seed + 1), CPU)


def trained(bank, epochs=3, **options):
    state = new_state(**options)
    train(state, bank, TRAIN, VALID, adam(epochs, 0.01), train_every=2)
    return state


def test_a_run_learns_what_can_be_learnt(bank):
    history = trained(bank, epochs=12).history
    assert history[-1].valid_score > 80
    assert history[-1].train_loss < history[0].train_loss


def test_the_same_seeds_give_the_same_bits_and_others_do_not(bank):
    first, second, other = trained(bank), trained(bank), trained(bank, seed=5)
    assert repr(first.history) == repr(second.history)
    assert all(torch.equal(first.last.weights[name], second.last.weights[name]) for name in first.last.weights)
    assert repr(first.history) != repr(other.history)


def test_eval_mode_training_scores_stand_at_the_interval_the_best_and_the_last_epoch(bank):
    state = trained(bank, epochs=5)
    best_so_far = -1.0
    for row in state.history:
        expected = row.epoch % 2 == 0 or row.epoch == 5 or row.valid_score > best_so_far
        best_so_far = max(best_so_far, row.valid_score)
        assert math.isfinite(row.train_score_eval) == expected
        assert all(math.isfinite(value) for value in (row.train_loss, row.train_score, row.valid_loss, row.valid_score))


def test_snapshots_give_back_the_validation_scores_of_their_epochs(bank):
    state = trained(bank, epochs=5)
    assert state.last.epoch == 5
    ua = [row.valid_score for row in state.history]
    assert state.best.epoch == 1 + ua.index(max(ua)), "the earliest of the best"
    weights = class_weights(bank.emotions[TRAIN], 3)
    for snapshot in (state.best, state.last):
        state.network.load_state_dict(snapshot.weights)
        scores = score(state.network, bank, VALID, weights)
        assert scores.score == state.history[snapshot.epoch - 1].valid_score
        assert scores.loss == pytest.approx(state.history[snapshot.epoch - 1].valid_loss)
        torch.testing.assert_close(scores.probabilities, snapshot.probabilities)
        torch.testing.assert_close(scores.probabilities.sum(dim=1), torch.ones(15))


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(bank):
    state = new_state()
    poisoned = replace(bank, rows=torch.full_like(bank.rows, math.nan))
    train(state, poisoned, TRAIN, VALID, RECIPE, train_every=2)
    assert state.diverged_epoch == 1
    assert state.history == []
    state = new_state()
    train(state, bank, TRAIN, VALID, adam(1, 0.01), train_every=2)
    train(state, poisoned, TRAIN, VALID, RECIPE, train_every=2)
    assert state.diverged_epoch == 2
    assert len(state.history) == 1


def test_bf16_learns_too(bank):
    state = new_state()
    train(state, replace(bank, rows=bank.rows.bfloat16()), TRAIN, VALID, adam(12, 0.01), train_every=2)
    assert state.history[-1].valid_score > 80


def test_class_weights_are_inversely_proportional_to_class_size():
    weights = class_weights(torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2]), 3)
    assert (weights / weights[0]).tolist() == pytest.approx([1, 3, 1.5])


def test_an_absent_class_has_no_weight_and_the_others_have_theirs():
    weights = class_weights(torch.tensor([0, 0, 2]), 3)
    assert weights.tolist() == pytest.approx([0.75, 0, 1.5])
    assert weights[torch.tensor([0, 0, 2])].mean() == 1


def test_a_longer_run_reports_its_first_epochs_as_a_shorter_one_does(bank):
    short, long = trained(bank, epochs=3), trained(bank, epochs=7)
    # The short run, continued: its third epoch was its last once.
    train(short, bank, TRAIN, VALID, adam(7, 0.01), train_every=2)
    assert repr(reported_history(short.history, 7, 2)) == repr(long.history)
    assert all(torch.equal(short.last.weights[name], long.last.weights[name]) for name in long.last.weights)


def test_reported_history_blanks_only_what_the_run_would_not_have_measured():
    rows = [Epoch(n, 1, 50, 1, 60, 1, ua) for n, ua in enumerate([40, 45, 44, 43, 45], start=1)]
    measured = [math.isfinite(row.train_score_eval) for row in reported_history(rows, 5, 4)]
    assert measured == [True, True, False, True, True]
    assert len(reported_history(rows, 3, 4)) == 3
    assert math.isfinite(reported_history(rows, 3, 4)[-1].train_score_eval), "the last epoch is always measured"
