"""Shake rules: Gastaldi's rules, levels and architectures, and what competes with them."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from studies.figures.shake_rules import rules_figure
from studies.params import load_params
from studies.shake_rules import claims, run_table, specs, table, train_one, whole_table
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `shake_rules.csv`, `shake_rules_runs.csv`, `shake_rules_claims.csv` and `shake_rules/`."""
    params = load_params()
    runs = []
    for run in run_side_by_side(train_one, specs(params.shake_rules, params.execution), params.execution):
        runs.append(run)
        ended = f"test error {run.error:.2f} %" if run.diverged_epoch is None else f"diverged in {run.diverged_epoch}"
        print(f"shake_rules: {run.spec.setting.name}, seed {run.spec.seed}: {ended}")
    results = Path("studies/results")
    every = run_table(runs)
    write_csv(whole_table(every), results / "shake_rules.csv")
    write_csv(every, results / "shake_rules_runs.csv")
    write_csv(claims(every), results / "shake_rules_claims.csv")
    write_drawings([rules_figure(table(every))], results / "shake_rules")


if __name__ == "__main__":
    with explained("shake_rules"):
        main()
