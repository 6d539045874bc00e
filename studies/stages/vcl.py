"""Stage `vcl`: the variance constancy loss beside normalisations, on images and on UCI tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.errors import explained
from pipeline.files import write_text
from pipeline.training.device import resolve_device
from studies import tabular, variance_constancy
from studies.params import load_params
from studies.training.crew import run_side_by_side

RESULTS = Path("studies/results")


def _write(table: pd.DataFrame, name: str) -> None:
    write_text(RESULTS / name, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def main() -> None:
    """Train what is configured, and write the tables."""
    params = load_params()
    device = str(resolve_device(params.execution.device))
    images = variance_constancy.planned(params.vcl, device)
    _write(variance_constancy.comparison_table(run_side_by_side(variance_constancy.train, images, params.execution)),
           "vcl.csv")  # fmt: skip
    outcomes = list(run_side_by_side(tabular.train, tabular.planned(params.uci), params.execution))
    selection = tabular.selection_table(outcomes, params.uci.smoothing)
    _write(selection, "vcl_uci.csv")
    _write(tabular.wins_table(selection), "vcl_wins.csv")


if __name__ == "__main__":
    with explained("vcl"):
        main()
