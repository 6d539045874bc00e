"""Report: everything that was made to the paper's tables, a user's own, and one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.files import write_text
from pipeline.params import load_params
from pipeline.reporting.loading import load_experiment
from pipeline.reporting.metrics import metrics_text
from pipeline.reporting.page.inputs import load_figures, load_hashes
from pipeline.reporting.page.page import render_page
from pipeline.reporting.structures import network_structures
from pipeline.reporting.tables.registry import build_tables, write_tables


def main() -> None:
    """Write `results/tables/`, `results/metrics.json` and `results/report.html`."""
    params = load_params()
    experiment = load_experiment(params, Path("data"), Path("results"))
    experiment = replace(experiment, structures=network_structures(params))
    tables = build_tables(experiment)
    write_tables(tables, Path("results/tables"))
    write_text(Path("results/metrics.json"), metrics_text(experiment))
    hashes = load_hashes(Path("data/inputs.json"), Path("data/folds.csv"), params)
    page = render_page(experiment, tables, load_figures(Path("results/figures")), hashes)
    write_text(Path("results/report.html"), page)
    print(f"report: {len(tables)} tables of {len(experiment.trained)} models in results/tables, results/report.html")


if __name__ == "__main__":
    with explained("report"):
        main()
