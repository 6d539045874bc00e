"""The epoch of a run that is reported: several choices from one training.

`last`      the last epoch.
`best`      the epoch of the highest validation UA. The published numbers suggest it. It is the maximum of up to 1000
            noisy values, chosen on the same fold that it is scored on.
`crossval`  for a fold, the epoch of the highest mean validation UA of the other folds of the same seed, so that no
            fold chooses its own epoch; only folds of the same partition count. Where training ended early, only
            epochs that all of these runs have. A fold counts only if the two validation parts share nothing.
`dev`       the epoch of the highest UA of the fold that is held out of training and validation (`partition.dev`).

The earliest epoch wins a tie.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.selections import Selection, selections
from pipeline.runs.tables import RUNS
from pipeline.training.accuracy import DECIMALS

Run = tuple[int, int, int]
"""Repeat, fold and seed."""


Others = Mapping[tuple[int, int], Collection[int]]
"""By repeat and fold, the folds that may choose its epoch."""


def select_epochs(
    history: pd.DataFrame, diverged: Mapping[Run, int], model: str | None = None, others: Others | None = None
) -> pd.DataFrame:
    """The reported epochs of one model's runs, as rows of `RUNS`.

    Args:
        history: rows of `HISTORY` of one model, all folds and seeds; UA in percent. With a column `dev_ua` there is a
            selection `dev`.
        diverged: epochs at which the losses of runs were no longer finite, by repeat, fold and seed. The history of
            such a run is not used.
        model: key of the model in the returned rows; default: that of the history (needed if all runs diverged in
            their first epoch).
        others: the folds that `crossval` may look at for each; default: all others, whose validation parts share
            nothing with its own.

    Returns:
        Rows by repeat, fold, seed and selection. A diverged run has its last epoch, and no accuracies, in all of them.
        `crossval` uses those of the other folds that finished; where there is none, the run has no `crossval` row.
        `train_ua_eval` and `gap_eval` are empty where the epoch was not measured in eval mode. Gaps are training UA
        minus validation UA, in points.
    """
    if model is None:
        (model,) = history["model"].unique()
    keys = pd.MultiIndex.from_frame(history[["repeat", "fold", "seed"]])
    curves = {
        run: history[keys == run].sort_values("epoch", ignore_index=True)
        for run in keys.unique()
        if run not in diverged
    }
    rows = []
    for run in sorted({*curves, *diverged}):
        for selection in selections(dev="dev_ua" in history):
            if run in diverged:
                rows.append(_row(model, run, selection, diverged[run], None))
            elif (position := _chosen(curves, run, selection, others)) is not None:
                scores = curves[run].iloc[position].to_dict()
                rows.append(_row(model, run, selection, int(scores["epoch"]), scores))
    return pd.DataFrame(rows, columns=list(RUNS.columns))


def _chosen(curves: Mapping[Run, pd.DataFrame], run: Run, selection: Selection, others: Others | None) -> int | None:
    """Position of the reported epoch in the run's history."""
    if selection == "last":
        return len(curves[run]) - 1
    if selection == "best":
        return int(curves[run]["valid_ua"].to_numpy().argmax())
    if selection == "dev":
        return int(curves[run]["dev_ua"].to_numpy().argmax())
    repeat, fold, seed = run
    found = [
        curve["valid_ua"].to_numpy()
        for other, curve in curves.items()
        if (other[0], other[2]) == (repeat, seed)
        and other[1] != fold
        and (others is None or other[1] in others[repeat, fold])
    ]
    if not found:
        return None
    common = min(len(curves[run]), *map(len, found))
    # Rounded as the accuracies are: means of the same values in another order must tie.
    return int(np.mean([curve[:common] for curve in found], axis=0).round(DECIMALS).argmax())


def _row(
    model: str, run: Run, selection: Selection, epoch: int, scores: Mapping[Hashable, Any] | None
) -> dict[str, object]:
    nothing = float("nan")
    valid, train, train_eval = (
        (nothing,) * 3
        if scores is None
        else (float(scores[name]) for name in ("valid_ua", "train_ua", "train_ua_eval"))
    )
    return {
        "model": model, "fold": run[1], "seed": run[2], "selection": selection, "epoch": epoch,
        "valid_ua": valid, "train_ua": train, "train_ua_eval": train_eval,
        "gap": round(train - valid, DECIMALS), "gap_eval": round(train_eval - valid, DECIMALS),
        "status": "diverged" if scores is None else "done", "repeat": run[0],
    }  # fmt: skip
