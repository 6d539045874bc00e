"""Measures of predictions: by fold and seed, for all segments and by corpus and gender, also by utterance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from pipeline.core.selections import PREDICTED
from pipeline.evaluation.tables import measures_schema
from pipeline.evaluation.terms import BINS
from pipeline.runs.calibration import RUN_KEYS
from pipeline.training.accuracy import unweighted_accuracy


def measure(
    predictions: Mapping[str, pd.DataFrame], scaled: Mapping[str, pd.DataFrame], classes: Sequence[str]
) -> pd.DataFrame:
    """Rows of `measures_schema`.

    Args:
        predictions: rows of `results/predictions` by model, with `utterance`, `corpus` and `gender` of each segment.
        scaled: the same with scaled probabilities, see `calibrated`.
        classes: the classes, in the order of the columns.
    """
    columns = list(measures_schema(classes).columns)
    rows = [row for model, table in predictions.items() for row in _measures(model, table, scaled[model], classes)]
    return pd.DataFrame(rows, columns=columns)


def by_utterance(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Segments' predictions combined: the mean of the probabilities, and the class with the highest mean."""
    probabilities = [f"p_{name}" for name in classes]
    first = ["selection", "emotion", "corpus", "gender", "actor"]
    keys = ["repeat", "fold", "seed", "utterance"]
    kept = {name: (name, "first") for name in first if name in predictions}
    means = {name: (name, "mean") for name in probabilities}
    table = predictions.groupby(keys, sort=False).agg(**kept, **means).reset_index()
    table["predicted"] = np.asarray(classes, dtype=object)[table[probabilities].to_numpy().argmax(axis=1)]
    return table


def calibration_error(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error in points: |accuracy - mean confidence| in each of `BINS` bins, by their share.

    Args:
        confidence: (n,) probability of the predicted class.
        right: (n,) whether it was the true class.
    """
    bins = confidence_bins(confidence)
    gaps = np.bincount(bins, right.astype(float) - confidence, minlength=BINS)
    return float(100 * np.abs(gaps).sum() / len(confidence))


def confidence_bins(confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(n,) bin of each confidence, from 0."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _with_calibrated(table: pd.DataFrame, scaled: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """The table with the confidence of scaled probabilities, and whether their most probable class is right."""
    values = scaled[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64)
    if not len(values):
        return table.assign(_confidence=np.nan, _right=False)
    right = np.asarray(classes, dtype=object)[values.argmax(axis=1)] == scaled["emotion"].to_numpy(dtype=object)
    keys = [name for name in (*RUN_KEYS, "utterance", "segment") if name in scaled and name in table]
    more = scaled[keys].assign(_confidence=values.max(axis=1), _right=right)
    return table.merge(more, on=keys, how="left", validate="one_to_one")


def _measures(
    model: str, predictions: pd.DataFrame, calibrated: pd.DataFrame, classes: Sequence[str]
) -> Iterator[dict[str, object]]:
    for selection in PREDICTED:
        chosen = predictions[predictions["selection"] == selection]
        if chosen.empty:
            continue
        scaled = calibrated[calibrated["selection"] == selection]
        levels = (
            ("segment", _with_calibrated(chosen, scaled, classes)),
            ("utterance", _with_calibrated(by_utterance(chosen, classes), by_utterance(scaled, classes), classes)),
        )
        for level, table in levels:
            for (repeat, fold, seed), run in table.groupby(list(RUN_KEYS)):
                for corpus, gender, rows in _groups(run):
                    yield {
                        "model": model, "fold": fold, "seed": seed, "selection": selection, "level": level,
                        "corpus": corpus, "gender": gender, **_scores(rows, classes), "repeat": repeat,
                    }  # fmt: skip


def _groups(run: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all", run
    for corpus, rows in run.groupby("corpus"):
        yield str(corpus), "all", rows
    for gender, rows in run.groupby("gender"):
        yield "all", str(gender), rows


def _scores(rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, object]:
    truth, predicted = rows["emotion"].to_numpy(dtype=object), rows["predicted"].to_numpy(dtype=object)
    index = {name: position for position, name in enumerate(classes)}
    numbers = np.array([index[name] for name in truth]), np.array([index[name] for name in predicted])
    counts = confusion_matrix(*numbers, labels=range(len(classes)))
    totals = counts.sum(axis=1)
    recalls = {f"recall_{name}": 100 * counts[k, k] / totals[k] if totals[k] else np.nan for name, k in index.items()}
    present = [k for k in range(len(classes)) if totals[k]]
    confidence = rows[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64).max(axis=1)
    known = rows["_confidence"].notna().all()
    scaled = rows["_confidence"].to_numpy(dtype=np.float64), rows["_right"].to_numpy(dtype=bool)
    return {
        "n": len(rows),
        "ua": unweighted_accuracy(*numbers, len(classes)),
        "wa": 100 * accuracy_score(*numbers),
        "macro_f1": 100 * f1_score(*numbers, labels=present, average="macro", zero_division=0),
        "ece": calibration_error(confidence, truth == predicted),
        "ece_calibrated": calibration_error(*scaled) if known else np.nan,
        **recalls,
        **{f"count_{one}_{other}": int(counts[index[one], index[other]]) for one in classes for other in classes},
    }
