"""Fully connected networks on UCI tables with the variance constancy loss and normalisations."""

from __future__ import annotations

import numpy as np

from pipeline.figures.drawing import Drawing
from studies.core.in_order import run_in_order
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.uci.figures import histograms, profile
from studies.uci.params import UciParams
from studies.uci.profiles import Errors, performance_profile
from studies.uci.results import errors_by_method, histograms_of, published_errors, table, wins_table
from studies.uci.runs import Outcome, specs, train

THRESHOLDS = np.linspace(1, 0.8, 101)
"""Thresholds tau of the profiles."""


class Params(Sections):
    """The sections that this study reads."""

    uci: UciParams


def main() -> None:
    """Write `uci.csv`, `uci_wins.csv` and the figures `uci/` in `studies/results/`."""
    params = read_sections(Params)
    all_specs = specs(params.uci, params.execution)
    outcomes = run_in_order(train, all_specs, all_specs[0].execution, progress)
    selection = table(outcomes, params.uci.smoothing)
    methods = errors_by_method(selection)
    content = histograms_of(outcomes, params.uci.drawn)
    save(
        "uci",
        {"uci": selection, "uci_wins": wins_table(selection)},
        [
            histograms(content.densities, content.edges, content.what),
            _profile(methods),
            _profile(published_errors(), published=True),
        ],
    )


def _profile(errors: Errors, *, published: bool = False) -> Drawing:
    shares, tables = performance_profile(errors, THRESHOLDS), len(next(iter(errors.values())))
    return profile(THRESHOLDS.tolist(), shares, tables, published=published)


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec = outcome.spec
    method = f"{spec.activation}+{spec.normalisation}"
    result = "diverged" if outcome.diverged else f"test error {100 * outcome.test[-1]:.2f} %"
    return f"uci: {spec.table.name}, split {spec.split}, {method}, {spec.depth} layers: {result}"
