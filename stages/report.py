"""Report: everything that was made to the paper's tables, a user's own, and one page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.errors import explained
from pipeline.evaluation.results import load_details, load_runs
from pipeline.files import write_text
from pipeline.params import load_params
from pipeline.records import COMPARISONS, FOLDS, SEGMENTS, read_table
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.page import render_page
from pipeline.reporting.structures import network_structures
from pipeline.reporting.tables import build_tables, write_tables


def main() -> None:
    """Write `results/tables/` and `results/report.html`."""
    params = load_params()
    segments = [read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS) for corpus in params.corpora]
    experiment = Experiment(
        params=params,
        segments=pd.concat(segments, ignore_index=True),
        folds=read_table(Path("data/folds.csv"), FOLDS),
        structures=network_structures(params),
        runs=load_runs(Path("results/runs"), params.models),
        details=load_details(Path("results/runs"), params.models),
        comparisons=read_table(Path("results/comparisons.csv"), COMPARISONS),
    )
    tables = build_tables(experiment)
    write_tables(tables, Path("results/tables"))
    write_text(Path("results/report.html"), render_page(experiment, tables))
    print(f"report: {len(tables)} tables of {len(experiment.trained)} models in results/tables, results/report.html")


if __name__ == "__main__":
    with explained("report"):
        main()
