import numpy as np
import pandas as pd
import pytest
import torch

from studies.core.claims import Claim
from studies.core.labels import model_name
from studies.core.params import ExecutionParams
from studies.datasets import digits
from studies.datasets.images import Images
from studies.embeddings.figures import embedding_drawings
from studies.embeddings.results import SHARE, claims, run_measures, run_table, table
from studies.embeddings.runs import (
    MODELS,
    Outcome,
    Spec,
    build,
    eval_mode_embeddings,
    specs,
    train,
    train_mode_embeddings,
)
from studies.params import load_params
from tests.helpers.closure import ROOT

SMALL = load_params(ROOT / "studies/params.yaml").embeddings
TINY = SMALL.model_copy(
    update={"widths": ((4,), (4,)), "seeds": (1, 2), "recipe": SMALL.recipe.model_copy(update={"epochs": 1})}
)
CPU = ExecutionParams(device="cpu")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        return [train(spec) for spec in specs(TINY, CPU)]


def test_the_configured_network_has_twenty_layers_and_ends_in_two_channels():
    network = build(Spec("PreActBN", True, 1, SMALL, CPU), 1, 10)
    depth = 2 + sum(sum(isinstance(one, torch.nn.Conv2d) for one in block.branches[0]) for block in network.blocks)
    assert depth == 20
    assert network.affine.in_features == 2
    assert network.eval().embed(torch.zeros(3, 1, 28, 28)).shape == (3, 2)


def test_compared_models_begin_with_the_same_weights_whether_shaken_or_not():
    plain, shaken = (build(Spec("PreAct", one, 3, SMALL, CPU), 1, 10).state_dict() for one in (False, True))
    assert all(torch.equal(plain[name], shaken[name]) for name in plain)


def test_train_mode_leaves_the_network_as_it_was_and_differs_where_it_is_shaken():
    network = build(Spec("PreAct", True, 1, TINY, CPU), 1, 10)
    images = Images(*(part[:100] for part in (digits.load().train.pixels, digits.load().train.labels)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first, again, other = (train_mode_embeddings(network, images, 32, seed) for seed in (1, 1, 2))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    still = eval_mode_embeddings(network, images)
    np.testing.assert_array_equal(still, eval_mode_embeddings(network, images))


def test_every_model_and_seed_is_a_run(runs):
    assert [(run.spec.layout, run.spec.shaken, run.spec.seed) for run in runs] == [
        (*model, seed) for seed in (1, 2) for model in MODELS
    ]
    assert all(run.status == "done" and run.points["train, train mode"].shape == (1297, 2) for run in runs)


def test_the_table_has_every_number_of_every_model_with_its_interval(runs):
    rows = table(run_table(runs))
    assert list(rows.columns) == [
        "model", "sample", "measure", "seeds", "value", "ci_low", "ci_high", "published_value",
    ]  # fmt: skip
    assert len(rows) == 4 * (3 * 5 + 3 + 1)
    assert (rows["seeds"] == 2).all()
    assert ((rows["ci_low"] <= rows["value"]) & (rows["value"] <= rows["ci_high"])).all()
    published = rows.dropna(subset=["published_value"])
    assert published[["model", "sample", "measure"]].to_numpy().tolist() == [
        ["PreActBN, shaken", "train, eval mode", SHARE]
    ]


def test_a_finished_run_is_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = specs(TINY, CPU)[1]
    first = train(spec)
    monkeypatch.setattr("pipeline.training.loop.train_epoch", None)
    again = train(spec)
    assert again.test_error == first.test_error
    for sample, points in first.points.items():
        np.testing.assert_array_equal(again.points[sample], points)


def test_a_claim_is_a_difference_paired_by_seed():
    rows = [
        (model, seed, "test, eval mode", "error", value)
        for model, values in {"A": (5.0, 6.0, 7.0), "B": (3.0, 4.1, 4.9)}.items()
        for seed, value in enumerate(values)
    ]
    measures = pd.DataFrame(rows, columns=["model", "seed", "sample", "measure", "value"])
    listed = [Claim(str(sign), "A", "B", "error", "test, eval mode", sign) for sign in (1, -1)]
    rows = claims(measures, [*listed, Claim("?", "A", "C", "error", "test, eval mode", 1)])
    assert rows["difference"].tolist()[:2] == pytest.approx([2.0, 2.0])
    assert rows["verdict"].tolist() == ["shows", "reversed", "undecided"]
    assert rows["seeds"].tolist() == [3, 3, 0]


def test_every_claim_is_of_numbers_that_are_measured(runs):
    rows = claims(run_table(runs))
    assert (rows["seeds"] == 2).all()
    assert rows["difference"].notna().all()
    known = table(run_table(runs)).set_index(["model", "sample", "measure"])["value"]
    figure_5 = known["PreActBN, shaken", "train, train mode", "spread"] - known["PreActBN, shaken", "train, eval mode",
                                                                                "spread"]  # fmt: skip
    assert rows["difference"].iloc[-1] == pytest.approx(figure_5)


def test_a_diverged_run_has_no_numbers_and_is_said_in_the_figure(runs):
    lost = Outcome(runs[3].spec, "diverged", np.nan, np.nan, {}, {})
    assert run_measures(lost)[["measure", "value"]].to_numpy().tolist() == [["diverged", 1]]
    drawings = embedding_drawings([*runs[:3], lost])
    assert "diverged" in drawings[0].svg
    rows = claims(run_table([*runs[:3], lost]))
    assert rows.loc[rows["first"] == "PreActBN, shaken", "difference"].isna().all()


def test_the_figures_show_both_modes_and_all_models(runs):
    drawings = {one.key: one for one in embedding_drawings(runs)}
    assert set(drawings) == {"embeddings_layouts", "embeddings_modes", "embeddings_share_within"}
    assert drawings["embeddings_layouts"].data["panel"].nunique() == 8
    curves = drawings["embeddings_share_within"].data
    assert list(curves.columns[1:]) == [model_name(*model) for model in MODELS]
