import numpy as np
import pandas as pd
import pytest

from studies.core.claims import COLUMNS, Claim, claims_table, values_of_runs

RUNS = pd.DataFrame(
    [(model, seed, value + seed / 10) for model, value in {"A": 5.0, "B": 3.0, "C": np.nan}.items() for seed in (2, 1)],
    columns=["model", "seed", "error"],
)


def test_differences_are_paired_by_seed_whatever_the_order_of_rows():
    values = values_of_runs(RUNS.iloc[[0, 1, 3, 2]], "model", ["error"])
    rows = claims_table([Claim("B is better", "B", "A"), Claim("A has more", "A", "B", sign=1)], values, lambda _: 1.5)
    assert list(rows.columns) == COLUMNS
    assert rows["difference"].tolist() == pytest.approx([-2, 2])
    assert rows["expected"].tolist() == ["less", "more"]
    assert rows["verdict"].tolist() == ["shows", "shows"]
    assert rows["published_difference"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("missing", ["C", "D"])
def test_a_claim_about_a_model_that_diverged_or_has_no_runs_is_undecided(missing):
    row = claims_table([Claim("?", "A", missing)], values_of_runs(RUNS, "model", ["error"])).iloc[0]
    assert (row["seeds"], row["verdict"]) == (0, "undecided")
    assert np.isnan(row["difference"])
