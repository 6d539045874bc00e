"""Stage `uci`: fully connected networks on UCI tables with the variance constancy loss and normalisations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from studies.figures.constancy import histograms, profile
from studies.params import load_params
from studies.profiles import performance_profile
from studies.tables import write_csv
from studies.tabular import errors_by_method, planned, selection_table, shown_densities, train, wins_table
from studies.training.crew import run_side_by_side

THRESHOLDS = np.linspace(1, 0.8, 101)


def main() -> None:
    """Write `uci.csv`, `uci_wins.csv` and the figures `uci/` in `studies/results/`."""
    params = load_params()
    # On the cores, whatever the device: these networks are too small for a GPU.
    cores = params.execution.model_copy(update={"device": "cpu"})
    outcomes = list(run_side_by_side(train, planned(params.uci), cores))
    selection = selection_table(outcomes, params.uci.smoothing)
    methods = errors_by_method(selection)
    shown = shown_densities(outcomes)
    results = Path("studies/results")
    write_csv(selection, results / "uci.csv")
    write_csv(wins_table(selection), results / "uci_wins.csv")
    drawings = [
        histograms(shown.densities, shown.edges, shown.what),
        profile(THRESHOLDS.tolist(), performance_profile(methods, THRESHOLDS), len(next(iter(methods.values())))),
    ]
    write_drawings(drawings, results / "uci")


if __name__ == "__main__":
    with explained("uci"):
        main()
