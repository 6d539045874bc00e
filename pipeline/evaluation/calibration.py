"""Whether probabilities are frequencies: the accuracy of predictions by their confidence (a reliability diagram)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.tables import number_types
from pipeline.evaluation.measures import confidence_bins
from pipeline.evaluation.tables import CALIBRATION


def reliability(
    predictions: Mapping[str, pd.DataFrame], scaled: Mapping[str, pd.DataFrame], classes: Sequence[str]
) -> pd.DataFrame:
    """Rows of `CALIBRATION`, over the segments of all runs of a model together.

    Args:
        predictions: rows of `results/predictions` by model.
        scaled: the same with scaled probabilities, see `calibrated`.
        classes: the classes, in the order of the columns.
    """
    rows = [row for model, table in predictions.items() for row in _of_model(model, table, scaled[model], classes)]
    return pd.DataFrame(rows, columns=list(CALIBRATION.columns)).astype(number_types(CALIBRATION))


def _of_model(
    model: str, predictions: pd.DataFrame, scaled: pd.DataFrame, classes: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    for selection, chosen in predictions.groupby("selection", sort=True):
        for kind, table in (("own", chosen), ("calibrated", scaled[scaled["selection"] == selection])):
            values = table[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64)
            if not len(values):
                continue
            confidence = values.max(axis=1)
            right = np.asarray(classes, dtype=object)[values.argmax(axis=1)] == table["emotion"].to_numpy(dtype=object)
            bins = confidence_bins(confidence)
            for number in np.unique(bins):
                own = bins == number
                yield (
                    model, selection, kind, int(number) + 1, int(own.sum()), float(confidence[own].mean()),
                    float(right[own].mean()),
                )  # fmt: skip
