import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runs.selection import select_epochs
from pipeline.runs.tables import HISTORY, RUNS


def history(curves, train=None, train_eval=None):
    """Validation UA by (fold, seed), or (fold, seed, repeat), as rows of a history."""
    rows = [
        {"model": "PreAct", "fold": run[0], "seed": run[1], "repeat": (*run, 1)[2], "epoch": epoch, "valid_ua": ua, "valid_loss": 1.0,
         "train_ua": 80.0 if train is None else train[epoch - 1], "train_loss": 1.0, "train_loss_eval": 1.0,
         "train_ua_eval": 90.0 if train_eval is None else train_eval[epoch - 1]}
        for run, curve in curves.items() for epoch, ua in enumerate(curve, start=1)
    ]  # fmt: skip
    numbers = {name: column.dtype.type for name, column in HISTORY.columns.items()}
    return pd.DataFrame(rows, columns=list(numbers)).astype(numbers)


def epochs(runs, selection):
    chosen = runs[runs["selection"] == selection]
    return {(row.fold, row.seed, row.repeat)[: 2 + (row.repeat > 1)]: row.epoch for row in chosen.itertuples()}


def test_last_best_and_crossval():
    runs = RUNS.validate(select_epochs(history({(1, 1): [50, 70, 60], (2, 1): [80, 40, 90], (3, 1): [60, 75, 10]}), {}))
    assert epochs(runs, "last") == {(1, 1): 3, (2, 1): 3, (3, 1): 3}
    assert epochs(runs, "best") == {(1, 1): 2, (2, 1): 3, (3, 1): 2}
    # Means of the others: fold 1 (70, 57.5, 50), fold 2 (55, 72.5, 35), fold 3 (65, 55, 75).
    assert epochs(runs, "crossval") == {(1, 1): 1, (2, 1): 2, (3, 1): 3}


def test_the_earliest_epoch_wins_a_tie():
    thirds = [[66.1, 70.7, 70.3], [70.3, 66.1, 70.7], [70.7, 70.3, 66.1]]  # the same mean in another order
    runs = select_epochs(history({(1, 1): [50, 60, 60], **{(i, 1): c for i, c in enumerate(thirds, start=2)}}), {})
    assert epochs(runs, "best")[1, 1] == 2
    assert epochs(runs, "crossval")[1, 1] == 1


def test_seeds_do_not_see_each_other():
    runs = select_epochs(history({(1, 1): [50, 60], (2, 1): [70, 60], (1, 2): [50, 60], (2, 2): [60, 70]}), {})
    assert epochs(runs, "crossval") == {(1, 1): 1, (2, 1): 2, (1, 2): 2, (2, 2): 2}


def test_gaps_are_training_minus_validation_and_empty_where_not_measured():
    nan = float("nan")
    runs = select_epochs(history({(1, 1): [50, 70, 60]}, train=[51, 69.5, 88], train_eval=[nan, 71, nan]), {})
    rows = runs.set_index("selection")
    assert rows.loc["best", ["gap", "gap_eval"]].tolist() == [-0.5, 1.0]
    assert rows.loc["last", "gap"] == 28.0
    assert rows.loc["last", ["train_ua_eval", "gap_eval"]].isna().all()


def test_a_diverged_run_has_its_epoch_and_no_accuracies_and_the_other_folds_go_on_without_it():
    curves = {(1, 1): [50, 60], (2, 1): [99], (3, 1): [70, 60]}
    runs = RUNS.validate(select_epochs(history(curves), {(1, 2, 1): 2}))
    diverged = runs[runs["fold"] == 2]
    assert diverged["selection"].tolist() == ["last", "best", "crossval"]
    assert set(diverged["status"]) == {"diverged"}
    assert set(diverged["epoch"]) == {2}
    assert diverged[["valid_ua", "train_ua", "train_ua_eval", "gap", "gap_eval"]].isna().all(axis=None)
    assert epochs(runs, "crossval") == {(1, 1): 1, (2, 1): 2, (3, 1): 2}


def test_crossval_looks_at_folds_of_its_own_partition_alone():
    first, second = {(1, 1): [50, 60], (2, 1): [70, 60]}, {(1, 1, 2): [90, 10], (2, 1, 2): [10, 90]}
    runs = RUNS.validate(select_epochs(history(first | second), {}))
    assert runs["repeat"].tolist() == [1] * 6 + [2] * 6
    assert epochs(runs, "crossval") == {(1, 1): 1, (2, 1): 2, (1, 1, 2): 2, (2, 1, 2): 1}


def test_crossval_looks_only_at_folds_that_it_may_see():
    curves = {(1, 1): [50, 60], (2, 1): [99, 1], (3, 1): [10, 20]}
    runs = select_epochs(history(curves), {}, others={(1, 1): [3], (1, 2): [], (1, 3): [1]})
    assert epochs(runs, "crossval") == {(1, 1): 2, (3, 1): 2}


def test_without_another_finished_fold_there_is_no_crossval_row():
    runs = select_epochs(history({(1, 1): [50, 60], (2, 1): [70]}), {(1, 2, 1): 2})
    assert runs[runs["fold"] == 1]["selection"].tolist() == ["last", "best"]


def test_every_run_may_have_diverged_before_its_first_epoch_ended():
    runs = RUNS.validate(select_epochs(history({}), {(1, 1, 1): 1, (1, 2, 1): 1}, model="PreAct"))
    assert set(runs["model"]) == {"PreAct"}
    assert set(runs["status"]) == {"diverged"}


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 12), st.integers(0, 10**6))
def test_best_is_never_worse_and_crossval_never_looks_at_its_own_fold(folds, seeds, length, seed):
    random = np.random.default_rng(seed)
    curves = {(f, s): random.integers(40, 60, length) * 1.25 for f in range(1, folds + 1) for s in range(seeds)}
    runs = select_epochs(history(curves), {})
    table = runs.pivot(index=["fold", "seed"], columns="selection", values="valid_ua")
    assert (table["best"] >= table[["last", "crossval"]].max(axis="columns")).all()
    changed = {run: random.permutation(curve) if run[0] == 1 else curve for run, curve in curves.items()}
    again = epochs(select_epochs(history(changed), {}), "crossval")
    for run, epoch in epochs(runs, "crossval").items():
        if run[0] == 1:
            assert again[run] == epoch


def test_two_models_at_once_are_a_mistake():
    two = pd.concat([history({(1, 1): [50]}), history({(1, 1): [50]}).assign(model="PreActBN")])
    with pytest.raises(ValueError, match="unpack"):
        select_epochs(two, {})
