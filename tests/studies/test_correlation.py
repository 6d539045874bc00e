import numpy as np
import pandas as pd
import pytest
import torch

from studies.core.params import ExecutionParams
from studies.correlation.figures import correlation_figure, layer_pairs_figure
from studies.correlation.results import claims, table
from studies.correlation.runs import OUTPUT, Comoments, branch_correlations, specs
from studies.datasets.images import Images
from studies.params import load_params
from studies.shake_rules.runs import Spec, build
from studies.shake_rules.variants import VARIANTS
from tests.helpers.closure import ROOT

PARAMS = load_params(ROOT / "studies/params.yaml").shake_rules
CPU = ExecutionParams(device="cpu")


def network(seed=1):
    return build(Spec(VARIANTS[0], seed, PARAMS.experiments[0], CPU), 1, 10)


def images(count=60):
    source = torch.Generator().manual_seed(0)
    return Images(torch.randn(count, 1, 8, 8, generator=source), torch.zeros(count, dtype=torch.int64))


def test_sums_over_batches_give_numpys_covariance_and_correlation():
    source = np.random.default_rng(0)
    left = source.standard_normal((50, 3, 2)).astype(np.float32)
    right = (0.5 * left + source.standard_normal(left.shape)).astype(np.float32)
    sums = Comoments()
    for part in (slice(0, 20), slice(20, 50)):
        sums.add(torch.from_numpy(left[part]), torch.from_numpy(right[part]))
    pairs = [(left.reshape(50, -1)[:, item], right.reshape(50, -1)[:, item]) for item in range(6)]
    flat = left.ravel(), right.ravel()
    assert sums.covariance() == pytest.approx(np.cov(*flat, ddof=0)[0, 1], rel=1e-5)
    assert sums.correlation() == pytest.approx(np.corrcoef(*flat)[0, 1], rel=1e-5)
    assert sums.correlation_by_item() == pytest.approx(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]), rel=1e-5)


def test_items_that_do_not_vary_count_for_nothing():
    sums = Comoments()
    sums.add(torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[2.0, 5.0], [4.0, 1.0]]))
    assert sums.correlation_by_item() == pytest.approx(1)
    assert sums.correlation() == pytest.approx(np.corrcoef([1, 2, 0, 0], [2, 4, 5, 1])[0, 1])
    still = Comoments()
    still.add(torch.zeros(4, 2), torch.zeros(4, 2))
    assert np.isnan(still.correlation())
    assert np.isnan(still.correlation_by_item())


def test_equal_branches_correlate_fully_and_a_mirrored_one_fully_the_other_way():
    twins = network()
    for block in twins.blocks:
        block.branches[1].load_state_dict(block.branches[0].state_dict())
    table = branch_correlations(twins, images()).set_index(["left", "right"])
    assert table.loc[("output", "output"), "correlation"].to_numpy() == pytest.approx(1, abs=1e-4)
    assert table.loc[("L1", "R1"), "correlation"].to_numpy() == pytest.approx(1, abs=1e-4)
    with torch.no_grad():
        for block in twins.blocks:
            block.branches[1][-1].weight.neg_()
    mirrored = branch_correlations(twins, images()).set_index(["left", "right"])
    assert mirrored.loc[("output", "output"), "correlation"].to_numpy() == pytest.approx(-1, abs=1e-4)


def test_every_block_has_its_output_and_nine_pairs_of_layers():
    table = branch_correlations(network(), images())
    assert len(table) == 3 * 10
    assert set(table["block"]) == {1, 2, 3}
    assert {"L1", "L2", "L3"} < set(table["left"])
    assert table["correlation"].between(-1, 1).all()


def test_outputs_enter_with_their_factor_of_one_half():
    one = network()
    seen = {}
    handles = [
        one.blocks[0]
        .branches[side]
        .register_forward_hook(lambda _, __, out, side=side: seen.update({side: out.clone()}))
        for side in (0, 1)
    ]
    table = branch_correlations(one, images()).set_index(["block", "left"])
    for handle in handles:
        handle.remove()
    left, right = (seen[side].flatten(1).numpy() for side in (0, 1))
    expected = np.mean((left - left.mean()) * (right - right.mean())) / 4
    assert table.loc[(1, "output"), "covariance"] == pytest.approx(expected, rel=1e-4)


def test_the_summary_has_both_settings_and_their_difference():
    params = PARAMS.model_copy(update={"seeds": (1, 2)})
    listed = specs(params, CPU)
    assert [(one.variant.name, one.seed) for one in listed] == [
        (name, seed) for name in ("E-E-B", "S-S-I") for seed in (1, 2)
    ]
    rows = pd.concat([
        branch_correlations(network(seed), images()).assign(setting=name, seed=seed)
        for name in ("E-E-B", "S-S-I") for seed in (1, 2)
    ])  # fmt: skip
    means = table(rows)
    differences = means[means["setting"] == "S-S-I - E-E-B"]
    assert len(differences) == 30
    assert differences["correlation"].to_numpy() == pytest.approx(0)
    assert (means["seeds"] == 2).all()
    assert "blocks" in correlation_figure(means, "digits").alt
    drawing = layer_pairs_figure(means, "digits")
    assert len(drawing.data) == 2 * 3 * 9, "two settings, three blocks, nine pairs"
    assert set(drawing.data["setting"]) == {"E-E-B", "S-S-I"}
    same = means[
        (means["setting"] == "S-S-I") & (means["left"].str[1:] == means["right"].str[1:]) & (means["left"] != OUTPUT)
    ]
    assert f"S-S-I {same['correlation'].mean():.2f} same" in drawing.alt


def test_claims_compare_outputs_and_aligned_layers_paired_by_seed():
    def rows(setting, seed, output, same, other):
        pairs = [("output", "output", output), ("L1", "R1", same), ("L2", "R2", same), ("L1", "R2", other)]
        return [(setting, seed, 1, left, right, 0.0, value) for left, right, value in pairs]

    listed = [row for seed in (1, 2, 3) for row in rows("E-E-B", seed, 0.5, 0.4, 0.1 + seed / 100)]
    listed += [row for seed in (1, 2, 3) for row in rows("S-S-I", seed, 0.2 + seed / 100, 0.3, 0.4 + seed / 100)]
    columns = ["setting", "seed", "block", "left", "right", "covariance", "correlation"]
    found = claims(pd.DataFrame(listed, columns=columns))
    layers = [(2 * 0.3 + 0.4 - 2 * 0.4 - 0.1) / 3]
    assert found["difference"].tolist() == pytest.approx([-0.28, *layers, 0.28, -0.12])
    assert found["verdict"].tolist() == ["shows", "reversed", "shows", "reversed"]
