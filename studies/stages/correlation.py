"""Correlation of branches, block by block and layer by layer."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import explained
from pipeline.reporting.figures.drawing import write_drawings
from studies.correlation import claims, run_table, specs, table, train_one
from studies.figures.correlation import block_figure, layer_figure
from studies.params import load_params
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `correlation.csv`, `correlation_runs.csv`, `correlation_claims.csv` and `correlation/`."""
    params = load_params()
    runs = []
    for run in run_side_by_side(train_one, specs(params.correlation, params.execution), params.execution):
        runs.append(run)
        print(f"correlation: {run.spec.model}, seed {run.spec.seed}: {run.status}, test error {run.error:.2f} %")
    results = Path("studies/results")
    numbers = run_table(runs)
    means = table(numbers)
    write_csv(means, results / "correlation.csv")
    write_csv(numbers, results / "correlation_runs.csv")
    write_csv(claims(numbers), results / "correlation_claims.csv")
    write_drawings([block_figure(means), layer_figure(means)], results / "correlation")


if __name__ == "__main__":
    with explained("correlation"):
        main()
