import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.branch_statistics import CoMoments, branch_statistics
from studies.correlation import CorrelationRun, claims, run_table, specs, table, train_one
from studies.figures.correlation import block_figure, layer_figure
from studies.networks.cifar import build_cifar
from studies.params import ExecutionParams, load_params
from studies.shake_runs import ShakeSpec
from tests.closure import ROOT

SMALL = load_params(ROOT / "studies/params.yaml").correlation
CPU = ExecutionParams(device="cpu")


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(1, 39), st.integers(0, 2**31))
def test_moments_in_parts_are_those_of_the_whole(items, cut, seed):
    values = np.random.default_rng(seed).normal(3, 2, (4, items))
    cut = min(cut, items - 1)
    merged = CoMoments.of(torch.tensor(values[:, :cut])).merged(CoMoments.of(torch.tensor(values[:, cut:])))
    np.testing.assert_allclose(merged.covariance, np.cov(values, bias=True), atol=1e-10)
    np.testing.assert_allclose(merged.correlation, np.corrcoef(values), atol=1e-8)


def test_statistics_are_those_of_the_branches_outputs_each_halved():
    network = build_cifar("RPreAct", 4, depth=8, in_channels=1, shaking=None).eval()
    pixels = torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    blocks = branch_statistics(network, pixels, images_at_once=3)
    with torch.no_grad():
        hidden = network.blocks[0](network.stem(pixels), torch.arange(10), None)
        left, right = (branch(hidden.clone()) for branch in network.blocks[1].branches)
        layers = [network.blocks[1].branches[side][1](torch.relu(hidden)) for side in (0, 1)]
    assert [one.count for one in blocks] == [10 * 4 * 64, 10 * 8 * 16, 10 * 16 * 4]
    expected = np.cov((left / 2).flatten().double(), (right / 2).flatten().double(), bias=True)
    np.testing.assert_allclose(blocks[1].covariance[3][[3, 7]], expected[0], rtol=1e-4)
    expected = np.corrcoef(layers[0].flatten().double(), layers[1].flatten().double())
    np.testing.assert_allclose(blocks[1].correlation[0, 4], expected[0, 1], rtol=1e-4)


def test_equal_branches_correlate_wholly():
    network = build_cifar("RPreAct", 4, depth=8, in_channels=1)
    for block in network.blocks:
        block.branches[1].load_state_dict(block.branches[0].state_dict())
    for one in branch_statistics(network, torch.randn(5, 1, 8, 8)):
        np.testing.assert_allclose(one.correlation.diagonal(4), 1, rtol=1e-6)


def test_branches_are_compared_in_pairs():
    network = build_cifar("RPreAct", 4, depth=8, in_channels=1)
    network.blocks[0].branches.append(network.blocks[0].branches[0])
    with pytest.raises(ValueError, match="expected blocks of two"):
        branch_statistics(network, torch.randn(2, 1, 8, 8))


def outcome(model, seed, output, same, crossed):
    """A run of one block, whose variables all have variance 1."""
    across = torch.full((4, 4), crossed, dtype=torch.float64).fill_diagonal_(same)
    across[3, 3] = output
    scatter = torch.eye(8, dtype=torch.float64)
    scatter[:4, 4:] = across
    return CorrelationRun(ShakeSpec(model, seed, SMALL, CPU), "done", 1.0, (CoMoments(1, torch.zeros(8), scatter),))


def test_table_and_claims_read_outputs_and_pairs_of_layers():
    runs = [outcome("E-E-B", seed, 0.5 + seed / 100, 0.4, 0.1 + seed / 100) for seed in (1, 2, 3)]
    runs += [outcome("S-S-I", seed, 0.2, 0.3, 0.4 + seed / 100) for seed in (1, 2, 3)]
    runs.append(CorrelationRun(ShakeSpec("S-S-I", 4, SMALL, CPU), "diverged", np.nan, ()))
    numbers = run_table(runs)
    rows = table(numbers)
    assert len(rows) == 2 * (9 + 1)
    keyed = rows.set_index(["model", "pair"])
    assert keyed.loc[("E-E-B", "output"), "correlation"] == pytest.approx(0.52)
    assert keyed.loc[("E-E-B", "L1R3"), "correlation"] == pytest.approx(0.12)
    assert keyed.loc[("S-S-I", "L2R2"), ["seeds", "correlation"]].tolist() == pytest.approx([3, 0.3])
    found = claims(numbers)
    assert found["verdict"].tolist() == ["shows", "shows", "reversed"]
    assert found["difference"].tolist() == pytest.approx([-0.32, 0.28, -0.12])
    for drawing in (block_figure(rows), layer_figure(rows)):
        assert "S-S-I" in drawing.svg
    assert "L1R3 0.12" in layer_figure(rows).alt


def test_a_run_is_trained_and_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = SMALL.recipe.model_copy(update={"epochs": 1, "batch_size": 256})
    params = SMALL.model_copy(update={"recipe": recipe, "width": 2, "depth": 8, "seeds": (1,)})
    runs = [train_one(spec) for spec in specs(params, CPU)]
    assert [run.status for run in runs] == ["done", "done"]
    numbers = run_table(runs)
    assert len(numbers) == 2 * 3 * 10
    assert numbers["correlation"].between(-1, 1).all()
