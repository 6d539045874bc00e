"""Trained runs as values: their parameters, and their metrics by epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.tables import read_table
from pipeline.runs.calibration import RUN_KEYS
from pipeline.runs.tables import HISTORY, RUNS, history_schema

METRICS = ("train_loss", "train_ua", "train_loss_eval", "train_ua_eval", "valid_loss", "valid_ua")
"""Columns of `HISTORY` that are metrics; UA in percent."""

OF_DEV = ("dev_loss", "dev_ua")
"""Those of a history with a fold that is held out (`partition.dev`)."""

RECORDED = ("family", "frontend", "device", "precision", "status", "identity", "data", "source")
"""What the record of a run says that is worth comparing."""


@dataclass(frozen=True)
class TrackedRun:
    """One run of a model.

    Attributes:
        model: key of the model, by which runs are grouped.
        name: `fold1-seed2`; of a further partition `repeat2-fold1-seed2`.
        params: its parameters by dotted name.
        epochs: (epoch, metrics by name) from the first epoch on; a metric that was not measured is left out.
        summary: metrics of its reported epochs, such as `valid_ua_last`.
    """

    model: str
    name: str
    params: Mapping[str, str]
    epochs: Sequence[tuple[int, Mapping[str, float]]]
    summary: Mapping[str, float]


def tracked_runs(models: Mapping[str, Mapping[str, Any]], results: Path = Path("results")) -> list[TrackedRun]:
    """The runs of models that have a history.

    Args:
        models: parameters of each model by key, nested as in params.yaml.
        results: folder with `history/` and `runs/`.

    Raises:
        InputError: no model has a history, or a table is broken.
    """
    found = [run for model, params in models.items() for run in _of_model(model, params, results)]
    if not found:
        raise InputError(
            f"{results / 'history'} has no history of {', '.join(models)}; `dvc repro` trains and collects them"
        )
    return found


def _of_model(model: str, params: Mapping[str, Any], results: Path) -> Iterator[TrackedRun]:
    path = results / f"history/{model}.csv"
    if not path.is_file():
        return
    history, runs = read_table(path, HISTORY), read_table(results / f"runs/{model}.csv", RUNS)
    metrics: Sequence[str] = METRICS
    if set(OF_DEV) <= set(history):
        history, metrics = read_table(path, history_schema(dev=True)), (*METRICS, *OF_DEV)
    records = _records(results / f"runs/{model}.json")
    keys = list(RUN_KEYS)
    for key, rows in history.groupby(keys, sort=True):
        place = dict(zip(keys, key, strict=True))
        record = next((one for one in records if all(one.get(name) == value for name, value in place.items())), {})
        reported = runs[(runs[keys] == pd.Series(place)).all(axis=1)]
        yield TrackedRun(
            model,
            "-".join(f"{name}{value}" for name, value in place.items() if (name, value) != ("repeat", 1)),
            {
                **dict(_flat(params)),
                **{name: str(value) for name, value in place.items()},
                **{name: str(record[name]) for name in RECORDED if name in record},
            },
            [(int(row["epoch"]), _known(row, metrics)) for row in rows.sort_values("epoch").to_dict("records")],
            {
                f"{name}_{row['selection']}": value
                for row in reported.to_dict("records")
                for name, value in _known(row, ("valid_ua", "train_ua", "gap", "epoch")).items()
            },
        )


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        records: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["runs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as the record of runs ({error}); `dvc repro` makes it again") from None
    return records


def _known(row: Mapping[Any, Any], names: Sequence[str]) -> dict[str, float]:
    return {name: float(row[name]) for name in names if not pd.isna(row[name])}


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", str(value)
