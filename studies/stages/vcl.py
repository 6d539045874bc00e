"""Stage `vcl`: the variance constancy loss beside normalisations, on images and on UCI tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import explained
from pipeline.files import write_text
from pipeline.reporting.figures.drawing import write_drawings
from pipeline.training.device import resolve_device
from studies import tabular, variance_constancy
from studies.figures import constancy
from studies.params import load_params
from studies.profiles import performance_profile
from studies.training.crew import run_side_by_side

RESULTS = Path("studies/results")


def _write(table: pd.DataFrame, name: str) -> None:
    write_text(RESULTS / name, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def main() -> None:
    """Train what is configured, and write the tables."""
    params = load_params()
    device = str(resolve_device(params.execution.device))
    images = variance_constancy.planned(params.vcl, device)
    table = variance_constancy.comparison_table(run_side_by_side(variance_constancy.train, images, params.execution))
    _write(table, "vcl.csv")
    outcomes = list(run_side_by_side(tabular.train, tabular.planned(params.uci), params.execution))
    selection = tabular.selection_table(outcomes, params.uci.smoothing)
    _write(selection, "vcl_uci.csv")
    _write(tabular.wins_table(selection), "vcl_wins.csv")
    methods = tabular.errors_by_method(selection)
    thresholds = np.linspace(1, 0.8, 101)
    shares = performance_profile(methods, thresholds)
    shown = tabular.shown_densities(outcomes)
    drawings = [
        constancy.errors(table[table["runs"].notna()]),
        constancy.histograms(shown.densities, shown.edges, shown.what),
        constancy.profile(thresholds.tolist(), shares, len(next(iter(methods.values())))),
    ]
    write_drawings(drawings, RESULTS / "figures" / "vcl")


if __name__ == "__main__":
    with explained("vcl"):
        main()
