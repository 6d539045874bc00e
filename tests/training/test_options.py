"""Options of training: rates, losses, sampling, masks; and that a network of frames learns with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.core.features import Shape
from pipeline.models.family import Design
from pipeline.models.registry import family
from pipeline.training.augmenting import draw_masks, masked
from pipeline.training.batches import make_bank
from pipeline.training.checkpoints import load_checkpoint, save_checkpoint
from pipeline.training.device import multiplies_bf16
from pipeline.training.loop import Scoring, train, train_epoch
from pipeline.training.optimiser import make_optimiser, rate_at
from pipeline.training.order import balanced_batches
from pipeline.training.params import Augment, Recipe, TrainParams
from pipeline.training.run import speech_task
from pipeline.training.speech import SpeechTask
from pipeline.training.standardising import group_statistics
from pipeline.training.state import start_run

CPU = torch.device("cpu")
COUNTS = (1, 7, 20, 33)


def options(**changes):
    values = {
        "epochs": 4, "seeds": (1,), "folds": (1,), "batch_segments": 8, "learning_rate": 0.01, "precision": "fp32",
        "threads": 1, "eval_train_every": 2,
    }  # fmt: skip
    return TrainParams.model_validate(values | changes)


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def bank_of(counts=COUNTS, dims=6, left=0, right=0, every=1, emotions=None):
    source = np.random.default_rng(0)
    matrices = [source.standard_normal((count, dims)).astype(np.float32) + 3 for count in counts]
    emotions = [index % 2 for index in range(len(counts))] if emotions is None else emotions
    return make_bank(matrices, emotions, left=left, right=right, every=every, device=CPU)


def test_without_options_the_recipe_is_the_papers():
    expected = Recipe(
        epochs=4, batch_size=8, learning_rate=0.01, optimiser="adam", weight_decay=0.0, schedule="constant"
    )
    assert options().recipe == expected
    assert (options().gamma, options().follows_epochs) == (0.0, False)


@pytest.mark.parametrize(("share", "iterations"), [(0.3, 40), (0.1, 57), (0.5, 10)])
def test_one_cycle_is_pytorchs(share, iterations):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 0.02, total_steps=iterations, pct_start=share, cycle_momentum=False
    )
    recipe = options(schedule="one_cycle", warm_up=share, learning_rate=0.02).recipe
    for step in range(iterations):
        assert rate_at(recipe, step, iterations) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        if step + 1 < iterations:
            theirs.step()


def test_a_warm_up_rises_along_a_line_then_the_schedule_begins():
    recipe = options(schedule="cosine", warm_up=0.25, learning_rate=0.5).recipe
    rates = [rate_at(recipe, step, 16) for step in range(16)]
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    without = recipe.model_copy(update={"warm_up": 0.0})
    assert rates[4:] == [rate_at(without, step, 12) for step in range(12)]
    constant = options(warm_up=0.5, learning_rate=0.5).recipe
    assert [rate_at(constant, step, 4) for step in range(4)] == pytest.approx([0.5 / 3, 1 / 3, 0.5, 0.5])


def test_adamw_decays_weights_beside_the_gradient():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimiser = make_optimiser([weight], options(optimiser="adamw", learning_rate=0.1, weight_decay=0.5).recipe)
    weight.grad = torch.zeros(1)
    optimiser.step()
    assert weight.item() == pytest.approx(2 * (1 - 0.1 * 0.5))
    assert options(optimiser="adamw").recipe.weight_decay == 0.01
    assert options(optimiser="sgd").recipe.weight_decay == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"focal_gamma": 2.0}, "focal_gamma is 2, and loss is cross_entropy; expected it with `loss: focal` alone"),
        ({"momentum": 0.5}, "momentum is 0.5, and optimiser is adam; expected it with `sgd` alone"),
        ({"optimiser": "adamw", "weight_decay": 0.0}, "weight_decay is 0, with which adamw is adam"),
        ({"schedule": "one_cycle", "warm_up": 0.0}, "warm_up is 0, with which one_cycle does not rise"),
        ({"schedule": "steps"}, "schedule is steps with 0 steps"),
        ({"steps": ((0.5, 0.1),)}, "schedule is constant with 1 steps"),
        ({"augment": {"time_masks": 0, "frequency_masks": 0}}, "there are no masks"),
        ({"clip_norm": 0.0}, "greater than 0"),
        ({"optimiser": "lion"}, "'adam', 'adamw' or 'sgd'"),
    ],
)
def test_options_without_effect_are_refused(changes, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        options(**changes)


def test_gradients_are_clipped_to_the_norm_of_all_weights_together():
    bank = bank_of(COUNTS * 3)
    positions = torch.arange(len(bank.emotions))
    changes = {}
    for clip in (None, 1e-3):
        state = start_run(network_of(6), options(optimiser="sgd", clip_norm=clip).recipe, (0, 1), CPU)
        before = [parameter.detach().clone() for parameter in state.network.parameters()]
        task = SpeechTask(bank, positions, positions, 2, len(positions))
        train_epoch(state, task, options(optimiser="sgd", clip_norm=clip, learning_rate=1.0).recipe)
        moved = [(after - old).flatten() for after, old in zip(state.network.parameters(), before, strict=True)]
        changes[clip] = torch.cat(moved)
    # Nesterov's first step is 1.9 times the gradient.
    assert changes[1e-3].norm().item() == pytest.approx(1.9e-3, rel=1e-3)
    assert torch.cosine_similarity(changes[None], changes[1e-3], 0).item() == pytest.approx(1, abs=1e-4)


def network_of(dims, classes=2, name="attention", **changes):
    kind = family(name)
    model = kind.options(label="x", family=name, hidden=8, mlp=(), **changes)
    return kind.classifier(Design(model, None, None, classes, Shape(dims, frequency_axis=True)), 0)


def test_a_focal_loss_is_its_formula_and_counts_what_is_recognised_less():
    bank = bank_of(COUNTS * 2, emotions=[0, 1, 1, 1, 0, 1, 1, 0])
    positions = torch.arange(8)
    network = network_of(6)
    network.standardisation = None
    losses = {}
    for gamma in (0.0, 2.0):
        task = SpeechTask(bank, positions, positions, 2, 8, gamma=gamma)
        network.eval()
        scores = network.scores(bank.gather(positions))
        step = task.step(network, positions, noise())
        p = scores.softmax(1)[torch.arange(8), bank.emotions].double()
        weights = task.weights[bank.emotions].double()
        expected = (weights * (1 - p) ** gamma * -p.log()).sum() / weights.sum()
        assert step.objective.item() == pytest.approx(expected.item(), rel=1e-5)
        losses[gamma] = step.objective.item()
    assert losses[2.0] < losses[0.0]
    assert (options(loss="focal").gamma, options(loss="focal", focal_gamma=0.5).gamma) == (2.0, 0.5)


def test_a_focal_loss_has_finite_gradients_where_a_segment_is_recognised_without_doubt():
    from pipeline.training.speech import _loss

    scores = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    _loss(scores, torch.tensor([0, 0]), torch.ones(2), 0.5).backward()
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[1].abs().sum() > 0.5


@pytest.mark.parametrize("number", [60, 61, 62])
def test_balanced_batches_have_every_class_equally_often(number):
    classes = torch.tensor([0] * 45 + [1] * 10 + [2] * (number - 55))
    items = torch.arange(100, 100 + number)
    order = noise()
    seen = [torch.cat(list(balanced_batches(items, classes, 8, order))) for _ in range(2)]
    for epoch in seen:
        counts = classes[epoch - 100].bincount().tolist()
        assert sum(counts) == number
        assert max(counts) - min(counts) <= 1
        # All segments of small classes are seen, none twice more than another.
        of_each = torch.bincount(epoch - 100, minlength=number)
        assert of_each[:45].max() == 1
        assert of_each[45:55].min() >= 1
        assert of_each[45:55].max() - of_each[45:55].min() <= 1
    assert not torch.equal(*seen)
    again = torch.cat(list(balanced_batches(items, classes, 8, noise())))
    assert torch.equal(again, seen[0])


def test_balanced_sampling_takes_the_place_of_class_weights_in_training_alone():
    bank = bank_of(COUNTS * 4, emotions=[0] * 12 + [1] * 4)
    positions = torch.arange(16)
    task = SpeechTask(bank, positions, positions, 2, 8, sampling="balanced")
    assert task.step_weights.tolist() == [1.0, 1.0]
    assert task.weights.tolist() == pytest.approx([16 / 24, 2.0])
    shuffled = replace(task, sampling="shuffled")
    assert torch.equal(shuffled.step_weights, task.weights)
    drawn = torch.cat(list(task.batches(noise())))
    assert bank.emotions[drawn].bincount().tolist() == [8, 8]


@pytest.mark.parametrize(("left", "right", "every"), [(0, 0, 1), (2, 1, 4)])
def test_masks_cover_rows_and_columns_of_a_segment_whatever_the_splicing(left, right, every):
    """Against masking the rows of each segment one by one, then splicing."""
    bank = bank_of(left=left, right=right, every=every, dims=10)
    segments = torch.tensor([2, 0, 3, 1])
    augment = Augment(time_masks=2, time_width=5, frequency_masks=1, frequency_width=4)
    masks = draw_masks(augment, bank.rows_of(segments), 10, noise(3))
    batch = masked(bank.gather(segments), masks, every)
    original = bank.gather(segments)
    context = left + 1 + right
    for number, segment in enumerate(segments.tolist()):
        frames = -(-COUNTS[segment] // every)
        rows = bank.rows[bank.first_row[segment] :][: every * (frames - 1) + context].clone()
        for begin, end in masks.times[number].tolist():
            assert 0 <= begin <= end <= len(rows)
            assert end - begin <= min(5, len(rows) // 2)
            rows[begin:end] = 0
        for begin, end in masks.columns[number].tolist():
            assert end - begin <= 4
            rows[:, begin:end] = 0
        expected = rows.unfold(0, context, every).transpose(1, 2)
        mine = batch.segment_of_frame == number
        assert torch.equal(batch.frames[mine, 0], expected)
        # Features are 3 in the mean, so what is 0 was masked.
        assert (batch.frames[mine] == 0).sum() > 0 or (masks.times[number].diff() == 0).all()
    assert torch.equal(batch.frames[batch.frames != 0], original.frames[batch.frames != 0])


def test_widths_of_masks_are_drawn_evenly_up_to_the_limit_and_places_anywhere():
    rows = torch.full((4000,), 50)
    masks = draw_masks(Augment(time_masks=1, time_width=9), rows, 8, noise())
    begins, ends = masks.times[:, 0].T
    counts = (ends - begins).bincount().tolist()
    assert len(counts) == 10
    assert min(counts) > 300
    assert (begins.min(), ends.max()) == (0, 50)
    # At most half of a segment.
    short = draw_masks(Augment(time_masks=1, time_width=9), torch.full((500,), 5), 8, noise()).times
    assert short.diff().max() == 2


def test_only_training_batches_are_masked():
    bank = bank_of(COUNTS * 2, dims=8)
    positions = torch.arange(8)
    plain = SpeechTask(bank, positions, positions, 2, 8)
    augmented = replace(plain, augment=Augment(time_width=8, frequency_width=3))
    network = network_of(8)
    assert plain.score_valid(network).loss == augmented.score_valid(network).loss
    assert plain.score_train(network).loss == augmented.score_train(network).loss
    losses = [task.step(network, positions, noise()).loss.item() for task in (plain, augmented)]
    assert losses[0] != losses[1]


LEARNT = {
    "optimiser": "adamw", "schedule": "one_cycle", "clip_norm": 1.0, "loss": "focal", "sampling": "balanced",
    "augment": {"time_masks": 1, "time_width": 4, "frequency_masks": 1, "frequency_width": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def bank():
    """Segments of three classes, more of the first, each with a raised third of its columns."""
    source = np.random.default_rng(0)
    emotions = [max(0, index % 5 - 2) for index in range(75)]
    matrices = []
    for emotion in emotions:
        matrix = source.standard_normal((int(source.integers(8, 30)), 12)).astype(np.float32)
        matrix[:, 4 * emotion : 4 * emotion + 4] += 1.0
        matrices.append(matrix)
    return make_bank(matrices, emotions, left=0, right=0, every=1, device=CPU)


@pytest.mark.parametrize("name", ["attention", "cnn_lstm"])
def test_a_network_of_frames_learns_and_continues_from_a_checkpoint_to_the_same_bits(bank, tmp_path, name):
    torch.use_deterministic_algorithms(True)
    train_segments, valid_segments = torch.arange(55), torch.arange(55, 75)
    how = options(epochs=8, **LEARNT)
    kind = family(name)

    def fresh():
        changes = {"hidden": 8} if name == "attention" else {"lstm": 4, "halvings": 1}
        model = kind.options(label="x", family=name, convolutions=(4, 6), mlp=(), every=1, **changes)
        network = kind.classifier(Design(model, None, None, 3, Shape(12, frequency_axis=True)), 1)
        network.standardisation.set_statistics(*group_statistics(bank, train_segments, "fold"))
        return start_run(network, how.recipe, (2, 3), CPU)

    task = speech_task(bank, train_segments, valid_segments, 3, how)
    scoring = Scoring(valid_every=1, snapshots=True)
    whole, first, second = fresh(), fresh(), fresh()

    def save(state):
        if state.epoch == 3:
            save_checkpoint(state, tmp_path, ())

    train(whole, task, how.recipe, scoring, save)
    assert whole.history[-1].valid_score > 70
    assert load_checkpoint(second, tmp_path, 8) == 3
    train(second, task, how.recipe, scoring)
    train(first, task, how.recipe, scoring)
    for other in (first, second):
        assert repr(other.history) == repr(whole.history)
        assert all(torch.equal(other.last.weights[name], whole.last.weights[name]) for name in whole.last.weights)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("flags : fpu avx2 avx512f", False), ("flags : avx512f avx512_bf16", True), ("Features : fp asimd bf16", True)],
)
def test_a_processor_multiplies_bf16_if_it_says_so(tmp_path, flags, expected):
    described = tmp_path / "cpuinfo"
    described.write_text(f"processor : 0\n{flags}\n")
    assert multiplies_bf16(CPU, described) is expected
    assert multiplies_bf16(CPU, Path(tmp_path / "missing")) is True
