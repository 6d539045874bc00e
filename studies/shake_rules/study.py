"""Shake rules: Gastaldi's rules, levels and architectures, and what competes with them."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.shake_rules.figures import curve_figures, rules_figure
from studies.shake_rules.params import ShakeRulesParams
from studies.shake_rules.results import claims, curves, run_table, table, trained_table
from studies.shake_rules.runs import Outcome, specs, train


class Params(Sections):
    """The sections that this study reads."""

    shake_rules: ShakeRulesParams


def main() -> None:
    """Write `shake_rules.csv`, `_runs.csv`, `_claims.csv` and `_curves.csv`, and the figures `shake_rules/`."""
    params = read_sections(Params)
    outcomes = run_in_order(train, specs(params.shake_rules, params.execution), params.execution, progress)
    runs, by_epoch = run_table(outcomes), curves(outcomes)
    tables = {"": table(runs), "_runs": runs, "_claims": claims(runs), "_curves": by_epoch}
    save(
        "shake_rules",
        {f"shake_rules{name}": rows for name, rows in tables.items()},
        [rules_figure(trained_table(runs)), *curve_figures(by_epoch)],
    )


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec, diverged = outcome.spec, outcome.diverged_epoch
    result = f"test error {outcome.error:.2f} %" if diverged is None else f"diverged in epoch {diverged}"
    return f"shake_rules: {spec.variant.name}, seed {spec.seed}: {result}"
