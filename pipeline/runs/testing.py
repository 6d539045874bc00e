"""Accuracies of runs on the recordings that are set apart (`partition.test`), of each run and of all together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.core.selections import PREDICTED
from pipeline.runs.store import FinishedRun
from pipeline.runs.tables import apart_schema
from pipeline.training.accuracy import unweighted_accuracy
from pipeline.training.data import in_part


def scores_apart(
    model: str,
    finished: Sequence[FinishedRun],
    segments: Mapping[int, pd.DataFrame],
    classes: Sequence[str],
    headline: Collection[int] | None = None,
) -> pd.DataFrame:
    """Rows of `apart_schema`; none without a test.

    Args:
        model: key of the model.
        finished: its finished runs; diverged ones have no rows, and are not in the ensemble.
        segments: by repeat, the segments with their parts, from `data.read_segments`.
        classes: the classes, in the order of the probabilities.
        headline: the folds that the ensemble is of, from `headline_folds`; default: all.
    """
    rows: list[dict[str, object]] = []
    runs = sorted(finished, key=lambda run: (run.spec.repeat, run.spec.fold, run.spec.seed))
    for selection in PREDICTED:
        found: list[NDArray[np.float64]] = []
        for run in runs:
            snapshot = run.snapshots.get(selection)
            if snapshot is None or snapshot.test is None:
                continue
            # In double, and summed in this order, so that the last digits are always the same.
            probabilities = snapshot.test.double().numpy()
            spec = run.spec
            if headline is None or spec.fold in headline:
                found.append(probabilities)
            table = segments[spec.repeat]
            here = table[in_part(table, spec.fold, "test")]
            place = {"model": model, "repeat": spec.repeat, "fold": spec.fold, "seed": spec.seed}
            rows += _rows({**place, "selection": selection, "kind": "run", "runs": 1}, here, probabilities, classes)
        if found:
            place = {"model": model, "repeat": 0, "fold": 0, "seed": 0}
            kind = {"selection": selection, "kind": "ensemble", "runs": len(found)}
            rows += _rows({**place, **kind}, here, np.mean(found, axis=0), classes)
    return pd.DataFrame(rows, columns=list(apart_schema(classes).columns))


def _rows(
    place: Mapping[str, object], segments: pd.DataFrame, probabilities: NDArray[np.float64], classes: Sequence[str]
) -> list[dict[str, object]]:
    """One row for segments, and one for utterances."""
    index = {name: number for number, name in enumerate(classes)}
    truth = segments["emotion"].map(index).to_numpy().astype(np.int64)
    codes, _ = pd.factorize(segments["utterance"])
    first = np.unique(codes, return_index=True)[1]
    sums = np.zeros((len(first), len(classes)))
    np.add.at(sums, codes, probabilities)
    levels = (("segment", truth, probabilities), ("utterance", truth[first], sums))
    return [{**place, "level": level, **_scores(labels, scores, classes)} for level, labels, scores in levels]


def _scores(truth: NDArray[np.int64], scores: NDArray[np.float64], classes: Sequence[str]) -> dict[str, object]:
    predicted = scores.argmax(axis=1)
    right = truth == predicted
    totals = np.bincount(truth, minlength=len(classes))
    hits = np.bincount(truth[right], minlength=len(classes))
    return {
        "n": len(truth),
        "ua": unweighted_accuracy(truth, predicted, len(classes)),
        "wa": 100 * float(right.mean()),
        **{f"recall_{name}": 100 * hits[k] / totals[k] if totals[k] else np.nan for k, name in enumerate(classes)},
    }
