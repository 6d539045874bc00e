"""Reading what training left in `results/runs`, for the models that are configured now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.tables import RUNS, predictions_schema, read_table


@dataclass(frozen=True)
class RunDetails:
    """What a run's numbers may depend on beside its params: from the sidecar beside `results/runs/<model>.csv`."""

    model: str
    fold: int
    seed: int
    device: str
    precision: str
    versions: tuple[tuple[str, str], ...]
    data: str = ""
    source: str = ""
    identity: str = ""


def load_runs(folder: Path, models: Iterable[str]) -> pd.DataFrame:
    """The runs of `models`, in that order; a model without a file has no rows, and other files are not looked at.

    Raises:
        InputError: a file breaks the rules of `records.RUNS`, holds another model, or one run twice.
    """
    tables = [_load(path, model) for model in models if (path := folder / f"{model}.csv").exists()]
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(RUNS.columns))


def _load(path: Path, model: str) -> pd.DataFrame:
    table = read_table(path, RUNS)
    if others := sorted(set(table["model"]) - {model}):
        raise InputError(f"{path}: holds the model {others[0]!r}; expected {model!r} only. `dvc repro` makes it again")
    twice = table.duplicated(["fold", "seed", "selection"])
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(
            f"{path} line {int(twice.to_numpy().argmax()) + 2}: fold {row['fold']}, seed {row['seed']}, selection "
            f"{row['selection']} is there a second time; expected once. Delete the file, and `dvc repro` makes it again"
        )
    return table


def load_predictions(
    folder: Path, models: Iterable[str], classes: Sequence[str], segments: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Predictions by model, with what is known of each segment: utterance, corpus, actor, gender.

    Args:
        folder: `results/predictions`; a model without a file there is left out.
        models: which to read.
        classes: of the experiment.
        segments: rows of `records.SEGMENTS` of all corpora.

    Raises:
        InputError: a file is broken, or predicts segments that are not there, or calls one by another emotion.
    """
    known = segments.set_index("segment")
    known["actor"] = known["corpus"] + "/" + known["actor"]
    found = {}
    for model in models:
        path = folder / f"{model}.csv"
        if not path.exists():
            continue
        table = read_table(path, predictions_schema(classes))
        joined = table.join(known[["utterance", "corpus", "actor", "gender"]], on="segment")
        labels = known["emotion"].reindex(table["segment"]).to_numpy()
        wrong = joined["actor"].isna().to_numpy() | (labels != table["emotion"].to_numpy())
        if wrong.any():
            raise InputError(
                f"{path} line {int(wrong.argmax()) + 2}: segment {table['segment'][int(wrong.argmax())]} is not in "
                f"data/segments with that emotion: results are of other data; `dvc repro` makes them again"
            )
        found[model] = joined
    return found


def load_details(folder: Path, models: Iterable[str]) -> tuple[RunDetails, ...]:
    """The sidecars of `models`; a model without one has no entries.

    Raises:
        InputError: a sidecar is no JSON of the expected form.
    """
    paths = ((model, folder / f"{model}.json") for model in models)
    return tuple(details for model, path in paths if path.exists() for details in _load_details(path, model))


def check_one_experiment(details: Iterable[RunDetails], folder: Path) -> None:
    """Make sure that all runs learned from the same data with the same code; else no comparison means anything.

    Raises:
        InputError: two of them did not.
    """
    first: RunDetails | None = None
    for run in details:
        first = first or run
        for name, what in (("data", "data"), ("source", "code")):
            ours, theirs = getattr(first, name), getattr(run, name)
            if ours != theirs:
                raise InputError(
                    f"{folder}: {first.model} fold {first.fold} seed {first.seed} was trained on {what} {ours}, "
                    f"{run.model} fold {run.fold} seed {run.seed} on {theirs}; expected one experiment, since runs of "
                    f"different {what} cannot be compared; `dvc repro` trains what is missing of it"
                )


def _load_details(path: Path, model: str) -> list[RunDetails]:
    try:
        runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return [
            RunDetails(
                model, run["fold"], run["seed"], str(run["device"]), str(run["precision"]),
                tuple(sorted((str(name), str(version)) for name, version in run["versions"].items())),
                str(run["data"]), str(run["source"]), str(run["identity"]),
            )
            for run in runs
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no list of runs with fold, seed, device, precision, versions, data, source and identity "
            f"({type(error).__name__}: {error}); `dvc repro --force train@{model}` makes it again"
        ) from None
