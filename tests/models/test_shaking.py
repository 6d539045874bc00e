import pytest
import torch
from torch.autograd import gradcheck

from pipeline.models.collective import Place
from pipeline.models.options import RULES, Shaking
from pipeline.models.shaking import Draws, _Mix, convex_weights, mix_branches, opposed_weights

FRAMES, CHANNELS, HEIGHT, BINS = 6, 3, 4, 8
SEGMENTS = torch.tensor([0, 0, 0, 1, 1, 1])


def draws(seed):
    return Draws(torch.Generator().manual_seed(seed), Place(0, FRAMES), Place(0, 2))


def branches(number=2):
    source = torch.Generator().manual_seed(1)
    return [
        torch.randn(FRAMES, CHANNELS, HEIGHT, BINS, generator=source, requires_grad=True) for _ in range(number)
    ]  # fmt: skip


def observed(shaking, number=2, seed=0):
    """Forward and backward weights, (branch, frame, channel, height, bin), read off a pass over one-hot branches."""
    inputs = branches(number)
    alphas = []
    for chosen in range(number):
        ones = [torch.full_like(x, float(n == chosen)) for n, x in enumerate(inputs)]
        alphas.append(mix_branches(ones, shaking, SEGMENTS, draws(seed)))
    mixed = mix_branches(inputs, shaking, SEGMENTS, draws(seed))
    betas = torch.autograd.grad(mixed, inputs, torch.ones_like(mixed))
    return torch.stack(alphas).detach(), torch.stack(betas)


def test_forward_is_the_weighted_sum():
    inputs = branches()
    alpha, _ = observed(Shaking())
    mixed = mix_branches(inputs, Shaking(), SEGMENTS, draws(0))
    torch.testing.assert_close(mixed, (alpha * torch.stack(inputs)).sum(dim=0))


def test_backward_gives_branch_n_its_beta_times_the_gradient_whatever_alpha_was():
    inputs = branches(3)
    gradient = torch.randn(FRAMES, CHANNELS, HEIGHT, BINS, generator=torch.Generator().manual_seed(2))
    beta = torch.rand(3, FRAMES, 1, 1, BINS, generator=torch.Generator().manual_seed(3))
    for seed in (4, 5):
        alpha = torch.rand(3, FRAMES, 1, 1, BINS, generator=torch.Generator().manual_seed(seed))
        received = torch.autograd.grad(_Mix.apply(alpha, beta, *inputs), inputs, gradient)
        for n in range(3):
            assert torch.equal(received[n], beta[n] * gradient)


def test_keeping_the_forward_weights_gives_the_true_gradient():
    inputs = [x.detach().double().requires_grad_() for x in branches()]
    alpha = torch.rand(2, FRAMES, 1, 1, 1, dtype=torch.float64)
    assert gradcheck(lambda *x: _Mix.apply(alpha, alpha, *x), inputs)


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("bands", [1, 2, 3])
def test_weights_are_convex_and_forward_and_backward_are_drawn_apart(number, bands):
    for weights in (both := observed(Shaking(bands=bands), number)):
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(dim=0), torch.ones(FRAMES, CHANNELS, HEIGHT, BINS))
    assert not torch.allclose(*both)


def test_every_frame_and_every_band_draws_its_own_weight():
    weights, _ = observed(Shaking(bands=2))
    first = weights[0]
    assert (first == first[:, :1, :1]).all(), "one weight for all channels and rows"
    halves = first[:, 0, 0].unflatten(1, (2, BINS // 2))
    assert (halves == halves[:, :, :1]).all(), "one weight in a half"
    assert len(torch.unique(halves[:, :, 0])) == 2 * FRAMES, "frames and halves differ"


def test_full_shaking_draws_one_weight_for_the_whole_map():
    weights, _ = observed(Shaking())
    assert len(torch.unique(weights[0])) == FRAMES


@pytest.mark.parametrize(("level", "draws"), [("frame", 6), ("segment", 2), ("batch", 1)])
def test_level_says_what_shares_a_draw(level, draws):
    for weights in observed(Shaking(level=level)):
        assert len(torch.unique(weights[0])) == draws
        if level == "segment":
            assert (weights[0, :3] == weights[0, 0]).all()


def test_rules():
    alpha, beta = observed(Shaking(forward="even", backward="shake"))
    assert (alpha == 0.5).all()
    assert len(torch.unique(beta[0])) == FRAMES
    alpha, beta = observed(Shaking(backward="even"))
    assert (beta == 0.5).all()
    assert len(torch.unique(alpha[0])) == FRAMES
    alpha, beta = observed(Shaking(bands=2, backward="keep"))
    assert torch.equal(alpha, beta)


def test_bands_split_the_axis_as_evenly_as_can_be():
    weights, _ = observed(Shaking(bands=3))
    runs = torch.unique_consecutive(weights[0, 0, 0, 0], return_counts=True)[1]
    assert runs.tolist() == [3, 3, 2]


def test_more_bands_than_bins_are_refused():
    with pytest.raises(ValueError, match="9 sub-bands of 8 frequency bins"):
        mix_branches(branches(), Shaking(bands=9), SEGMENTS, draws(0))


def test_two_branches_draw_uniformly_and_more_draw_uniformly_on_the_simplex():
    source = torch.Generator().manual_seed(0)
    pair = convex_weights(2, 20_000, 1, source)
    assert pair[0].mean().item() == pytest.approx(1 / 2, abs=0.01)
    assert pair[0].var().item() == pytest.approx(1 / 12, abs=0.005)
    # A coordinate of Dirichlet(1, 1, 1, 1) is Beta(1, 3): mean 1/4, variance 3/80.
    four = convex_weights(4, 20_000, 1, source)
    assert four.mean(dim=(1, 2)).tolist() == pytest.approx([1 / 4] * 4, abs=0.01)
    assert four.var(dim=(1, 2)).tolist() == pytest.approx([3 / 80] * 4, abs=0.005)


def opposed(rule, alpha, share):
    """Gastaldi 2017, table 3, written out."""
    if alpha >= 0.5:
        return 1 - opposed(rule, 1 - alpha, share)
    return {
        "M1": 1 - alpha,
        "M2": share * alpha,
        "M3": share * (0.5 - alpha) + alpha,
        "M4": share * (0.5 - alpha) + 0.5,
        "M5": share * alpha + (1 - alpha),
    }[rule]


@pytest.mark.parametrize("rule", RULES)
def test_backward_weights_at_a_distance_are_those_of_the_table(rule):
    alpha = torch.rand(1000, 1, generator=torch.Generator().manual_seed(1))
    share = torch.rand(1000, 1, generator=torch.Generator().manual_seed(2))
    expected = [opposed(rule, float(a), float(r)) for a, r in zip(alpha, share, strict=True)]
    beta = opposed_weights(rule, alpha, torch.Generator().manual_seed(2))
    torch.testing.assert_close(beta[:, 0], torch.tensor(expected))


@pytest.mark.parametrize(
    ("rule", "expected"), [("M1", 0.5), ("M2", 0.125), ("M3", 0.125), ("M4", 0.375), ("M5", 0.625)]
)
def test_mean_distance_of_backward_from_forward_weights(rule, expected):
    """E|beta - alpha| with alpha and r from U(0, 1), where the smaller of alpha and 1 - alpha is 1/4 in the mean."""
    alpha, beta = (part[0].flatten() for part in many(Shaking(backward=rule)))
    assert float((beta - alpha).abs().mean()) == pytest.approx(expected, abs=0.01)
    assert float(beta.mean()) == pytest.approx(0.5, abs=0.01)


def many(shaking, rows=20_000):
    """Weights (branch, rows) of many frames."""
    tiny = [torch.ones(rows, 1, 1, 1, requires_grad=True), torch.zeros(rows, 1, 1, 1, requires_grad=True)]
    place = Place(0, rows)
    mixed = mix_branches(tiny, shaking, torch.arange(rows), Draws(torch.Generator().manual_seed(3), place, place))
    betas = torch.autograd.grad(mixed, tiny, torch.ones_like(mixed))
    return (mixed.detach(), 1 - mixed.detach()), betas


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("level", ["frame", "segment", "batch"])
def test_backward_weights_at_a_distance_share_the_draws_of_their_level_and_sum_to_one(rule, level):
    _, beta = observed(Shaking(backward=rule, level=level))
    torch.testing.assert_close(beta.sum(dim=0), torch.ones_like(beta[0]))
    distinct = {"frame": FRAMES, "segment": 2, "batch": 1}[level]
    assert len(beta[0].flatten(1).unique(dim=0)) == distinct


def test_weights_stay_in_their_interval():
    alpha, beta = many(Shaking(interval=(0.4, 0.6)))
    for first in (alpha[0], beta[0]):
        assert 0.4 <= float(first.min()) < 0.41
        assert 0.59 < float(first.max()) <= 0.6
