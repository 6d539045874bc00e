import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation.claims import PAPER_CLAIMS, Claim, all_claims
from pipeline.evaluation.comparison import METRICS, compare, paired_t_test
from pipeline.params import SELECTIONS, TableParams
from pipeline.records import COMPARISONS, RUNS, read_table, write_table

CLAIM = Claim("table6", "PreAct-Full", "PreAct", "†")
LAYOUTS = ("PostAct", "RPreAct", "PreActBN")
PAPER_MODELS = {
    "PreAct", "PreAct-Full", "PreAct-Both", *LAYOUTS,
    *(f"{layout}-Full{gamma}" for layout in LAYOUTS for gamma in ("", "-g020", "-g010", "-g005")),
    *(f"PreActBN-Both{gamma}" for gamma in ("", "-g020", "-g010", "-g005")),
}  # fmt: skip


def runs_of(model, valid, train=80.0, train_eval=90.0, folds=4, diverged=(), selections=SELECTIONS):
    """Runs of one model: `valid` by run, folds first, then seeds."""
    rows = []
    for position, ua in enumerate(valid):
        fold, seed = position % folds + 1, position // folds + 1
        lost = (fold, seed) in diverged
        for selection in selections:
            gaps = (float("nan"),) * 5 if lost else (ua, train, train_eval, train - ua, train_eval - ua)
            rows.append((model, fold, seed, selection, 5, *gaps, "diverged" if lost else "done"))
    return pd.DataFrame(rows, columns=list(RUNS.columns))


def one(runs, metric="valid_ua", selection="last", claim=CLAIM):
    table = compare(runs, [claim])
    return table[(table["metric"] == metric) & (table["selection"] == selection)].iloc[0]


A = [62.0, 64.5, 61.0, 66.0, 63.0, 62.5, 60.5, 65.0]
B = [60.0, 63.5, 61.5, 63.0, 62.0, 60.5, 60.0, 62.0]


def test_agrees_with_the_textbook_formula_on_ua_and_gap():
    runs = pd.concat([runs_of("PreAct-Full", A, train=70), runs_of("PreAct", B, train=75)])
    row = one(runs)
    differences = np.subtract(A, B)
    t = differences.mean() / (differences.std(ddof=1) / np.sqrt(8))
    assert (row["n"], row["df"]) == (8, 7)
    assert row["mean_difference"] == pytest.approx(differences.mean())
    assert row["t"] == pytest.approx(t)
    assert row["p"] == pytest.approx(stats.t.sf(t, 7))
    # A smaller Gap is better: 75 - b - (70 - a).
    assert one(runs, "gap")["mean_difference"] == pytest.approx(differences.mean() + 5)
    assert one(runs, "gap")["t"] == pytest.approx(t * (differences.mean() + 5) / differences.mean())


def test_the_published_p_values_have_this_tail():
    """Table 7 has df 11; a p of 0.99 on the Gap says that the model named better has the larger Gap."""
    better, worse = np.linspace(0, 1, 12), np.linspace(0.5, 1.6, 12)
    assert paired_t_test(worse - better).p < 0.05
    assert paired_t_test(better - worse).p > 0.95
    assert paired_t_test(better - worse).df == 11


values = st.lists(st.floats(-50, 50, allow_nan=False), min_size=2, max_size=14)


@settings(max_examples=60, deadline=None)
@given(values, st.randoms())
def test_invariants_of_the_paired_test(differences, random):
    differences = np.array(differences)
    assume(np.ptp(differences) > 1e-3)
    test, mirrored = paired_t_test(differences), paired_t_test(-differences)
    assert test.p + mirrored.p == pytest.approx(1)
    assert test.t == pytest.approx(-mirrored.t)
    assert np.sign(test.t) == np.sign(test.mean_difference) or abs(test.mean_difference) < 1e-9
    shuffled = list(differences)
    random.shuffle(shuffled)
    assert paired_t_test(np.array(shuffled)).p == pytest.approx(test.p)
    assert test.p == pytest.approx(
        stats.ttest_rel(differences, np.zeros(len(differences)), alternative="greater").pvalue
    )


def test_constant_differences_leave_t_empty_and_say_so():
    row = one(pd.concat([runs_of("PreAct-Full", [61.1, 62.3, 70.7]), runs_of("PreAct", [60.0, 61.2, 69.6])]))
    assert row["mean_difference"] == pytest.approx(1.1)
    assert row[["t", "df", "p"]].isna().all()
    assert row["note"] == "all 3 differences are equal (1.100); t is not defined"


def test_one_pair_is_too_few():
    row = one(pd.concat([runs_of("PreAct-Full", [61]), runs_of("PreAct", [60])]))
    assert (row["n"], row["mean_difference"]) == (1, 1)
    assert row["note"] == "1 pair; a paired test needs at least 2"


def test_a_diverged_run_withholds_the_test():
    row = one(pd.concat([runs_of("PreAct-Full", A, diverged={(1, 2), (3, 1)}), runs_of("PreAct", B)]))
    assert row["n"] == 6
    assert row[["mean_difference", "t", "df", "p"]].isna().all()
    assert row["note"] == "withheld: PreAct-Full diverged (2 of 8)"


def test_unequal_pairs_withhold_the_test_and_are_named():
    row = one(pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B[:3])]))
    assert row["note"] == (
        "withheld: pairs differ, PreAct has no fold 1 seed 2, fold 2 seed 2, fold 3 seed 2 and 2 more"
    )


def test_an_unmeasured_metric_withholds_its_test_only():
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)], ignore_index=True)
    runs.loc[(runs["selection"] == "crossval") & (runs["fold"] == 1), ["train_ua_eval", "gap_eval"]] = float("nan")
    assert one(runs, "gap_eval", "crossval")["note"] == "withheld: gap_eval was not measured in 2 of 8 pairs"
    assert one(runs, "gap", "crossval")["p"] > 0


def test_models_not_trained_are_named():
    assert one(runs_of("PreAct", B))["note"] == "not trained: PreAct-Full"
    nothing = pd.DataFrame(columns=list(RUNS.columns))
    assert one(nothing)["note"] == "not trained: PreAct-Full, PreAct"


def test_no_crossval_epochs_with_a_single_fold():
    runs = pd.concat([runs_of(m, A[:3], folds=1, selections=("last", "best")) for m in ("PreAct-Full", "PreAct")])
    assert one(runs, selection="crossval")["note"].startswith("no crossval epochs")


def test_every_claim_metric_and_selection_is_written_without_nan(tmp_path):
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)])
    table = compare(runs, PAPER_CLAIMS)
    assert len(table) == len(PAPER_CLAIMS) * len(METRICS) * len(SELECTIONS)
    path = tmp_path / "comparisons.csv"
    write_table(table, path, COMPARISONS)
    assert "nan" not in path.read_text(encoding="utf-8").lower()
    pd.testing.assert_frame_equal(read_table(path, COMPARISONS), table, check_dtype=False)


def test_the_papers_claims_name_its_22_models_once_each():
    assert len(PAPER_MODELS) == 22
    assert {model for claim in PAPER_CLAIMS for model in (claim.better, claim.reference)} == PAPER_MODELS
    assert len(set(PAPER_CLAIMS)) == len(PAPER_CLAIMS)
    assert all(claim.better != claim.reference for claim in PAPER_CLAIMS)


def test_a_users_table_has_one_marker_for_each_reference():
    table = TableParams(title="Mine", models=("A", "B", "C"), pairs=(("B", "A"), ("C", "A"), ("C", "B")))
    added = all_claims({"mine": table})[len(PAPER_CLAIMS) :]
    assert [(claim.table, claim.better, claim.reference, claim.marker) for claim in added] == [
        ("mine", "B", "A", "†"), ("mine", "C", "A", "†"), ("mine", "C", "B", "‡"),
    ]  # fmt: skip
