"""Stage `vcl`: the variance constancy loss beside normalisations, on the 11-layer network."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from pipeline.training.device import resolve_device
from studies.figures.constancy import errors
from studies.params import load_params
from studies.tables import write_csv
from studies.training.crew import run_side_by_side
from studies.variance_constancy import comparison_table, planned, train


def main() -> None:
    """Write `vcl.csv` and the figure `vcl/` in `studies/results/`."""
    params = load_params()
    runs = planned(params.vcl, str(resolve_device(params.execution.device)))
    table = comparison_table(run_side_by_side(train, runs, params.execution))
    write_csv(table, Path("studies/results/vcl.csv"))
    write_drawings([errors(table[table["runs"].notna()])], Path("studies/results/vcl"))


if __name__ == "__main__":
    with explained("vcl"):
        main()
