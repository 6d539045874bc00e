"""Section 6.2's comparisons beside ours."""

import pandas as pd
import pytest

from pipeline.reporting.tables.formats import to_markdown
from pipeline.reporting.tables.registry import build_tables
from tests.helpers.reports import paper_params, params_with, published_runs, results_of, runs_of


def params_of(*models, **changes):
    """The paper's settings with some of its models: a test of every pair of 22 takes long."""
    whole = paper_params()
    return params_with(models={key: whole.models[key].model_dump() for key in models}, **changes)


def published_of(params, spread=0.3):
    """Runs of these models whose means are the published ones."""
    runs = published_runs(params, spread)
    return runs[runs["model"].isin(params.models)].reset_index(drop=True)


def rows_of(results):
    (table,) = [table for table in build_tables(results) if table.key == "section6_2"]
    return table, {
        (row["model_a"].value, row["model_b"].value, row["metric"].value): row for row in table.parts[0].rows
    }


def test_published_means_give_the_published_readings_and_published_p_stand_beside_ours():
    params = params_of("PreActBN-Full-g005", "PreActBN-Both-g005", "PreAct-Both", "PostAct", "RPreAct")
    table, rows = rows_of(results_of(params, published_of(params)))
    comparable = rows["PreActBN-Full-g005", "PreActBN-Both-g005", "valid_ua"]
    assert comparable["outcome"].value == "equal"
    assert comparable["difference"].value == "-0.014"
    assert comparable["published_p"].value == "0.51"
    assert float(comparable["prob_equal"].value) > 0.95
    larger = rows["PreAct-Both", "PreActBN-Both-g005", "gap"]
    assert (larger["outcome"].value, larger["difference"].value) == ("significant", "3.748")
    assert larger["published_significant"].value == "significant"
    apart = rows["PostAct", "RPreAct", "valid_ua"]
    assert apart["outcome"].value == "undecided", "1.157 points lie about the limit of 1"
    printed = to_markdown(table)
    assert "| PostAct, RPreAct | equal UA |" in printed
    assert f"| {comparable['prob_equal'].value} | equal | 0.51 |" in printed


def test_equality_is_not_the_absence_of_a_significant_difference():
    """Two models of the same mean whose runs scatter by many points: no significant difference, nor equality."""
    params = params_of("PostAct", "RPreAct", "PreActBN")
    runs = [runs_of(model, 62.0, 8.0, params, spread, seed)
            for seed, (model, spread) in enumerate((("PostAct", 9.0), ("RPreAct", 9.0), ("PreActBN", 9.0)))]  # fmt: skip
    _, rows = rows_of(results_of(params, pd.concat(runs, ignore_index=True)))
    row = rows["PostAct", "RPreAct", "valid_ua"]
    assert float(row["p"].value) > 0.05
    assert row["outcome"].value == "undecided"


def test_far_apart_is_not_equal():
    params = params_of("PostAct", "RPreAct")
    runs = pd.concat([runs_of("PostAct", 62, 8, params, 0.2, 1), runs_of("RPreAct", 67, 8, params, 0.2, 2)])
    _, rows = rows_of(results_of(params, runs.reset_index(drop=True)))
    assert rows["PostAct", "RPreAct", "valid_ua"]["outcome"].value == "not equal"


def test_what_was_not_trained_has_no_outcome_and_the_reason():
    table, rows = rows_of(results_of(params_with()))
    assert {row["outcome"].value for row in rows.values()} == {""}
    assert rows["RPreAct-Full", "RPreAct", "gap"]["note"].value == "not trained: RPreAct-Full, RPreAct"
    assert any(note.startswith("Not trained: ") for note in table.notes)
    assert len(rows) == 8


@pytest.mark.parametrize(("mode", "points"), [("train_mode", 1.454), ("eval_mode", 6.454)])
def test_the_gap_is_the_one_that_the_params_name(mode, points):
    report = {"selection": "last", "gap": mode, "rope": 1.0, "tables": {}}
    params = params_of("RPreAct", "RPreAct-Full", report=report)
    runs = published_of(params)
    runs.loc[runs["model"] == "RPreAct-Full", "gap_eval"] -= 5
    _, rows = rows_of(results_of(params, runs))
    assert float(rows["RPreAct-Full", "RPreAct", "gap"]["difference"].value) == pytest.approx(points, abs=0.002)
