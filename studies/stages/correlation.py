"""Correlation of a block's branches, with and without shaking."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from studies.correlation import claims, measure_one, specs, summary
from studies.figures.shake_rules import correlation_figure
from studies.params import load_params
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `correlation.csv`, `correlation_claims.csv` and `correlation/`.

    Networks of `shake_rules` are taken from the store.
    """
    params = load_params()
    listed = specs(params.shake_rules, params.execution)
    tables = list(run_side_by_side(measure_one, listed, params.execution))
    rows = pd.concat(tables, ignore_index=True)
    table = summary(rows)
    results = Path("studies/results")
    write_csv(table, results / "correlation.csv")
    write_csv(claims(rows), results / "correlation_claims.csv")
    write_drawings([correlation_figure(table, params.shake_rules.experiments[0].data.name)], results / "correlation")
    print(f"correlation: {len(table)} rows of {len(listed)} networks")


if __name__ == "__main__":
    with explained("correlation"):
        main()
