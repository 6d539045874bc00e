import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.core.selections import SELECTIONS
from pipeline.core.tables import read_table, write_table
from pipeline.evaluation.actors import actor_test
from pipeline.evaluation.bootstrap import RunCounts, accuracy_of
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.hypotheses import PAPER_HYPOTHESES, Hypothesis, all_hypotheses
from pipeline.evaluation.params import TableParams
from pipeline.evaluation.tables import COMPARISONS
from pipeline.evaluation.terms import METRICS
from pipeline.runs.tables import RUNS

HYPOTHESIS = Hypothesis("table6", "PreAct-Full", "PreAct", "†")
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
            rows.append((model, fold, seed, selection, 5, *gaps, "diverged" if lost else "done", 1))
    return pd.DataFrame(rows, columns=list(RUNS.columns))


def one(runs, metric="valid_ua", selection="last", hypothesis=HYPOTHESIS, counts=None):
    table = compare(runs, [hypothesis], 4, 1.0, counts or {})
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


def test_every_column_is_the_statistic_that_it_names():
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)])
    row = one(runs)
    differences = np.subtract(A, B)
    by_fold = differences.reshape(2, 4).mean(axis=0)

    def p_of(values, factor):
        return stats.t.sf(values.mean() / np.sqrt(factor * values.var(ddof=1)), len(values) - 1)

    assert row["p_corrected"] == pytest.approx(p_of(differences, 1 / 8 + 1 / 3))
    assert row["p_seed_mean"] == pytest.approx(p_of(by_fold, 1 / 4))
    assert row["p_corrected_seed_mean"] == pytest.approx(p_of(by_fold, 1 / 4 + 1 / 3))
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(differences, alternative="greater").pvalue)
    assert row["p_holm"] == pytest.approx(row["p_corrected"]), "alone in its table"
    assert row[["prob_worse", "prob_equal", "prob_better"]].sum() == pytest.approx(1)
    assert row["effect_size"] == pytest.approx(differences.mean() / differences.std(ddof=1))
    half = stats.t.isf(0.025, 7) * np.sqrt((1 / 8 + 1 / 3) * differences.var(ddof=1))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((differences.mean() - half, differences.mean() + half))
    assert row["note"] == ""


def test_holm_is_over_the_claims_of_a_table_at_one_metric_and_selection():
    uas = {"PreAct": B, "PreAct-Full": A, "PreAct-Both": [ua + 1 for ua in A[::-1]]}
    runs = pd.concat([runs_of(model, ua) for model, ua in uas.items()])
    hypotheses = [
        HYPOTHESIS,
        Hypothesis("table6", "PreAct-Both", "PreAct", "†"),
        Hypothesis("table7", "PreAct-Full", "PreAct"),
    ]
    table = compare(runs, hypotheses, 4, 1.0)
    rows = table[(table["metric"] == "valid_ua") & (table["selection"] == "best")]
    smaller, larger = sorted(rows["p_corrected"].iloc[:2])
    assert sorted(rows["p_holm"].iloc[:2]) == pytest.approx([2 * smaller, max(2 * smaller, larger)])
    assert rows["p_holm"].iloc[2] == pytest.approx(rows["p_corrected"].iloc[2])


def counts_of(source, actors=4):
    """Counts of eight runs, four folds of so many actors each and two seeds, and of another model's."""
    keys = [(1, fold, seed) for fold in range(1, 5) for seed in (1, 2)]
    return {
        (repeat, fold, seed): RunCounts(
            tuple(f"{fold}{letter}" for letter in "abcdefgh"[:actors]),
            np.full((actors, 2), 10.0),
            source.integers(0, 11, (actors, 2)).astype(float),
        )
        for repeat, fold, seed in keys
    }


def test_the_test_over_actors_decides_where_there_are_predictions():
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)])
    source = np.random.default_rng(0)
    both = {("PreAct-Full", "last"): counts_of(source), ("PreAct", "last"): counts_of(source)}
    expected = actor_test(*both.values())
    plain, found = one(runs), one(runs, counts=both)
    assert (found["p_actor"], found["actor_df"]) == pytest.approx((expected.p(), expected.df))
    assert (found["actor_low"], found["actor_high"]) == pytest.approx(expected.interval())
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(expected.interval())
    assert found["p_holm"] == pytest.approx(expected.p()), "alone in its table"
    assert found["p_not_worse"] == pytest.approx(expected.p(above=-1))
    upper = actor_test(*reversed(both.values())).p(above=-1)
    assert found["p_equivalent"] == pytest.approx(max(expected.p(above=-1), upper))
    assert (found["p"], found["p_corrected"]) == (plain["p"], plain["p_corrected"])
    unseen = one(runs, selection="best", counts=both)
    assert pd.isna(unseen["p_actor"])
    assert unseen["p_holm"] == unseen["p_corrected"]


def test_of_a_gap_the_training_ua_is_a_number_of_the_run():
    """Equal training UAs leave the test of UA; training UAs that differ by a constant move its mean alone."""
    source = np.random.default_rng(0)
    both = {("PreAct-Full", "last"): counts_of(source), ("PreAct", "last"): counts_of(source)}
    uas = [[accuracy_of(counts[1, fold, seed]) for seed in (1, 2) for fold in range(1, 5)] for counts in both.values()]
    runs = [pd.concat([runs_of("PreAct-Full", uas[0], train=train), runs_of("PreAct", uas[1])]) for train in (80, 83)]
    same, moved = (one(table, "gap", counts=both) for table in runs)
    ua = one(runs[0], counts=both)
    names = ["mean_difference", "p_actor", "actor_low", "actor_high", "actor_df"]
    assert same[names].tolist() == pytest.approx(ua[names].tolist())
    assert moved["actor_low"] == pytest.approx(same["actor_low"] - 3)
    assert moved["actor_df"] == pytest.approx(same["actor_df"])


def test_below_twelve_actors_the_corrected_test_decides_and_the_note_says_so():
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)])
    source = np.random.default_rng(0)
    both = {("PreAct-Full", "last"): counts_of(source, 2), ("PreAct", "last"): counts_of(source, 2)}
    row = one(runs, counts=both)
    assert pd.isna(row["p_actor"])
    assert row["p_holm"] == row["p_corrected"]
    assert row["note"] == "no test over actors: 8 actors; tried with 12 and more"


def test_not_worse_and_equivalent_are_the_corrected_test_moved_by_the_rope():
    """Two one-sided tests (Schuirmann 1987), written as the t of a difference that is moved."""
    runs = pd.concat([runs_of("PreAct-Full", A), runs_of("PreAct", B)])
    kinds = ("better", "not_worse", "equivalent")
    claims = [Hypothesis("table6", "PreAct-Full", "PreAct", kind=kind) for kind in kinds]
    table = compare(runs, claims, 4, 1.0)
    rows = table[(table["metric"] == "valid_ua") & (table["selection"] == "last")].set_index("claim")
    differences = np.subtract(A, B)
    error = np.sqrt((1 / 8 + 1 / 3) * differences.var(ddof=1))
    lower, upper = (stats.t.sf((1 + sign * differences.mean()) / error, 7) for sign in (1, -1))
    assert rows["p_not_worse"].tolist() == pytest.approx([lower] * 3)
    assert rows["p_equivalent"].tolist() == pytest.approx([max(lower, upper)] * 3)
    deciding = dict(zip(kinds, (rows.loc["better", "p_corrected"], lower, max(lower, upper)), strict=True))
    ordered = sorted(deciding, key=deciding.get)
    first = 3 * deciding[ordered[0]]
    second = max(first, 2 * deciding[ordered[1]])
    third = max(second, deciding[ordered[2]])
    assert rows.loc[ordered, "p_holm"].tolist() == pytest.approx([min(1, p) for p in (first, second, third)])


def test_one_fold_leaves_the_tests_on_fold_means_empty_and_says_so():
    runs = pd.concat([runs_of(m, ua, folds=1, selections=("last",)) for m, ua in (("PreAct-Full", A), ("PreAct", B))])
    row = one(runs)
    assert row["p"] > 0
    assert row[["p_seed_mean", "p_corrected_seed_mean", "p_holm"]].isna().all()
    assert row["note"] == "no test on fold means: one fold"


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
    table = compare(runs, PAPER_HYPOTHESES, 4, 1.0)
    assert len(table) == len(PAPER_HYPOTHESES) * len(METRICS) * len(SELECTIONS)
    path = tmp_path / "comparisons.csv"
    write_table(table, path, COMPARISONS)
    assert "nan" not in path.read_text(encoding="utf-8").lower()
    pd.testing.assert_frame_equal(read_table(path, COMPARISONS), table, check_dtype=False)


def test_the_papers_claims_name_its_22_models_once_each():
    assert len(PAPER_MODELS) == 22
    assert {
        model for hypothesis in PAPER_HYPOTHESES for model in (hypothesis.better, hypothesis.reference)
    } == PAPER_MODELS
    assert len(set(PAPER_HYPOTHESES)) == len(PAPER_HYPOTHESES)
    assert all(hypothesis.better != hypothesis.reference for hypothesis in PAPER_HYPOTHESES)


def test_a_users_table_has_one_marker_for_each_reference():
    table = TableParams(title="Mine", models=("A", "B", "C"), pairs=(("B", "A"), ("C", "A"), ("C", "B")))
    added = all_hypotheses({"mine": table})[len(PAPER_HYPOTHESES) :]
    assert [(hypothesis.table, hypothesis.better, hypothesis.reference, hypothesis.marker) for hypothesis in added] == [
        ("mine", "B", "A", "†"), ("mine", "C", "A", "†"), ("mine", "C", "B", "‡"),
    ]  # fmt: skip


def test_claims_that_a_model_is_not_worse_or_equal_have_no_marker():
    table = TableParams(title="Mine", models=("A", "B"), pairs=(("B", "A"),), not_worse=(("A", "B"),),
                        equivalent=(("A", "B"),))  # fmt: skip
    added = all_hypotheses({"mine": table})[len(PAPER_HYPOTHESES) :]
    assert [(one.better, one.reference, one.marker, one.kind) for one in added] == [
        ("B", "A", "†", "better"), ("A", "B", "", "not_worse"), ("A", "B", "", "equivalent"),
    ]  # fmt: skip
