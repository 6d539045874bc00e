"""Embeddings: Figures 4, 5 and 6, and the numbers behind them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.errors import explained
from pipeline.figures.drawing import write_drawings
from studies.embeddings import claims, run_measures, specs, summary, train_one
from studies.figures.all_embeddings import embedding_drawings
from studies.params import load_params
from studies.tables import write_csv
from studies.training.crew import run_side_by_side


def main() -> None:
    """Write `embeddings.csv`, `embeddings_claims.csv` and `embeddings/` in `studies/results/`."""
    params = load_params()
    listed = specs(params.embeddings, params.execution)
    runs = []
    for run in run_side_by_side(train_one, listed, params.execution):
        runs.append(run)
        print(f"embeddings: {run.spec.model}, seed {run.spec.seed}: {run.status}, test error {run.test_error:.2f} %")
    measures = pd.concat([run_measures(run) for run in runs], ignore_index=True)
    results = Path("studies/results")
    write_csv(summary(measures), results / "embeddings.csv")
    write_csv(claims(measures), results / "embeddings_claims.csv")
    write_drawings(embedding_drawings(runs), results / "embeddings")


if __name__ == "__main__":
    with explained("embeddings"):
        main()
