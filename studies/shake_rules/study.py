"""Shake rules: Gastaldi's rules, levels and architectures, and what competes with them."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.shake_rules.figures import rules_figure
from studies.shake_rules.params import ShakeRulesParams
from studies.shake_rules.results import claims, run_table, table, trained_table
from studies.shake_rules.runs import Outcome, specs, train


class Params(Sections):
    """What this study reads."""

    shake_rules: ShakeRulesParams


def main() -> None:
    """Write `shake_rules.csv`, `shake_rules_runs.csv`, `shake_rules_claims.csv` and `shake_rules/`."""
    params = read_sections(Params)
    all_specs = specs(params.shake_rules, params.execution)
    runs = run_table(run_in_order(train, all_specs, params.execution, progress))
    save(
        "shake_rules",
        {"shake_rules": table(runs), "shake_rules_runs": runs, "shake_rules_claims": claims(runs)},
        [rules_figure(trained_table(runs))],
    )


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec, diverged = outcome.spec, outcome.diverged_epoch
    result = f"test error {outcome.error:.2f} %" if diverged is None else f"diverged in epoch {diverged}"
    return f"shake_rules: {spec.variant.name}, seed {spec.seed}: {result}"
