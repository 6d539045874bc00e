"""From finished runs to the results of one model: runs, history, predictions, weights and their record."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.features import Shape
from pipeline.folds.params import headline_folds
from pipeline.runs.calibration import Temperatures, cross_validated_temperatures, fitted_temperature
from pipeline.runs.identity import RunSpec, hashes_shape
from pipeline.runs.params import RunSections
from pipeline.runs.selection import Others, Run, select_epochs
from pipeline.runs.store import FinishedRun
from pipeline.runs.tables import history_schema, predictions_schema
from pipeline.runs.weights import Weights
from pipeline.training.data import in_part
from pipeline.training.state import Epoch


@dataclass(frozen=True)
class ModelResults:
    """The tables of one model (RUNS, HISTORY and predictions) and the record of how its runs were trained.

    `temperatures` are those of `runs.calibration`.
    """

    runs: pd.DataFrame
    history: pd.DataFrame
    predictions: pd.DataFrame
    record: dict[str, Any]
    temperatures: Temperatures


def collect(
    model: str, finished: Sequence[FinishedRun], segments: Mapping[int, pd.DataFrame], params: RunSections
) -> ModelResults:
    """The results of a model from all its runs, in the order of repeats, folds and seeds.

    Args:
        model: key of the model.
        finished: finished runs of the model.
        segments: by repeat, the segments with their folds, from `data.read_segments`.
        params: sections of the experiment.
    """
    ordered = sorted(finished, key=lambda run: _key(run.spec))
    epochs = [
        {"model": model, "fold": run.spec.fold, "seed": run.spec.seed, **_columns(row), "repeat": run.spec.repeat}
        for run in ordered
        for row in run.history
    ]
    history = pd.DataFrame(epochs, columns=list(history_schema(dev=params.partition.dev).columns))
    diverged = {_key(run.spec): run.diverged_epoch for run in ordered if run.diverged_epoch is not None}
    others = _apart({(run.spec.repeat, run.spec.fold) for run in ordered}, segments, headline_folds(params.partition))
    runs = select_epochs(history, diverged, model, others)
    predictions = [
        _predictions(run, name, segments[run.spec.repeat], params) for run in ordered for name in run.snapshots
    ]
    columns = list(predictions_schema(params.classes).columns)
    table = pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(columns=columns)
    if params.partition.dev:
        temperatures = _held_out_temperatures(ordered, segments, params.classes)
    else:
        headline = table["fold"].isin(headline_folds(params.partition))
        temperatures = {
            **cross_validated_temperatures(table[headline], params.classes),
            **cross_validated_temperatures(table[~headline], params.classes),
        }
    record = {"model": model, "runs": [_record(run, temperatures) for run in ordered]}
    return ModelResults(runs, history, table, record, temperatures)


def _apart(
    places: Collection[tuple[int, int]], segments: Mapping[int, pd.DataFrame], headline: Collection[int]
) -> Others:
    """By repeat and fold, the folds of the same experiment that validate nothing which this one validates."""
    valid = {(repeat, fold): in_part(segments[repeat], fold, "valid") for repeat, fold in places}
    return {
        (repeat, fold): [
            other
            for again, other in places
            if again == repeat
            and (other in headline) == (fold in headline)
            and not (valid[repeat, fold] & valid[repeat, other]).any()
        ]
        for repeat, fold in places
    }


def _columns(row: Epoch) -> dict[str, float]:
    """A row of the history with the column names of the results: the score of speech models is unweighted accuracy."""
    return {name.replace("score", "ua"): value for name, value in asdict(row).items()}


def trained_weights(
    finished: Sequence[FinishedRun],
    params: RunSections,
    shape: Shape,
    frontend: Mapping[str, Any],
    depends: Mapping[str, Any] = MappingProxyType({}),
    temperatures: Temperatures = MappingProxyType({}),
) -> Iterator[tuple[str, Weights]]:
    """The weights of every run's last and best epochs, by name: `fold1-seed2-best`, `repeat2-fold1-seed2-best`.

    Args:
        finished: finished runs of one model.
        params: sections of the experiment.
        shape: shape of the model's features.
        frontend: the options of its front end, as plain values.
        depends: what its features depend on beside them, see `FrontEnd.identity`.
        temperatures: those of `ModelResults`; a run without one has weights without one.
    """
    for run in finished:
        spec = run.spec
        for selection, snapshot in run.snapshots.items():
            yield (
                f"{'' if spec.repeat == 1 else f'repeat{spec.repeat}-'}fold{spec.fold}-seed{spec.seed}-{selection}",
                Weights(
                    snapshot.weights,
                    spec.identity,
                    snapshot.epoch,
                    spec.design(shape),
                    spec.reading,
                    dict(frontend),
                    params.classes,
                    params.segment,
                    dict(depends),
                    temperatures.get((*_key(spec), selection)),
                ),
            )


def _predictions(run: FinishedRun, selection: str, segments: pd.DataFrame, params: RunSections) -> pd.DataFrame:
    valid = segments[in_part(segments, run.spec.fold, "valid")]
    probabilities = run.snapshots[selection].probabilities.double().numpy()
    table = pd.DataFrame({
        "model": run.spec.model, "fold": run.spec.fold, "seed": run.spec.seed, "selection": selection,
        "segment": valid["segment"].to_numpy(), "emotion": valid["emotion"].to_numpy(),
        "predicted": np.asarray(params.classes)[probabilities.argmax(axis=1)],
    })  # fmt: skip
    for index, name in enumerate(params.classes):
        table[f"p_{name}"] = probabilities[:, index].round(6)
    return table.assign(repeat=run.spec.repeat)


def _held_out_temperatures(
    finished: Iterable[FinishedRun], segments: Mapping[int, pd.DataFrame], classes: Sequence[str]
) -> Temperatures:
    """The temperature of every run and selection that has predicted a fold held out by `partition.dev`."""
    found: dict[tuple[Hashable, ...], float] = {}
    position = {name: index for index, name in enumerate(classes)}
    for run in finished:
        table = segments[run.spec.repeat]
        emotions = table["emotion"][in_part(table, run.spec.fold, "dev")]
        labels = np.asarray(emotions.map(position), dtype=np.int64)
        for name, snapshot in run.snapshots.items():
            if snapshot.dev is not None:
                found[(*_key(run.spec), name)] = fitted_temperature(snapshot.dev.double().numpy(), labels)
    return found


def _key(spec: RunSpec) -> Run:
    return spec.repeat, spec.fold, spec.seed


def _record(run: FinishedRun, temperatures: Temperatures) -> dict[str, Any]:
    found = {name: temperatures.get((*_key(run.spec), name)) for name in run.snapshots}
    return {
        "fold": run.spec.fold,
        "seed": run.spec.seed,
        "repeat": run.spec.repeat,
        "identity": run.spec.identity,
        "family": run.spec.model_params.family,
        "frontend": run.spec.model_params.frontend,
        "data": run.spec.data,
        "source": run.spec.source,
        "status": run.status,
        "epochs": len(run.history),
        "diverged_epoch": run.diverged_epoch,
        "device": run.device,
        "precision": run.spec.reading.precision,
        "versions": run.versions,
        # Only where they apply, so that records of other runs stay as they are; the first two say what `data` is of.
        **({"reads": "frames"} if hashes_shape(run.spec.family) else {}),
        **({"variants": list(run.spec.reading.variants)} if run.spec.reading.variants else {}),
        **({"chosen": run.chosen} if run.chosen else {}),
        **({"temperature": known} if (known := {name: one for name, one in found.items() if one is not None}) else {}),
        **({"adopted": run.adopted} if run.adopted is not None else {}),
    }
