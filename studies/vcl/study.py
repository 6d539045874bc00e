"""The variance constancy loss beside normalisations, on the 11-layer network."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.vcl.figures import error_figures
from studies.vcl.params import VclParams
from studies.vcl.results import model_name, table
from studies.vcl.runs import Outcome, specs, train


class Params(Sections):
    """The sections that this study reads."""

    vcl: VclParams


def main() -> None:
    """Write `vcl.csv` and the figures `vcl/` in `studies/results/`."""
    params = read_sections(Params)
    rows = table(run_in_order(train, specs(params.vcl, params.execution), params.execution, progress))
    save("vcl", {"vcl": rows}, error_figures(rows[rows["runs"].notna()]))


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec = outcome.spec
    name = model_name(spec.activation, spec.normalisation, spec.samples)
    result = "diverged" if outcome.diverged else f"test error {outcome.error:.2f} %"
    return f"vcl: {spec.params.data.name}, {name}, seed {spec.seed}: {result}"
