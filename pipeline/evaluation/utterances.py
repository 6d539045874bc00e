"""The runs again with whole utterances instead of segments: what claims are tested on at utterance level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.selections import PREDICTED, Selection
from pipeline.evaluation.bootstrap import Run, RunCounts, accuracy_of, count_by_actor
from pipeline.evaluation.measures import by_utterance


def utterance_runs(
    runs: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], classes: Sequence[str]
) -> tuple[pd.DataFrame, dict[tuple[str, Selection], dict[Run, RunCounts]]]:
    """Runs whose validation UA is that of utterances, and their counts by actor.

    Args:
        runs: rows of `RUNS`.
        predictions: rows of `results/predictions` by model, with `utterance` and `actor` of each segment.
        classes: the classes of the experiment.

    Returns:
        The rows of the selections that have predictions, `valid_ua` over utterances (NaN without predictions), all that
        needs training UA empty; and counts by model and selection.
    """
    counts = {
        (model, selection): count_by_actor(by_utterance(chosen, classes), tuple(classes))
        for model, table in predictions.items()
        for selection in PREDICTED
        if len(chosen := table[table["selection"] == selection])
    }
    uas = {(*key, *run): accuracy_of(one) for key, found in counts.items() for run, one in found.items()}
    rows = runs[runs["selection"].isin(PREDICTED)].copy()
    keys = zip(*(rows[name] for name in ("model", "selection", "repeat", "fold", "seed")), strict=True)
    rows["valid_ua"] = np.array([uas.get(key, np.nan) for key in keys], dtype=np.float64)
    rows[["train_ua", "train_ua_eval", "gap", "gap_eval"]] = np.nan
    return rows, counts
