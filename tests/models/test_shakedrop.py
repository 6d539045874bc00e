import numpy as np
import pytest
import torch

from pipeline.models.collective import Place
from pipeline.models.options import ShakeDrop
from pipeline.models.resnext import build_network, decaying
from pipeline.models.shakedrop import BlockDrop, disturb, keep_probability
from pipeline.models.shaking import Draws

SMALL = {
    "kernel": (2, 4),
    "widths": (2, 2, 3),
    "blocks": (2, 1),
    "branches": 2,
    "num_classes": 3,
    "frame_shape": (4, 16),
}


def factors(shakedrop, rows=30_000, segments=None):
    """Forward and backward factors of many frames."""
    ones = torch.ones(rows, 1, 1, 1, requires_grad=True)
    of_frame = torch.arange(rows) if segments is None else segments
    draws = Draws(torch.Generator().manual_seed(1), Place(0, rows), Place(0, int(of_frame.max()) + 1))
    out = disturb(ones, shakedrop, of_frame, draws)
    (back,) = torch.autograd.grad(out, ones, torch.ones_like(out))
    return out.detach().flatten().numpy(), back.flatten().numpy()


def test_factors_are_those_of_the_formula():
    """b + alpha - b alpha forward, b + beta - b beta backward, from the same three draws."""
    forward, backward = factors(BlockDrop(0.3), rows=500)
    b, alpha, beta = torch.rand(3, 500, 1, generator=torch.Generator().manual_seed(1)).numpy()[..., 0]
    b, alpha = (b < 0.3).astype(np.float32), 2 * alpha - 1
    np.testing.assert_allclose(forward, b + alpha - b * alpha, atol=1e-6)
    np.testing.assert_allclose(backward, b + beta - b * beta, atol=1e-6)


@pytest.mark.parametrize("keep", [0.0, 0.4, 0.9, 1.0])
@pytest.mark.parametrize("alpha", [(-1.0, 1.0), (0.0, 1.0)])
def test_expected_factors(keep, alpha):
    forward, backward = factors(BlockDrop(keep, alpha=alpha))
    assert forward.mean() == pytest.approx(keep + (1 - keep) * sum(alpha) / 2, abs=0.02)
    assert BlockDrop(keep, alpha=alpha).expectation == pytest.approx(keep + (1 - keep) * sum(alpha) / 2)
    assert backward.mean() == pytest.approx(keep + (1 - keep) / 2, abs=0.02)


def test_a_level_shares_its_draws():
    segments = torch.tensor([0, 0, 1, 1, 1])
    for level, groups in (("frame", 5), ("segment", 2), ("batch", 1)):
        forward, backward = factors(BlockDrop(0.0, level), 5, segments)
        assert len(np.unique(forward)) == len(np.unique(backward)) == groups


def test_probabilities_decay_linearly_from_one_to_the_last():
    assert [keep_probability(block, 4, 0.5) for block in (1, 2, 3, 4)] == [0.875, 0.75, 0.625, 0.5]
    assert [one.keep for one in decaying(ShakeDrop(last_keep=0.5), 2)] == [0.75, 0.5]
    assert decaying(None, 3) == [None] * 3


def test_evaluation_uses_the_expectation_and_a_kept_network_is_the_plain_one():
    frames, segments = (
        torch.randn(6, 1, 4, 16, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0, 0, 0, 1, 1, 1]),
    )
    plain, kept = (
        build_network("PreActBN", **SMALL, shakedrop=drop).eval()
        for drop in (None, ShakeDrop(last_keep=0.999999999999))
    )
    torch.testing.assert_close(plain(frames, segments, 2), kept(frames, segments, 2))
    dropped = build_network("PreActBN", **SMALL, shakedrop=ShakeDrop(last_keep=0.5)).eval()
    assert [block.shakedrop.keep for stage in dropped.stages for block in stage] == pytest.approx([5 / 6, 2 / 3, 0.5])
    inputs = torch.randn(6, 2, 4, 16)
    block = dropped.stages[0][1]
    residual = sum(branch(inputs.clone()) for branch in block.branches) / 2
    torch.testing.assert_close(block(inputs.clone(), segments, None), 2 / 3 * residual + inputs)


def test_training_without_a_generator_is_refused():
    network = build_network("PreAct", **SMALL, dropout=0, shakedrop=ShakeDrop(last_keep=0.5)).train()
    with pytest.raises(ValueError, match="pass a generator"):
        network(torch.randn(2, 1, 4, 16), torch.tensor([0, 1]), 2)
