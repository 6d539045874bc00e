"""From finished runs to the results of one model: runs, history, predictions, weights and their record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.tables import HISTORY, predictions_schema
from pipeline.params import Params
from pipeline.runs.selection import select_epochs
from pipeline.runs.store import FinishedRun
from pipeline.runs.weights import Weights


@dataclass(frozen=True)
class ModelResults:
    """The tables of one model (records.RUNS, HISTORY and predictions) and the record of how they came to be."""

    runs: pd.DataFrame
    history: pd.DataFrame
    predictions: pd.DataFrame
    record: dict[str, Any]


def collect(model: str, finished: Sequence[FinishedRun], segments: pd.DataFrame, params: Params) -> ModelResults:
    """The results of a model from all its runs, in the order of folds and seeds.

    Args:
        model: its key.
        finished: its runs.
        segments: as `data.read_segments` gives them.
        params: the experiment's.
    """
    ordered = sorted(finished, key=lambda run: (run.spec.fold, run.spec.seed))
    epochs = [
        {"model": model, "fold": run.spec.fold, "seed": run.spec.seed, **asdict(row)}
        for run in ordered
        for row in run.history
    ]
    history = pd.DataFrame(epochs, columns=list(HISTORY.columns))
    diverged = {(run.spec.fold, run.spec.seed): run.diverged_epoch for run in ordered if run.diverged_epoch is not None}
    runs = select_epochs(history, diverged, model)
    predictions = [_predictions(run, name, segments, params) for run in ordered for name in run.snapshots]
    columns = list(predictions_schema(params.classes).columns)
    return ModelResults(
        runs,
        history,
        pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(columns=columns),
        {"model": model, "runs": [_record(run) for run in ordered]},
    )


def trained_weights(finished: Sequence[FinishedRun], params: Params) -> Iterator[tuple[str, Weights]]:
    """The weights of every run's last and best epochs, by name: `fold1-seed2-best`."""
    for run in finished:
        spec = run.spec
        for selection, snapshot in run.snapshots.items():
            yield (
                f"fold{spec.fold}-seed{spec.seed}-{selection}",
                Weights(
                    snapshot.weights,
                    spec.identity,
                    snapshot.epoch,
                    params.network,
                    spec.model_params,
                    params.classes,
                    params.features,
                    params.segment,
                ),
            )


def _predictions(run: FinishedRun, selection: str, segments: pd.DataFrame, params: Params) -> pd.DataFrame:
    valid = segments[segments["fold"] == run.spec.fold]
    probabilities = run.snapshots[selection].probabilities.double().numpy()
    table = pd.DataFrame({
        "model": run.spec.model, "fold": run.spec.fold, "seed": run.spec.seed, "selection": selection,
        "segment": valid["segment"].to_numpy(), "emotion": valid["emotion"].to_numpy(),
        "predicted": np.asarray(params.classes)[probabilities.argmax(axis=1)],
    })  # fmt: skip
    for index, name in enumerate(params.classes):
        table[f"p_{name}"] = probabilities[:, index].round(6)
    return table


def _record(run: FinishedRun) -> dict[str, Any]:
    return {
        "fold": run.spec.fold,
        "seed": run.spec.seed,
        "identity": run.spec.identity,
        "data": run.spec.data,
        "source": run.spec.source,
        "status": run.status,
        "epochs": len(run.history),
        "diverged_epoch": run.diverged_epoch,
        "device": run.device,
        "precision": run.spec.params.train.precision,
        "versions": run.versions,
    }
