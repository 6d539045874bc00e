import csv
import dataclasses
import io
import re

import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.core.selections import SELECTIONS
from pipeline.core.tables import FOLDS, SEGMENTS
from pipeline.evaluation.hypotheses import PAPER_HYPOTHESES, all_hypotheses
from pipeline.evaluation.results import RunDetails
from pipeline.paper.published import published_rows
from pipeline.paper.tables import PAPER_TABLES
from pipeline.params import Params, load_params
from pipeline.reporting.tables.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.tables.registry import build_tables, write_tables
from pipeline.runs.tables import RUNS
from tests.helpers.reports import (
    folds_of,
    paper_params,
    params_with,
    published_runs,
    results_of,
    runs_of,
    segments_of,
)

PAPER_KEYS = [*(f"table{number}" for number in range(2, 11)), "section6_2"]


def tables_of(results):
    return {table.key: table for table in build_tables(results)}


def rows_of(table, selection=None):
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    return [row for row in rows if selection is None or row["selection"] == selection]


def demo_runs(params, **changes):
    """The five models of the demo; PreAct-Full has less Gap in train mode and more in eval mode."""
    runs = {
        "PreAct": runs_of("PreAct", 61, 7, params),
        "PreAct-Full": runs_of("PreAct-Full", 64, -1, params, seed=1, gap_eval=9),
        "PreAct-Both": runs_of("PreAct-Both", 66, 2, params, seed=2),
        "PreActBN": runs_of("PreActBN", 61.1, 8, params, seed=3),
        "PreActBN-Full": runs_of("PreActBN-Full", 66, 8, params, seed=4),
    }
    return pd.concat({**runs, **changes}.values(), ignore_index=True)


def test_the_made_up_experiment_keeps_the_contracts():
    params = params_with()
    SEGMENTS.validate(segments_of(params))
    FOLDS.validate(folds_of(params))
    RUNS.validate(demo_runs(params))


def test_all_tables_of_the_paper_are_there_even_when_nothing_was_trained(tmp_path):
    tables = build_tables(results_of(params_with()))
    assert [table.key for table in tables] == PAPER_KEYS
    write_tables(tables, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{key}.{end}" for key in PAPER_KEYS for end in ("csv", "md", "tex")
    }
    for key in PAPER_KEYS:
        for ending in ("csv", "md", "tex"):
            text = (tmp_path / f"{key}.{ending}").read_text(encoding="utf-8")
            assert not {"nan", "None", "NaN"} & set(text.replace(",", " ").split())
    assert "- Not trained: PreAct, PreAct-Full, PreActBN, PreActBN-Full." in (tmp_path / "table2.md").read_text("utf-8")
    assert {row["status"] for row in rows_of({t.key: t for t in tables}["table8"])} == {"not trained"}


def test_published_figures_come_back_from_runs_that_have_them():
    """Runs whose means are the published ones print them; with hardly any spread every real difference is marked."""
    params = paper_params()
    tables = tables_of(results_of(params, published_runs(params, spread=1e-3)))
    for key in ("table2", "table6", "table8", "table10"):
        for row in rows_of(tables[key]):
            assert (row["valid_ua"], row["gap"]) == (row["published_valid_ua"], row["published_gap"])
            assert set(row["published_valid_ua_mark"]) <= set(row["valid_ua_mark"]) or key == "table2"
            assert set(row["published_gap_mark"]) <= set(row["gap_mark"])
    assert [row["published_valid_ua"] for row in rows_of(tables["table8"], "last")] == [
        row["valid_ua"] for row in published_rows("table8")
    ]


def test_markers_are_the_papers_footnotes():
    params = paper_params()
    table = tables_of(results_of(params, published_runs(params, spread=1e-3)))["table8"]
    marks = {row["model_key"]: (row["valid_ua_mark"], row["gap_mark"]) for row in rows_of(table, "last")}
    assert marks["PreAct"] == ("", "")
    assert marks["PreAct-Full"] == ("†", "†")
    assert marks["PostAct"] == ("*", "")
    assert marks["PostAct-Full"] == ("†", "†")
    assert marks["PreActBN-Full"] == ("†", "")
    assert marks["PreActBN-Full-g005"] == ("†‡", "†‡")
    for key in ("table2", "table6", "table8", "table10"):
        markers = {hypothesis.marker for hypothesis in PAPER_HYPOTHESES if hypothesis.table == key}
        assert markers == set(PAPER_TABLES[key].markers)
    assert "‡ significantly (p < 0.05) outperforms the same layout at γ₀ = 1.0." in table.notes


def test_layout_of_table_8_in_print():
    params = paper_params()
    results = results_of(params, published_runs(params, spread=1e-3))
    lines = to_markdown(tables_of(results)["table8"]).splitlines()
    assert lines[4] == ("| Architecture | Shake | γ₀ | Valid UA (%) | Gap (%) | Published UA (%) | Published Gap (%) |")
    assert lines[6:10] == [
        "| PreAct | ✗ | — | 61.342 | 7.485 | 61.342 | 7.485 |",
        "|  | ✓ | — | †62.989† | †-1.128† | †62.989 | †-1.128 |",
        r"| PostAct | ✗ | — | \*62.782\* | 7.822 | \*62.782 | 7.822 |",
        "|  | ✓ | 1.00 | †65.536† | †7.657† | †65.536 | 7.657 |",
    ]


def test_what_holm_leaves_is_said():
    params = params_with()
    table = tables_of(results_of(params, demo_runs(params)))["table6"]
    (note,) = [note for note in table.parts[0].notes if "Holm" in note]
    assert re.fullmatch(
        r"By the deciding test 4 claims of this table stand one by one; after Holm's correction over its "
        r"claims .*PreAct-Both against PreAct.*\.",
        note,
    )
    nothing = tables_of(results_of(params))["table6"]
    assert not any("Holm" in note for note in nothing.parts[0].notes)


def test_the_selection_of_the_params_comes_first_and_all_are_there():
    params = params_with()
    report = {**params.report.model_dump(), "selection": "crossval"}
    table = tables_of(results_of(params_with(report=report), demo_runs(params)))["table6"]
    assert [part.selection for part in table.parts] == ["crossval", "last", "best"]
    assert {row["selection"] for row in rows_of(table)} == set(SELECTIONS)


def test_gap_follows_the_params_and_disagreements_are_said():
    params = params_with()
    train = tables_of(results_of(params, demo_runs(params)))["table6"]
    (line,) = [note for note in train.parts[0].notes if note.startswith("Gap of PreAct-Full")]
    assert "smaller with training UA in train mode (p = " in line
    assert "not with training UA in eval mode" in line
    report = {**params.report.model_dump(), "gap": "eval_mode"}
    evaluated = tables_of(results_of(params_with(report=report), demo_runs(params)))["table6"]
    assert [rows_of(table, "last")[1]["gap"] for table in (train, evaluated)] == ["-1.000", "9.000"]
    assert [rows_of(table, "last")[1]["gap_mark"] for table in (train, evaluated)] == ["†", ""]
    assert any("Gap: training UA in eval mode" in note for note in evaluated.notes)


def test_diverged_runs_are_counted_and_not_averaged():
    params = params_with()
    diverged = runs_of("PreAct-Both", 66, 2, params, diverged={(1, 2), (3, 1)})
    table = tables_of(results_of(params, demo_runs(params, **{"PreAct-Both": diverged})))["table6"]
    row = rows_of(table, "last")[2]
    assert (row["valid_ua"], row["gap"], row["status"], row["runs"]) == ("", "", "diverged (2 of 8)", "6")
    assert "| PreAct-Both | diverged (2 of 8) | diverged (2 of 8) |" in to_markdown(table)
    assert "No test of PreAct-Both against PreAct: PreAct-Both diverged (2 of 8)." in table.parts[0].notes


def test_a_model_of_removed_params_is_not_trained():
    params = params_with()
    models = {key: model for key, model in params.models.items() if key != "PreActBN"}
    table = tables_of(results_of(params_with(models=models)))["table2"]
    assert "Not trained: PreAct, PreAct-Full, PreActBN, PreActBN-Full." in table.notes


def test_tables_7_and_9_have_p_values_in_the_papers_pairs():
    params = paper_params()
    results = results_of(params, published_runs(params))
    tables = tables_of(results)
    rows = rows_of(tables["table7"], "last")
    assert [row["pair"] for row in rows] == [
        "PreAct vs PreAct-Full", "PreAct vs PreAct-Both", "PreAct-Full vs PreAct-Both",
    ]  # fmt: skip
    assert [(row["model_a"], row["model_b"]) for row in rows][2] == ("PreAct-Both", "PreAct-Full")
    assert rows[1]["published_p_valid_ua"] == "1.22e-5"
    tested = results.comparisons
    p = tested[(tested["table"] == "table7") & (tested["metric"] == "gap") & (tested["selection"] == "last")]["p"]
    assert [float(row["p_gap"]) for row in rows] == pytest.approx(p.tolist(), rel=5e-3)
    # Both has the larger Gap, as the paper's 0.99 says.
    assert float(rows[2]["p_gap"]) > 0.9
    nine = rows_of(tables["table9"], "last")
    assert len(nine) == 8
    assert [(row["model_a"], row["model_b"], row["gamma0"]) for row in nine][5] == (
        "PreActBN-Full-g005", "RPreAct-Full-g020", "0.20",
    )  # fmt: skip


def test_table_3_counts_segments_and_actors_beside_the_published():
    params = params_with()
    rows = {row["corpus"]: row for row in rows_of(tables_of(results_of(params))["table3"])}
    assert rows["Emo-DB"]["actors"] == "8"
    assert rows["Emo-DB"]["joy"] == "8"
    assert rows["Emo-DB"]["published_anger"] == "127"
    assert rows["Total"]["actors"] == "48"
    assert rows["Total"]["published_fear"] == "799"


def test_tables_3_and_4_for_corpora_the_paper_has_not():
    params = params_with()
    corpora = {
        "song": {"path": "x", "reader": "ravdess"},
        "mine": {"path": "y", "reader": "custom", "table": "t.csv"},
    }
    changed = params_with(corpora=corpora, classes=("joy", "calm"))
    tables = tables_of(results_of(changed))
    three = {row["corpus"]: row for row in rows_of(tables["table3"])}
    assert list(three) == ["eNTERFACE", "song (RAVDESS)", "IEMOCAP", "Emo-DB", "EMOVO", "SAVEE", "mine", "Total"]
    assert (three["song (RAVDESS)"]["joy"], three["song (RAVDESS)"]["published_joy"]) == ("8", "376")
    assert (three["mine"]["calm"], three["mine"]["published_calm"], three["SAVEE"]["actors"]) == ("8", "", "")
    assert "Not configured: eNTERFACE, IEMOCAP, Emo-DB, EMOVO, SAVEE." in tables["table3"].notes
    four = {row["corpus"]: row for row in rows_of(tables["table4"])}
    assert (four["mine"]["set1_F"], four["mine"]["published_set1_F"]) == ("1", "")
    assert "classes joy, calm (paper: joy, anger, sadness, fear)" in " ".join(tables["table2"].notes)
    assert params.classes != changed.classes


def test_table_4_prints_women_and_men_of_each_set():
    table = tables_of(results_of(params_with()))["table4"]
    assert "| eNTERFACE | 1F, 1M | 1F, 1M | 1F, 1M | 1F, 1M | 2F, 8M | 2F, 9M | 3F, 8M | 2F, 8M |" in to_markdown(table)
    total = rows_of(table)[-1]
    assert (total["corpus"], total["set1_F"], total["published_set4_M"]) == ("Total", "6", "15")


def test_table_5_of_the_demo_says_that_it_is_not_the_papers():
    table = tables_of(results_of(params_with()))["table5"]
    rows = {row["layer"]: row for row in rows_of(table)}
    assert list(rows) == ["prelim-conv", "res-4", "res-8", "res-16", "res-32", "average", "affine", "total"]
    assert (rows["res-4"]["params"], rows["res-4"]["published_params"]) == ("1000", "")
    assert (rows["res-32"]["params"], rows["res-32"]["published_params"]) == ("", "99.17K")
    assert table.notes[0] == "Not the paper's network: see the published columns."


def test_table_5_of_the_paper():
    table = tables_of(results_of(paper_params()))["table5"]
    assert table.notes[:2] == ("The paper's network.", "Parameters in all by layout: PreAct 148,044.")
    assert all(row["structure"] == row["published_structure"] for row in rows_of(table))


def test_two_stages_of_one_width_are_two_rows():
    results = results_of(params_with())
    layers = results.structures["PreAct"]
    twice = dataclasses.replace(results, structures={"PreAct": [*layers[:3], *layers[2:]]})
    rows = rows_of(tables_of(twice)["table5"])
    assert [row["layer"] for row in rows].count("res-8") == 2


def user_params(**table) -> Params:
    params = params_with()
    definition = {"title": "100 % <mine> & $yours_1$", "models": ("PreAct", "PreActBN-Full"), "pairs": (), **table}
    models = {key: model.model_dump() for key, model in params.models.items()}
    models["PreAct"]["label"] = "a|b*_<i>#1</i>"
    return params_with(models=models, report={**params.report.model_dump(), "tables": {"mine": definition}})


def test_a_users_table_has_their_models_markers_and_p_values(tmp_path):
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    tables = build_tables(results_of(params, demo_runs(params)))
    table = tables[-1]
    assert [t.key for t in tables] == [*PAPER_KEYS, "mine"]
    rows = rows_of(table, "last")
    assert [(row["model"], row["valid_ua"], row["valid_ua_mark"]) for row in rows] == [
        ("a|b*_<i>#1</i>", "61.000", ""), ("PreActBN-Full", "66.000", "†"),
    ]  # fmt: skip
    assert table.notes[0] == "† significantly (p < 0.05) outperforms a|b*_<i>#1</i>."
    assert table.parts[0].notes[0].startswith("PreActBN-Full against a|b*_<i>#1</i>: UA p = ")
    assert r"| a\|b\*\_\<i>\#1\</i> | 61.000 |" in to_markdown(table)
    assert r"a|b*\_<i>\#1</i> & 61.000" in to_latex(table)
    write_tables(tables, tmp_path)
    assert (tmp_path / "mine.tex").exists()


def test_a_users_table_without_pairs():
    params = user_params()
    table = build_tables(results_of(params, demo_runs(params)))[-1]
    assert not any("outperforms" in note for note in table.notes)


def test_comparisons_that_lack_a_claim_are_refused():
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    old = results_of(params_with(), demo_runs(params))
    assert len(all_hypotheses(params.report.tables)) == len(PAPER_HYPOTHESES) + 1
    with pytest.raises(InputError, match=r"no row for table mine, PreActBN-Full against PreAct.*`dvc repro compare`"):
        build_tables(dataclasses.replace(old, params=params))


def test_runs_of_different_devices_are_flagged_where_they_are_compared():
    params = params_with()
    details = tuple(
        RunDetails(model, 1, 1, device, "fp32", (("torch", "2.11.0"),))
        for model, device in (("PreAct", "cpu"), ("PreAct-Full", "cpu"), ("PreActBN", "NVIDIA H200"))
    )
    tables = tables_of(results_of(params, demo_runs(params), details))
    flagged = {key: [note for note in table.notes if "differ in" in note] for key, table in tables.items()}
    assert flagged["table2"] == [
        "Runs compared here differ in device: cpu (PreAct, PreAct-Full); NVIDIA H200 (PreActBN). "
        "Differences between them are not the models' alone."
    ]
    assert flagged["table6"] == []


def test_a_users_table_cannot_take_the_name_of_the_papers(tmp_path):
    params = user_params()
    text = params.model_dump_json().replace('"mine"', '"table6"')
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"report.tables.table6: the paper's own table has this name; choose another"):
        load_params(tmp_path / "params.yaml")
