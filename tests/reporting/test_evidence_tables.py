"""Claims that are not of a difference, claims by utterance, women and men, and calibration as tables."""

import dataclasses

import pandas as pd
import pytest

from pipeline.core.tables import number_types
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.hypotheses import all_hypotheses
from pipeline.evaluation.params import ReportParams, TableParams, table_mistakes
from pipeline.evaluation.tables import GENDERS
from pipeline.evaluation.utterances import PREDICTED
from pipeline.evaluation.verdicts import verdicts
from pipeline.reporting.tables.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.tables.registry import build_tables
from tests.helpers.drawn import measures_of
from tests.helpers.reports import params_with, results_of, runs_of

CLAIMS = {"pairs": (("PreAct-Full", "PreAct"),), "not_worse": (("PreAct", "PreAct-Full"),),
          "equivalent": (("PreAct-Full", "PreActBN"),)}  # fmt: skip


def results_with(claims, full=61.1, spread=0.2):
    """PreAct at 61 %, PreAct-Full at `full`, PreActBN at 61 %."""
    table = {"title": "Mine", "models": ("PreAct", "PreAct-Full"), **claims}
    report = {"selection": "last", "gap": "train_mode", "rope": 1.0, "tables": {"mine": table}}
    params = params_with(report=report)
    runs = [runs_of(name, ua, 5, params, spread, seed)
            for seed, (name, ua) in enumerate({"PreAct": 61, "PreAct-Full": full, "PreActBN": 61}.items())]  # fmt: skip
    return results_of(params, pd.concat(runs, ignore_index=True))


def with_all(results):
    """The same with utterances at the segments' UA, women five points above men, and made-up measures."""
    params, runs = results.params, results.runs
    hypotheses = all_hypotheses(params.report.tables)
    utterances = compare(runs, hypotheses, 4, 1.0, metrics=("valid_ua",), selections=PREDICTED)
    rows = [
        (model, selection, corpus, 8, men, 65.0, 60.0 if men else None, 5.0 if men else None, low, high, p, note)
        for model in ("PreAct", "PreAct-Full")
        for selection in PREDICTED
        for corpus, men, low, high, p, note in (
            ("all", 9, 1.0, 9.0, 0.02, ""),
            ("savee", 0, None, None, None, "8 women and 0 men; a test needs 6 of each"),
        )
    ]
    genders = pd.DataFrame(rows, columns=list(GENDERS.columns)).astype(number_types(GENDERS))
    measures = measures_of(results)
    whole = measures.assign(level="utterance", ua=92.0, ece=3.5)
    return dataclasses.replace(
        results,
        utterances=utterances,
        genders=GENDERS.validate(genders),
        measures=pd.concat([measures, whole], ignore_index=True),
    )


def tables_of(results):
    return {table.key: table for table in build_tables(results)}


def test_claims_of_equality_are_judged_and_have_no_markers():
    table = tables_of(results_with(CLAIMS))["mine"]
    text = to_markdown(table)
    assert (
        "Claim: UA of PreAct is not lower than that of PreAct-Full by 1 point or more. Stands, p < 0.001 corrected."
        in text
    )
    assert "Claim: UA of PreAct-Full and of PreActBN differ by less than 1 point. Stands, p < 0.001 corrected." in text
    assert "Claim: Gap of PreAct is not higher than that of PreAct-Full by 1 point or more." in text
    assert "† significantly (p < 0.05) outperforms PreAct." in text
    assert "outperforms PreActBN" not in text


def test_scatter_is_no_equality():
    text = to_markdown(tables_of(results_with(CLAIMS, spread=9.0))["mine"])
    assert "differ by less than 1 point. Does not stand" in text
    assert "by 1 point or more. Does not stand" in text


def test_markers_about_other_claims_are_not_explained():
    text = to_markdown(tables_of(results_with({"not_worse": (("PreAct", "PreAct-Full"),)}))["mine"])
    assert "outperforms" not in text
    assert "A marker before a value" not in text


def test_the_first_claim_of_a_table_may_be_one_of_equality():
    (verdict,) = [one for one in verdicts(results_with({"equivalent": (("PreAct", "PreAct-Full"),)}), "last")
                  if one.table == "mine"]  # fmt: skip
    assert verdict.statement == "UA of PreAct and of PreAct-Full differ by less than 1 point"
    assert (verdict.outcome, verdict.word) == ("stands", "Stands")
    apart = results_with({"equivalent": (("PreAct", "PreAct-Full"),)}, full=65)
    assert [one.outcome for one in verdicts(apart, "last") if one.table == "mine"] == ["open"]


def test_every_tested_claim_stands_in_the_table_by_utterance():
    results = with_all(results_with(CLAIMS))
    table = tables_of(results)["claims_by_utterance"]
    rows = [{name: cell.value for name, cell in row.items()} for row in table.parts[0].rows]
    mine = {row["claim"]: row for row in rows if row["table"] == "mine"}
    assert set(mine) == {"better", "not_worse", "equivalent"}
    assert (mine["not_worse"]["model_a"], mine["not_worse"]["outcome"]) == ("PreAct", "Stands")
    assert float(mine["not_worse"]["difference"]) == pytest.approx(-0.1, abs=0.001)
    assert {row["ua_a"] for row in rows} == {"92.000"}
    assert {"Table 2", "Table 6", "Table 8", "mine"} & {row["table"] for row in rows} >= {"Table 8", "mine"}
    assert "| PreAct | not worse than | PreAct-Full |" in to_markdown(table)


def test_women_and_men_and_calibration_are_tables():
    tables = tables_of(with_all(results_with(CLAIMS)))
    genders = to_csv(tables["women_and_men"]).splitlines()
    assert genders[1].startswith("last,PreAct,all,8,9,65.000,60.000,5.000,2.00e-2,PreAct,all,1.000,9.000,")
    assert genders[2].startswith("last,PreAct,SAVEE,8,0,65.000,,,,PreAct,savee,,,8 women and 0 men")
    calibration = to_csv(tables["calibration"]).splitlines()
    assert calibration[0] == "selection,model,ua_segment,ece_segment,ua_utterance,ece_utterance,model_key"
    assert calibration[1] == "last,PreAct,90.000,1.000,92.000,3.500,PreAct"
    for key in ("women_and_men", "calibration", "claims_by_utterance"):
        assert to_latex(tables[key]).count(r"\begin{table}") == len(tables[key].parts) == 2


def test_without_predictions_there_are_no_such_tables():
    assert not {"women_and_men", "calibration", "claims_by_utterance"} & set(tables_of(results_with(CLAIMS)))


@pytest.mark.parametrize(
    ("key", "claims", "said"),
    [
        ("mine", {"not_worse": (("PreAct", "Nobody"),)}, "mine: 'Nobody' is not a model; expected one of PreAct"),
        (
            "mine",
            {"equivalent": (("PreAct", "PreAct"),)},
            "mine: 'PreAct' is compared with itself; expected two models",
        ),
        (
            "mine",
            {"pairs": (("PreAct", "Full"),) * 2},
            "mine.pairs: [('PreAct', 'Full'), ('PreAct', 'Full')] names one value twice; expected each once",
        ),
        (
            "mine",
            {"equivalent": (("PreAct", "Full"), ("Full", "PreAct"))},
            "mine.equivalent: [('Full', 'PreAct'), ('Full', 'PreAct')] names one value twice; expected each once",
        ),
        ("calibration", {}, "calibration: the report's own table has this name; choose another key"),
    ],
)
def test_mistakes_in_claims_are_named(key, claims, said):
    table = TableParams(title="Mine", models=("PreAct",), **claims)
    report = ReportParams(selection="last", gap="train_mode", rope=1.0, tables={key: table})
    models = ["PreAct"] if "Nobody" in said else ["PreAct", "Full"]
    assert list(table_mistakes(report, models)) == [f"report.tables.{said}"]


def test_equivalence_within_no_points_is_refused():
    table = TableParams(title="Mine", models=("PreAct", "Full"), equivalent=(("PreAct", "Full"),))
    report = ReportParams(selection="last", gap="train_mode", rope=0.0, tables={"mine": table})
    (said,) = table_mistakes(report, ["PreAct", "Full"])
    assert said.startswith("report.tables.mine.equivalent: report.rope is 0, and no test can show")
