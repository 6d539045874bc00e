"""Compare: the runs of the configured models to tests between them."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import explained
from pipeline.evaluation.claims import all_claims
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.results import load_runs
from pipeline.params import load_params
from pipeline.records import COMPARISONS, write_table


def main() -> None:
    """Write `results/comparisons.csv`."""
    params = load_params()
    runs = load_runs(Path("results/runs"), params.models)
    comparisons = compare(runs, all_claims(params.report.tables))
    write_table(comparisons, Path("results/comparisons.csv"), COMPARISONS)
    tested = int(comparisons["p"].notna().sum())
    print(f"compare: {runs['model'].nunique()} models, {tested} of {len(comparisons)} tests made")


if __name__ == "__main__":
    with explained("compare"):
        main()
