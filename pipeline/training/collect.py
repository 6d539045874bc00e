"""From finished runs to the results of one model: runs, history, predictions, weights and their record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import save_file

from pipeline.evaluation.selection import select_epochs
from pipeline.files import replacing
from pipeline.params import Params
from pipeline.records import HISTORY, predictions_schema
from pipeline.training.store import FinishedRun

WEIGHTS_FORMAT = "shaking-emotions-weights-1"


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


def save_weights(finished: Sequence[FinishedRun], folder: Path, params: Params) -> None:
    """Write `fold<f>-seed<s>-<last or best>.safetensors` of every run, with all that is needed to use them.

    The header holds identity, network, model, classes, features and segment params as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for run in finished:
        spec = run.spec
        for name, snapshot in run.snapshots.items():
            header = {
                "format": WEIGHTS_FORMAT,
                "identity": spec.identity,
                "epoch": str(snapshot.epoch),
                "network": params.network.model_dump_json(),
                "model": spec.model_params.model_dump_json(),
                "classes": json.dumps(params.classes),
                "features": params.features.model_dump_json(),
                "segment": params.segment.model_dump_json(),
            }
            with replacing(folder / f"fold{spec.fold}-seed{spec.seed}-{name}.safetensors") as temporary:
                save_file(snapshot.weights, temporary, metadata=header)


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
        "status": run.status,
        "epochs": len(run.history),
        "diverged_epoch": run.diverged_epoch,
        "device": run.device,
        "precision": run.spec.params.train.precision,
        "versions": run.versions,
    }
