"""Training against a plain float64 reference, written from the paper's rules and not from the code under test."""

import re
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pipeline.models.options import Shaking
from pipeline.models.resnext import build_network
from pipeline.models.shaking import convex_weights
from pipeline.runs.identity import RunSpec
from pipeline.runs.run import execute
from pipeline.training.batches import make_bank
from pipeline.training.speech import class_weights, score
from pipeline.training.state import start_run
from tests.helpers.experiment import CLASSES, params_with, read_experiment, write_experiment
from tests.helpers.training import adam, train

CPU = torch.device("cpu")
BRANCHES = {
    "PreAct": "BN ReLU Conv BN ReLU Conv",
    "PreActBN": "BN ReLU Conv BN ReLU Conv BN",
    "RPreAct": "ReLU Conv BN ReLU Conv BN",
    "PostAct": "Conv BN ReLU Conv BN",
    "BN-Shake": "ReLU Conv ReLU Conv BN",
}
DROPOUT, RATE, ORDER_SEED, NOISE_SEED = 0.4, 1e-3, 11, 22


# The reference. `weights` are a network's own, by name, in float64; the pass of train mode has `noise`, others None.


def reference_scores(weights, layout, bands, matrices, noise=None, padding="paired", pooling="bands"):
    frames = [spliced(matrix) for matrix in matrices]
    hidden = convolved(F.pad(torch.cat(frames), (7, 7, 0, 0)), weights, "prelim")
    for block in named(weights, r"stages\.\d+\.\d+"):
        outputs = [
            branch_output(hidden, weights, branch, BRANCHES[layout], noise, padding)
            for branch in named(weights, re.escape(block) + r"\.branches\.\d+")
        ]
        mixed = shaken(outputs, bands, noise) if bands and noise else torch.stack(outputs).mean(dim=0)
        widens = f"{block}.shortcut.weight" in weights
        hidden = mixed + (convolved(hidden, weights, f"{block}.shortcut") if widens else hidden)
        if layout == "PostAct":
            hidden = hidden.clamp(min=0)
    # 32 bins: 8 bands of 4 for each channel, or each bin over all channels.
    pooled = hidden.unflatten(3, (8, 4)).mean(dim=(2, 4)).flatten(1) if pooling == "bands" else hidden.mean(dim=(1, 2))
    vectors = torch.stack([part.mean(dim=0) for part in pooled.split([len(part) for part in frames])])
    if layout != "PreAct":
        vectors = normalised(vectors, weights, "standardise", noise)
    if noise:
        kept = torch.empty(vectors.shape).bernoulli_(1 - DROPOUT, generator=noise)
        vectors = torch.where(kept == 1, vectors / (1 - DROPOUT), 0)
    return vectors @ weights["affine.weight"].T


def spliced(matrix):
    """Ten spectrogram frames before and five after every eighth, edge frames repeated: (frames, 1, 16, bins)."""
    centres = np.arange(0, len(matrix), 8)[:, None]
    context = np.clip(centres + np.arange(-10, 6), 0, len(matrix) - 1)
    return torch.from_numpy(matrix[context]).double().unsqueeze(1)


def branch_output(hidden, weights, branch, operations, noise, padding):
    layers = iter(named(weights, re.escape(branch) + r"\.\d+"))
    before = 1
    for operation in operations.split():
        if operation == "BN":
            hidden = normalised(hidden, weights, next(layers), noise)
        elif operation == "ReLU":
            hidden = hidden.clamp(min=0)
        elif padding == "same":
            hidden = convolved(F.pad(hidden, (7, 8, 0, 1)), weights, next(layers))
        else:  # one row and eight bins on each side, then none and seven
            hidden = convolved(F.pad(hidden, (7 + before, 7 + before, before, before)), weights, next(layers))
            before = 0
    return hidden


def shaken(outputs, bands, noise):
    """The value is weighted by alpha, the gradient by beta: alpha is drawn first, a weight a frame and band."""
    bins = outputs[0].shape[3]
    alpha, beta = (
        convex_weights(len(outputs), len(outputs[0]), bands, noise).double().repeat_interleave(bins // bands, dim=2)
        for _ in range(2)
    )
    alpha, beta, outputs = alpha[:, :, None, None], beta[:, :, None, None], torch.stack(outputs)
    return (beta * outputs).sum(dim=0) + ((alpha - beta) * outputs).sum(dim=0).detach()


def convolved(hidden, weights, name):
    return F.conv2d(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])


def normalised(hidden, weights, name, noise):
    """Over batch and positions in train mode, which moves the running statistics by a tenth."""
    scale, shift = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
    statistics = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    return F.batch_norm(hidden, *statistics, scale, shift, training=noise is not None, momentum=0.1, eps=1e-5)


def named(weights, pattern):
    """Modules of a pattern, in the network's order."""
    return list(dict.fromkeys(found[0] for name in weights if (found := re.match(pattern + r"(?=\.)", name))))


def reference_loss(scores, emotions, size_of_class):
    """Summed cross-entropies over inverse class sizes, and the sum of the latter."""
    weight = 1 / size_of_class[emotions].double()
    return -(weight * scores.log_softmax(dim=1)[range(len(emotions)), emotions]).sum(), weight.sum()


def reference_ua(scores, emotions):
    right = scores.argmax(dim=1) == emotions
    return 100 * np.mean([right[emotions == emotion].double().mean().item() for emotion in emotions.unique()])


def reference_epoch(weights, batches, emotions, size_of_class, scores_of):
    """Train `weights` in place by Adam; return loss and accuracy of the pass, and the last batch's gradients."""
    learnt = [name for name in weights if name.endswith(("weight", "bias"))]
    first, second = ({name: torch.zeros_like(weights[name]) for name in learnt} for _ in range(2))
    losses, totals, scores = [], [], []
    for step, batch in enumerate(batches, start=1):
        for name in learnt:
            weights[name] = weights[name].detach().requires_grad_()
        scores.append(scores_of(weights, batch))
        loss, total = reference_loss(scores[-1], emotions[batch], size_of_class)
        gradients = dict(
            zip(learnt, torch.autograd.grad(loss / total, [weights[name] for name in learnt]), strict=True)
        )
        # What a later normalisation takes away again has no gradient; Adam would make strides of rounding errors.
        learnt = [name for name in learnt if gradients[name].abs().max() > 1e-10]
        for name in learnt:
            first[name] = 0.9 * first[name] + 0.1 * gradients[name]
            second[name] = 0.999 * second[name] + 0.001 * gradients[name] ** 2
            stride = first[name] / (1 - 0.9**step) / ((second[name] / (1 - 0.999**step)).sqrt() + 1e-8)
            weights[name] = weights[name].detach() - RATE * stride
        losses.append(loss.item())
        totals.append(total.item())
    ua = reference_ua(torch.cat(scores), emotions[torch.cat(batches)])
    return sum(losses) / sum(totals), ua, {name: gradients[name] for name in learnt}


# The comparison.


def some_segments(number):
    """Segments of 1 to 3 model frames and 33 bins; the three classes are 1/2, 1/3 and 1/6 of them."""
    source = np.random.default_rng(3)
    emotions = torch.tensor([(0, 1, 0, 1, 0, 2)[index % 6] for index in range(number)])
    matrices = [source.standard_normal((length, 33)).astype(np.float32) for length in source.integers(4, 25, number)]
    bank = make_bank(matrices, emotions.tolist(), left=10, right=5, every=8, device=CPU)
    return matrices, emotions, replace(bank, rows=bank.rows.double())


def some_network(layout, bands, branches=2, padding="paired", pooling="bands", dropout=DROPOUT):
    """No weight and no running statistic is left at 0 or 1, where a mistake could hide."""
    network = build_network(
        layout, kernel=(2, 16), widths=(2, 3, 4), blocks=(2, 1), branches=branches, num_classes=3, frame_shape=(16, 33),
        dropout=dropout, shaking=Shaking(bands=bands) if bands else None, padding=padding, pooling=pooling, seed=4,
    ).double()  # fmt: skip
    source = torch.Generator().manual_seed(5)
    for tensor in network.state_dict().values():
        if tensor.dim() == 1:
            tensor.add_(0.5 * torch.rand(tensor.shape, generator=source))
    return network


@pytest.fixture
def in_float64(monkeypatch):
    """The code under test works in float32: let its casts be to float64 as everything else is here."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


def copied_weights(network):
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


EVERY_LAYOUT = [(layout, bands, {}) for layout in BRANCHES for bands in (0, 1, 2)]
VARIANTS = [
    ("PreActBN", 2, {"branches": 3}),
    ("PreAct", 1, {"padding": "same"}),
    ("RPreAct", 2, {"pooling": "bins"}),
    ("PostAct", 0, {"branches": 1}),
]


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(
    ("layout", "bands", "options", "sizes"),
    [(*case, (8, 5)) for case in EVERY_LAYOUT + VARIANTS]
    + [(layout, 2, {}, (8,)) for layout in BRANCHES]
    + [("PreActBN", 2, {}, (10,))],
)
def test_an_epoch_does_what_the_reference_does(layout, bands, options, sizes):
    number = sum(sizes)
    matrices, emotions, bank = some_segments(number + 6)
    training, validation = torch.arange(number), torch.arange(number, number + 6)
    network = some_network(layout, bands, **options)
    rules = {name: value for name, value in options.items() if name != "branches"}

    weights = copied_weights(network)
    noise = torch.Generator().manual_seed(NOISE_SEED)
    batches = torch.randperm(number, generator=torch.Generator().manual_seed(ORDER_SEED)).split(list(sizes))
    size_of_class = torch.bincount(emotions[:number])

    def scores_of(weights, batch, noise=noise):
        return reference_scores(weights, layout, bands, [matrices[index] for index in batch], noise, **rules)

    loss, ua, gradients = reference_epoch(weights, batches, emotions, size_of_class, scores_of)

    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in gradients)
    state = start_run(network, adam(1, RATE), (ORDER_SEED, NOISE_SEED), CPU)
    train(state, bank, training, validation, adam(1, RATE))

    row = state.history[0]
    assert row.train_loss == pytest.approx(loss)
    assert row.train_score == pytest.approx(ua)
    for name, parameter in state.network.named_parameters():
        if name in gradients:
            torch.testing.assert_close(
                parameter.grad, gradients[name], rtol=1e-6, atol=1e-10, msg=f"gradient of {name}"
            )
    for name, tensor in state.network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(tensor, weights[name].detach(), rtol=1e-7, atol=1e-9, msg=name)

    for part, measured in (
        (training, (row.train_loss_eval, row.train_score_eval)),
        (validation, (row.valid_loss, row.valid_score)),
    ):
        with torch.no_grad():
            scores = scores_of(weights, part, noise=None)
        summed, total = reference_loss(scores, emotions[part], size_of_class)
        assert measured[0] == pytest.approx((summed / total).item())
        assert measured[1] == pytest.approx(reference_ua(scores, emotions[part]))
    torch.testing.assert_close(state.last.probabilities, scores.softmax(dim=1), rtol=1e-7, atol=1e-9)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(("layout", "bands", "options"), EVERY_LAYOUT + VARIANTS)
def test_scoring_does_what_the_reference_does(layout, bands, options):
    matrices, emotions, bank = some_segments(30)
    network = some_network(layout, bands, **options)
    training, part = torch.arange(18), torch.tensor([3, 20, 21, 22, 23, 24, 29, 5])
    options = {name: value for name, value in options.items() if name != "branches"}
    with torch.no_grad():
        scores = reference_scores(copied_weights(network), layout, bands, [matrices[i] for i in part], **options)
    summed, total = reference_loss(scores, emotions[part], torch.bincount(emotions[training]))
    found = score(network, bank, part, class_weights(emotions[training], 3))
    assert found.loss == pytest.approx((summed / total).item())
    assert found.score == pytest.approx(reference_ua(scores, emotions[part]))
    torch.testing.assert_close(found.probabilities, scores.softmax(dim=1), rtol=1e-7, atol=1e-9)


# The random streams.


def loss_of(seeds, bands=1, dropout=DROPOUT):
    """The loss of an epoch of two batches, from one initialisation."""
    _, _, bank = some_segments(18)
    network = some_network("PreActBN", bands, dropout=dropout)
    state = start_run(network, adam(1, RATE), seeds, CPU)
    train(state, bank, torch.arange(12), torch.arange(12, 18), adam(1, RATE))
    return state.history[0].train_loss


@pytest.mark.usefixtures("in_float64")
def test_order_and_noise_have_a_seed_each():
    assert loss_of((1, 2)) == loss_of((1, 2))
    assert len({loss_of(seeds) for seeds in ((1, 2), (1, 3), (2, 2), (2, 1), (1, 1))}) == 5


@pytest.mark.usefixtures("in_float64")
def test_dropout_and_shaking_both_follow_the_noise_seed_alone():
    for options in ({"bands": 0}, {"dropout": 0.0}):
        assert loss_of((1, 2), **options) != loss_of((1, 3), **options)
    assert loss_of((1, 2), bands=0, dropout=0.0) == loss_of((1, 3), bands=0, dropout=0.0)
    assert loss_of((1, 2), bands=0, dropout=0.0) != loss_of((2, 2), bands=0, dropout=0.0)


def test_every_seed_fold_and_purpose_has_a_stream_of_its_own():
    params = params_with()
    specs = [RunSpec("PreAct", fold, seed, 1, params, "data") for seed in range(4) for fold in range(1, 5)]
    for purposes in (("initialisation", "order", "noise"), ("order",), ("noise",)):
        streams = [getattr(spec.seeds, purpose) for spec in specs for purpose in purposes]
        assert len(set(streams)) == len(streams)
        twins = [replace(spec, model="PreActBN-Full", epochs=7, data="other") for spec in specs]
        assert [getattr(spec.seeds, purpose) for spec in twins for purpose in purposes] == streams


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    root = tmp_path_factory.mktemp("experiment")
    write_experiment(root)
    return read_experiment(params_with(), root)


def test_execute_hands_each_stream_to_its_own_part_of_a_run(experiment, tmp_path):
    spec = RunSpec("PreActBN-Full", 1, 2, 1, params_with({"train.epochs": 1}), "data")
    executed = []
    execute(spec, experiment, tmp_path, lambda *news: executed.append(news[-1]))

    def by_hand(initialisation, order, noise):
        network = build_network(
            "PreActBN", kernel=(2, 4), widths=(8, 8), blocks=(1,), branches=2, num_classes=len(CLASSES),
            frame_shape=(4, 257), dropout=0.1, shaking=Shaking(), seed=initialisation,
        )  # fmt: skip
        state = start_run(network, adam(1, 0.01), (order, noise), CPU)
        parts = experiment.split(spec.fold)
        train(state, experiment.bank, parts.train, parts.valid, adam(1, 0.01), train_every=3)
        return repr(state.history)

    initialisation, order, noise = astuple(spec.seeds)
    history = by_hand(initialisation, order, noise)
    assert repr(executed[-1].history) == history
    others = (initialisation + 1, order, noise), (initialisation, order + 1, noise), (initialisation, order, noise + 1)
    assert history not in [by_hand(*seeds) for seeds in others]
