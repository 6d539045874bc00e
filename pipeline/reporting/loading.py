"""Reading what the stages before left, for the tables, the figures and the page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

from pipeline.errors import InputError
from pipeline.evaluation.results import load_details, load_runs
from pipeline.params import Params
from pipeline.records import COMPARISONS, FOLDS, HISTORY, INTERVALS, SEGMENTS, read_table
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.page import PageFigure


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


def load_figures(folder: Path) -> list[PageFigure]:
    """The figures that `figures.drawing` wrote, in its order.

    Raises:
        InputError: the folder is not as it was written.
    """
    index = folder / "index.json"
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))
        return [
            PageFigure(one["key"], one["title"], one["caption"], one["alt"], _text(folder / f"{one['key']}.svg"))
            for one in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not what the figures stage wrote ({type(error).__name__}: {error}); "
            "`dvc repro --force figures` makes it again"
        ) from None


def load_hashes(inputs: Path, folds: Path, params: Params) -> dict[str, str]:
    """SHA-256 of the features and segments of every configured corpus, and of the folds, by file.

    Raises:
        InputError: `inputs` is missing or not what the inputs stage wrote, or lacks a corpus.
    """
    try:
        known = json.loads(inputs.read_text(encoding="utf-8"))
        hashes = {}
        for corpus in params.corpora:
            hashes[f"data/features/{corpus}.ark"] = str(known[corpus]["ark"])
            hashes[f"data/segments/{corpus}.csv"] = str(known[corpus]["segments"])
        return {**hashes, "data/folds.csv": hashlib.sha256(folds.read_bytes()).hexdigest()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{inputs} is not what the inputs stage wrote ({type(error).__name__}: {error}); "
            "`dvc repro --force inputs` makes it again"
        ) from None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
