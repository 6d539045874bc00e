"""Reading what the stages before left, for the tables and the figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.tables import COMPARISONS, FOLDS, HISTORY, INTERVALS, SEGMENTS, read_table
from pipeline.evaluation.results import load_details, load_runs
from pipeline.params import Params
from pipeline.reporting.experiment import Experiment


def load_experiment(params: Params, data: Path, results: Path) -> Experiment:
    """Everything but the structures of networks, which only Table 5 needs.

    Args:
        params: the experiment's.
        data: the folder with `segments/` and `folds.csv`.
        results: the folder with `runs/`, `comparisons.csv` and `intervals.csv`.

    Raises:
        InputError: a file is missing or broken.
    """
    segments = [read_table(data / f"segments/{corpus}.csv", SEGMENTS) for corpus in params.corpora]
    return Experiment(
        params=params,
        segments=pd.concat(segments, ignore_index=True),
        folds=read_table(data / "folds.csv", FOLDS),
        structures={},
        runs=load_runs(results / "runs", params.models),
        details=load_details(results / "runs", params.models),
        comparisons=read_table(results / "comparisons.csv", COMPARISONS),
        intervals=read_table(results / "intervals.csv", INTERVALS),
    )


def load_history(folder: Path, params: Params) -> pd.DataFrame:
    """`records.HISTORY` of the configured models that have a file in `folder`."""
    paths = [folder / f"{model}.csv" for model in params.models]
    tables = [read_table(path, HISTORY) for path in paths if path.exists()]
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(HISTORY.columns))
