"""Table 1: the published networks counted, and trained at the configured scale."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from studies.figures.table1 import error_figure
from studies.params import load_params
from studies.table1 import claims, run_table, specs, table, train_one
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `table1.csv`, `table1_runs.csv`, `table1_claims.csv` and `table1/` in `studies/results/`."""
    params = load_params()
    runs = []
    for run in run_side_by_side(train_one, specs(params.table1, params.execution), params.execution):
        runs.append(run)
        print(f"table1: {run.spec.model}, seed {run.spec.seed}: {run.status}, test error {run.error:.2f} %")
    results = Path("studies/results")
    every = run_table(runs)
    write_csv(table(runs), results / "table1.csv")
    write_csv(every, results / "table1_runs.csv")
    write_csv(claims(every), results / "table1_claims.csv")
    write_drawings([error_figure(every)], results / "table1")


if __name__ == "__main__":
    with explained("table1"):
        main()
