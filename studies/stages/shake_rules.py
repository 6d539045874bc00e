"""Shaking rules: Gastaldi's networks counted, and trained at the configured scale."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import explained
from pipeline.reporting.figures.drawing import write_drawings
from studies.figures.shake_rules import rule_figure
from studies.params import load_params
from studies.shake_rules import claims, published_networks, run_table, specs, table, train_one
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `shake_rules.csv`, `_runs.csv`, `_claims.csv` and `shake_rules/` in `studies/results/`."""
    params = load_params()
    runs = []
    for run in run_side_by_side(train_one, specs(params.shake_rules, params.execution), params.execution):
        runs.append(run)
        print(f"shake_rules: {run.spec.model}, seed {run.spec.seed}: {run.status}, test error {run.error:.2f} %")
    results = Path("studies/results")
    every = run_table(runs)
    write_csv(table(runs), results / "shake_rules.csv")
    write_csv(every, results / "shake_rules_runs.csv")
    write_csv(claims(every), results / "shake_rules_claims.csv")
    published = published_networks()
    drawings = [rule_figure(own, published) for _, own in every.groupby("data", sort=False)]
    write_drawings(drawings, results / "shake_rules")


if __name__ == "__main__":
    with explained("shake_rules"):
        main()
