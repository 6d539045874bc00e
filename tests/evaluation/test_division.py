"""The corrected tests follow the ratio of validation to training recordings, and are withheld where there is none."""

import pandas as pd
import pytest
from scipy import stats

from pipeline.core.tables import PARTS, write_table
from pipeline.evaluation.comparison import compare_differences
from pipeline.evaluation.division import Division, division
from pipeline.folds.params import PartitionParams


def parts_file(path, parts):
    """A file in which recording i has part parts[fold][i]."""
    rows = [(1, fold, f"u{i}", part) for fold, some in enumerate(parts, 1) for i, part in enumerate(some)]
    write_table(pd.DataFrame(rows, columns=list(PARTS.columns)), path, PARTS)
    return path


V, T, D = "valid", "train", "dev"


def test_it_is_measured_on_the_parts(tmp_path):
    path = tmp_path / "parts.csv"
    assert division(path, PartitionParams(folds=4, seed=0)) == Division(4)
    held = parts_file(path, [(V, D, T, T), (T, V, D, T), (T, T, V, D), (D, T, T, V)])
    assert division(held, PartitionParams(folds=4, seed=0, dev=True)) == Division(3.0)
    crossed = parts_file(path, [(T, V, V), (V, T, V), (V, V, T)])
    options = PartitionParams(scheme="cross_corpus", folds=3, seed=0)
    assert division(crossed, options) == Division(1.5, "validation parts overlap")
    both = parts_file(path, [(T, V, V), (V, T, V), (V, V, T), (V, T, T), (T, V, T), (T, T, V)])
    assert division(both, options.model_copy(update={"folds": 6, "leave_one_out": True})) == Division(3.0)
    one = parts_file(path, [(V, T, T)])
    options = PartitionParams(scheme="table", table="external/x.csv", folds=1, seed=0)
    assert division(one, options) == Division(3.0, "one fold")


def differences(*values, folds=2):
    index = [(1, at % folds + 1, at // folds + 1) for at in range(len(values))]
    names = ["repeat", "fold", "seed"]
    return pd.Series(values, index=pd.MultiIndex.from_tuples(index, names=names))


def test_the_corrected_test_has_the_ratio_of_the_division():
    values = differences(1.0, 2.0, 3.5, 2.5)
    found = compare_differences(values, Division(3.0), 1.0)
    t = values.mean() / ((1 / 4 + 1 / 2) * values.var()) ** 0.5
    assert found.p_corrected == pytest.approx(stats.t.sf(t, 3))


@pytest.mark.parametrize(
    ("folds", "number", "why"),
    [
        (Division(1), 1, "one fold"),
        (Division(4.0, "one fold"), 1, "one fold"),
        (Division(1.5, "validation parts overlap"), 2, "validation parts overlap"),
    ],
)
def test_without_a_ratio_there_is_no_corrected_test_and_none_decides(folds, number, why):
    found = compare_differences(differences(1.0, 2.0, 3.5, 2.5, folds=number), folds, 1.0)
    assert found.note == f"no corrected test: {why}"
    assert (found.p_corrected, found.prob_better, found.ci_low, found.p_not_worse) == (None,) * 4
    assert found.p_deciding is None
    assert found.p > 0
