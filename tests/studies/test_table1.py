import math

import numpy as np
import pytest

from pipeline.paper.published import published_rows
from studies.core.labels import model_name
from studies.core.params import ExecutionParams
from studies.datasets.params import DataParams
from studies.params import load_params
from studies.table1.figures import error_figure
from studies.table1.results import claims, published_networks, run_table, table
from studies.table1.runs import MODELS, Outcome, Spec, specs, train
from tests.helpers.closure import ROOT

SMALL = load_params(ROOT / "studies/params.yaml").table1
CPU = ExecutionParams(device="cpu")


def run(model, seed, error, params=SMALL, width=8, status="done"):
    layout, shaken = model
    return Outcome(Spec(layout, shaken, width, seed, params, CPU), 1000, status, 1.0, error)


def every(offset=0.0):
    return [run(model, seed, place + seed / 10 + offset) for place, model in enumerate(MODELS) for seed in (1, 2, 3)]


COLUMNS = ["model", "depth", "width", "parameters", "error", "errors", "published_error", "published_errors"]


def test_every_row_of_the_papers_table_is_there_with_its_single_runs():
    """Table 1 has eight rows: three of Gastaldi's and three of the paper's are built here, two are quoted."""
    rows = published_networks().set_index(["model", "width"])
    for name, width, depth, parameters, error in (
        ("ResNeXt (quoted)", "16x64d", 29, 68_100_000, 3.58),
        ("Wide ResNet (quoted)", "", 28, 36_500_000, 3.80),
    ):
        assert rows.loc[(name, width), ["depth", "parameters", "published_error"]].tolist() == [
            depth,
            parameters,
            error,
        ]
    single = rows.loc[rows["published_errors"] != "", ["published_error", "published_errors"]]
    assert sorted(single.index) == [(f"{layout}, shaken", "2x64d") for layout in ("BN-Shake", "PreAct", "PreActBN")]
    for row in single.itertuples():
        mean = np.mean([float(error) for error in row.published_errors.split()])
        assert round(mean, 2) == pytest.approx(row.published_error, abs=0.011), "6.92 of 6.76, 6.82 and 7.19"
    printed = {float(row["error"]) for row in published_rows("table1")}
    assert printed == {3.58, 3.80, 2.86, 2.98, 3.76, 2.95, 3.65, 6.92}
    assert printed <= set(rows["published_error"])


def test_trained_networks_of_another_scale_have_rows_below_the_published_ones():
    rows = table(run_table(every()))
    assert list(rows.columns) == COLUMNS
    published, ours = rows.iloc[:17], rows.iloc[17:]
    assert published["error"].isna().all()
    assert (published["errors"] == "").all()
    assert ours["errors"].iloc[0] == "0.10 0.20 0.30"
    assert ours["model"].tolist() == [
        f"{model_name(*model)} (digits, {SMALL.recipe.epochs} epochs)" for model in MODELS
    ]
    assert ours["error"].tolist() == pytest.approx([0.2, 1.2, 2.2, 3.2, 4.2])
    assert ours["published_error"].isna().all()


def test_a_published_network_trained_on_cifar10_for_as_long_fills_its_row_and_for_less_has_its_own():
    short = SMALL.model_copy(update={"data": DataParams(name="cifar10", path="x"), "depth": 26, "widths": (64,)})
    rows = table(run_table([run(("PreActBN", True), 1, 9.0, short, 64)]))
    assert rows.iloc[-1]["model"] == f"PreActBN, shaken (cifar10, {SMALL.recipe.epochs} epochs)"
    assert rows["error"].notna().sum() == 1
    params = short.model_copy(update={"recipe": SMALL.recipe.model_copy(update={"epochs": 1800})})
    rows = table(run_table([run(("PreActBN", True), seed, 2.9 + seed / 10, params, 64) for seed in (0, 1, 2)]))
    assert len(rows) == 17
    row = rows[(rows["model"] == "PreActBN, shaken") & (rows["width"] == "2x64d")].iloc[0]
    assert row["error"] == pytest.approx(3.0)
    assert row[["published_error", "errors", "published_errors"]].tolist() == [2.95, "2.90 3.00 3.10", "2.89 3.00 2.95"]
    assert rows["error"].notna().sum() == 1


def test_claims_are_paired_by_seed_and_stand_beside_the_papers_difference():
    rows = claims(run_table(every())).set_index(["better", "worse"])
    row = rows.loc[("RPreAct", "PreAct, shaken")]
    assert row["difference"] == pytest.approx(-2)
    assert row["published_difference"] == pytest.approx(3.76 - 6.92)
    assert row["verdict"] == "shows"
    assert rows.loc[("RPreAct, shaken", "RPreAct"), "verdict"] == "reversed"


def test_a_diverged_run_is_listed_and_left_out_of_means():
    runs = [*every()[:14], run(MODELS[-1], 3, np.nan, status="diverged")]
    listed = run_table(runs)
    assert listed["status"].tolist().count("diverged") == 1
    assert math.isfinite(table(listed)["error"].iloc[-1])
    assert claims(listed).set_index("better").loc["BN-Shake, shaken", "seeds"].tolist() == [2, 2]


def test_the_figure_draws_every_run():
    drawing = error_figure(run_table(every()))
    assert len(drawing.data) == 15
    assert "PreActBN, shaken 2x8d 3.2 %" in drawing.alt


def test_a_run_is_trained_once_and_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = SMALL.model_copy(
        update={"depth": 8, "recipe": SMALL.recipe.model_copy(update={"epochs": 4}), "seeds": (1,), "widths": (4,)}
    )
    listed = specs(params, CPU)
    assert [(spec.layout, spec.shaken) for spec in listed] == list(MODELS)
    first = train(listed[0])
    assert first.status == "done"
    assert first.error < 40
    monkeypatch.setattr("pipeline.training.loop.train_epoch", None)
    assert train(listed[0]) == first


def test_what_a_run_depends_on_is_its_own_options_and_not_its_neighbours():
    spec = specs(SMALL, CPU)[0]
    more = specs(SMALL.model_copy(update={"seeds": (1, 2, 3, 4, 5, 6), "widths": (8, 16)}), CPU)[0]
    assert spec.description() == more.description()
    other = specs(SMALL.model_copy(update={"recipe": SMALL.recipe.model_copy(update={"epochs": 99})}), CPU)[0]
    assert spec.description() != other.description()
