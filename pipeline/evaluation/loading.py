"""Reading the results of the stages before, for the models that are configured now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS, read_folds, read_parts, read_table
from pipeline.core.wording import run_words
from pipeline.evaluation.results import Adoption, Results, RunDetails
from pipeline.evaluation.tables import COMPARISONS, INTERVALS
from pipeline.folds.params import PartitionParams, headline_folds
from pipeline.folds.people import Source, people_of
from pipeline.runs.calibration import Temperatures
from pipeline.runs.tables import RUNS, SPLIT_DIGITS, apart_schema, history_schema, predictions_schema

if TYPE_CHECKING:
    from pipeline.params import Params


def load_results(params: Params, data: Path, results: Path) -> Results:
    """Everything but the structures of networks, which only Table 5 needs.

    Args:
        params: the params of the experiment.
        data: the folder with `segments/` and `folds.csv`.
        results: the folder with `runs/`, `comparisons.csv` and `intervals.csv`.

    Raises:
        InputError: a file is missing or broken.
    """
    tables = [read_table(data / f"segments/{corpus}.csv", SEGMENTS) for corpus in params.corpora]
    segments = pd.concat(tables, ignore_index=True)
    parts = read_parts(data / "parts.csv", params.partition.folds)
    return Results(
        params=params,
        segments=segments,
        validated=_validated(segments, parts) if len(parts) else None,
        folds=read_folds(data / "folds.csv", params.partition.folds, by_actor=params.partition.by_actor),
        structures={},
        runs=headline(load_runs(results / "runs", params.models), params.partition),
        details=load_details(results / "runs", params.models),
        comparisons=read_table(results / "comparisons.csv", COMPARISONS),
        intervals=read_table(results / "intervals.csv", INTERVALS),
    )


def _validated(segments: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """The segments that each fold validates, with a column `fold`."""
    of_segment = parts.reindex(segments["utterance"]).reset_index(drop=True)
    rows = [segments[(of_segment[fold] == "valid").to_numpy()].assign(fold=fold) for fold in parts.columns]
    return pd.concat(rows, ignore_index=True)


def headline(table: pd.DataFrame, partition: PartitionParams) -> pd.DataFrame:
    """The rows of the folds whose runs are one experiment, `headline_folds`."""
    return table[table["fold"].isin(headline_folds(partition))] if partition.leave_one_out else table


def load_tests(folder: Path, params: Params) -> pd.DataFrame:
    """`apart_schema` of the configured models that have a file in `folder`; no rows without a test."""
    schema = apart_schema(params.classes)
    paths = [folder / f"{model}.csv" for model in params.models]
    tables = [read_table(path, schema) for path in paths if path.exists()]
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(schema.columns))


def load_history(folder: Path, params: Params) -> pd.DataFrame:
    """`HISTORY` of the configured models that have a file in `folder`."""
    paths = [folder / f"{model}.csv" for model in params.models]
    schema = history_schema(dev=params.partition.dev)
    tables = [read_table(path, schema) for path in paths if path.exists()]
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(schema.columns))


def load_runs(folder: Path, models: Iterable[str]) -> pd.DataFrame:
    """The runs of `models`, in that order; a model without a file has no rows, and other files are not looked at.

    Raises:
        InputError: a file breaks the rules of `RUNS`, holds another model, or one run twice.
    """
    tables = [_load(path, model) for model in models if (path := folder / f"{model}.csv").exists()]
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(RUNS.columns))


def _load(path: Path, model: str) -> pd.DataFrame:
    table = read_table(path, RUNS)
    if others := sorted(set(table["model"]) - {model}):
        raise InputError(f"{path}: holds the model {others[0]!r}; expected {model!r} only. `dvc repro` makes it again")
    twice = table.duplicated(["repeat", "fold", "seed", "selection"])
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(
            f"{path} line {int(twice.to_numpy().argmax()) + 2}: {run_words(row['repeat'], row['fold'], row['seed'])}, "
            f"selection {row['selection']} occurs a second time; expected once. Delete the file, and `dvc repro` makes "
            "it again"
        )
    return table


def load_predictions(
    folder: Path,
    models: Iterable[str],
    classes: Sequence[str],
    segments: pd.DataFrame,
    sources: Mapping[str, Source] = MappingProxyType({}),
) -> dict[str, pd.DataFrame]:
    """Predictions by model, with what is known of each segment: utterance, corpus, actor, gender.

    Args:
        folder: `results/predictions`; a model without a file there is left out.
        models: keys of the models to read.
        classes: the classes of the experiment.
        segments: rows of `SEGMENTS` of all corpora.
        sources: where the names of each corpus come from: a person in two corpora is one actor.

    Raises:
        InputError: a file is broken, or holds segments that do not exist or have another emotion.
    """
    known = segments.set_index("segment")
    known["actor"] = _people(known, sources)
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
                f"data/segments with that emotion: the results belong to other data; `dvc repro` makes them again"
            )
        found[model] = joined
    return found


def _people(segments: pd.DataFrame, sources: Mapping[str, Source]) -> pd.Series[str]:
    """`corpus/actor` of each segment; of a person in several corpora, that of the first."""
    names = segments["corpus"] + "/" + segments["actor"]
    return names.groupby(people_of(segments, sources)).transform("min") if len(names) else names


def load_details(folder: Path, models: Iterable[str]) -> tuple[RunDetails, ...]:
    """The sidecars of `models`; a model without one has no entries.

    Raises:
        InputError: a sidecar is not JSON of the expected form.
    """
    paths = ((model, folder / f"{model}.json") for model in models)
    return tuple(details for model, path in paths if path.exists() for details in _load_details(path, model))


def temperatures_of(details: Iterable[RunDetails], model: str) -> Temperatures:
    """The temperatures of the runs of a model, as they are recorded beside its runs."""
    return {
        (run.repeat, run.fold, run.seed, selection): temperature
        for run in details
        if run.model == model
        for selection, temperature in run.temperatures
    }


def check_one_experiment(details: Iterable[RunDetails], folder: Path) -> None:
    """Make sure that all runs learned from the same data with the same code; else they cannot be compared.

    Segments and folds must be the same for all runs of a partition, features for all runs that read a front end and
    its variants in one form, code for all of a family.

    Raises:
        InputError: two runs differ in one of these.
    """
    first: dict[tuple[str, str], RunDetails] = {}
    for run in details:
        for name, what, group, digits in (
            ("data", "data", str(run.repeat), SPLIT_DIGITS),
            ("data", "data", f"{run.repeat} {run.features}", None),
            ("source", "code", run.family, None),
        ):
            known = first.setdefault((name, group), run)
            ours, theirs = getattr(known, name), getattr(run, name)
            if ours[:digits] != theirs[:digits]:
                raise InputError(
                    f"{folder}: {known.name} was trained on {what} {ours}, "
                    f"{run.name} on {theirs}; expected one experiment, since runs of "
                    f"different {what} cannot be compared; `dvc repro` trains the runs that are missing"
                )


def _adoption(record: dict[str, Any] | None) -> Adoption | None:
    """The adoption of a record; the code that trained the run is that of the first one."""
    if record is None:
        return None
    first = [*record["history"], record][0]
    return Adoption(str(first["source"]), str(record["when"]), str(record["by"]))


def _load_details(path: Path, model: str) -> list[RunDetails]:
    try:
        runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return [
            RunDetails(
                model, run["fold"], run["seed"], str(run["device"]), str(run["precision"]),
                tuple(sorted((str(name), str(version)) for name, version in run["versions"].items())),
                str(run["data"]), str(run["source"]), str(run["identity"]), str(run["family"]),
                " ".join([str(run["frontend"]), str(run.get("reads", "")), *map(str, run.get("variants", ()))]),
                _adoption(run.get("adopted")),
                tuple((str(name), float(value)) for name, value in run.get("chosen", {}).items()),
                int(run.get("repeat", 1)),
                tuple((str(name), float(value)) for name, value in run.get("temperature", {}).items()),
            )
            for run in runs
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not a list of runs with fold, seed, device, precision, versions, data, source, identity, "
            f"family and frontend ({type(error).__name__}: {error}); `dvc repro --force train@{model}` makes it again"
        ) from None
