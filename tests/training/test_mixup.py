import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from pipeline.models.options import Mixup
from pipeline.models.resnext import build_network
from pipeline.training.mixup import draw_pairs, mixed_loss

SMALL = {
    "kernel": (2, 4),
    "widths": (2, 2, 3),
    "blocks": (1, 1),
    "branches": 2,
    "num_classes": 3,
    "frame_shape": (4, 16),
}
HALF = Mixup(alpha=0.5)


def pairs_of(counts, mixup=HALF, layers=3, seed=0):
    segment_of_frame = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return segment_of_frame, draw_pairs(
        mixup, segment_of_frame, len(counts), layers, torch.Generator().manual_seed(seed)
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 10))
@settings(max_examples=50, deadline=None)
def test_a_mixture_is_as_long_as_its_shorter_segment_and_takes_neighbouring_frames(counts, seed):
    segment_of_frame, pairs = pairs_of(counts, seed=seed)
    mixing = pairs.mixing
    assert sorted(pairs.partner.tolist()) == list(range(len(counts)))
    for segment, partner in enumerate(pairs.partner.tolist()):
        rows = mixing.segment_of_frame == segment
        assert int(rows.sum()) == min(counts[segment], counts[partner])
        for taken, owner in ((mixing.first[rows], segment), (mixing.second[rows], partner)):
            assert set(segment_of_frame[taken].tolist()) == {owner}
            assert (taken.diff() == 1).all()
        assert set(mixing.share[rows].tolist()) == {pairs.share[segment].item()}
    assert ((pairs.share >= 0) & (pairs.share <= 1)).all()


def test_longer_segments_are_cut_at_a_random_place():
    begins = {int(pairs_of([1, 6], seed=seed)[1].mixing.first[-1]) for seed in range(60)}
    assert {1, 2, 3, 4, 5, 6} <= begins


def test_shares_follow_the_beta_distribution():
    shares = torch.cat([pairs_of([1] * 500, Mixup(alpha=0.4), seed=seed)[1].share for seed in range(20)]).numpy()
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)


def test_manifold_mixes_before_any_layer_and_plain_mixup_the_input():
    assert {pairs_of([2, 2], Mixup(alpha=1.0, manifold=True), seed=seed)[1].mixing.layer for seed in range(40)} == {
        0,
        1,
        2,
    }
    assert {pairs_of([2, 2], seed=seed)[1].mixing.layer for seed in range(5)} == {0}


def test_mixing_is_the_weighted_sum_of_the_frames():
    _, pairs = pairs_of([3, 2])
    frames = np.random.default_rng(0).standard_normal((5, 1, 4, 16)).astype(np.float32)
    share = pairs.mixing.share.numpy()[:, None, None, None]
    expected = share * frames[pairs.mixing.first] + (1 - share) * frames[pairs.mixing.second]
    np.testing.assert_allclose(pairs.mixing(torch.from_numpy(frames)).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_network_mixes_before_the_layer_named(layer):
    segment_of_frame, pairs = pairs_of([3, 2, 4])
    mixing = type(pairs.mixing)(layer, *list(vars(pairs.mixing).values())[1:])
    network = build_network("PreActBN", **SMALL, dropout=0.0).eval()
    frames = torch.randn(9, 1, 4, 16, generator=torch.Generator().manual_seed(0))
    hidden, segments = frames, segment_of_frame
    for number, part in enumerate([network.prelim, *network.stages]):
        if number == layer:
            hidden, segments = mixing(hidden), mixing.segment_of_frame
        for block in part if number else [lambda x, *_: network.prelim(x)]:
            hidden = block(hidden, segments, None)
    pooled = torch.stack([network._pool(hidden)[segments == segment].mean(dim=0) for segment in range(3)])
    torch.testing.assert_close(
        network(frames, segment_of_frame, 3, None, mixing), network.affine(network.standardise(pooled))
    )


def test_the_loss_weighs_both_targets():
    _, pairs = pairs_of([2, 2, 2, 2], seed=3)
    scores, target = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 2])
    weights = torch.tensor([0.5, 1.0, 2.0])
    loss, total = mixed_loss(scores, target, pairs, weights)
    log = F.log_softmax(scores, dim=1).numpy()
    expected = expected_total = 0.0
    for segment in range(4):
        for classes, share in (
            (int(target[segment]), float(pairs.share[segment])),
            (int(target[pairs.partner[segment]]), 1 - float(pairs.share[segment])),
        ):
            expected -= share * float(weights[classes]) * log[segment, classes]
            expected_total += share * float(weights[classes])
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(total) == pytest.approx(expected_total, rel=1e-5)
