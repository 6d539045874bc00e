"""Table 1: the published networks counted, and trained at the configured scale."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.labels import model_name
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.table1.figures import error_figure
from studies.table1.params import Table1Params
from studies.table1.results import claims, run_table, table
from studies.table1.runs import Outcome, specs, train


class Params(Sections):
    """The sections that this study reads."""

    table1: Table1Params


def main() -> None:
    """Write `table1.csv`, `table1_runs.csv`, `table1_claims.csv` and `table1/` in `studies/results/`."""
    params = read_sections(Params)
    runs = run_table(run_in_order(train, specs(params.table1, params.execution), params.execution, progress))
    save(
        "table1",
        {"table1": table(runs), "table1_runs": runs, "table1_claims": claims(runs)},
        [error_figure(runs)],
    )


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec = outcome.spec
    name = model_name(spec.layout, spec.shaken)
    return f"table1: {name}, seed {spec.seed}: {outcome.status}, test error {outcome.error:.2f} %"
