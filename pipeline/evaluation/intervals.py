"""How sure a UA is: 95 % intervals from a bootstrap over actors, of every model, overall and by corpus and gender."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from pipeline.core.tables import INTERVALS
from pipeline.evaluation.bootstrap import accuracy_interval, count_by_actor

ALL = "all"
"""In place of a corpus and a gender: of all actors."""


def accuracy_intervals(predictions: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """UA with its interval, over all actors and for the women and men of every corpus.

    Over all actors UA is the mean over folds and seeds that tables print, and actors are drawn within folds. A group
    has too few actors in a fold for that: its UA is that of all folds together, a mean over seeds.

    Args:
        predictions: by model, rows of `results/predictions` with `corpus`, `gender` and `actor` of each segment.
        classes: of the experiment.

    Returns:
        Rows of `records.INTERVALS` by model, selection and group.
    """
    rows = []
    for model, table in predictions.items():
        for selection, chosen in table.groupby("selection"):
            for corpus, gender, group in _groups(chosen):
                counts = count_by_actor(group, tuple(classes))
                ua, bounds = accuracy_interval(counts)
                actors = {actor for run in counts.values() for actor in run.actors}
                low, high = bounds or (None, None)
                rows.append((model, selection, corpus, gender, len(actors), ua, low, high))
    table = pd.DataFrame(rows, columns=list(INTERVALS.columns))
    return table.astype({"actors": "int64", **dict.fromkeys(("ua", "ci_low", "ci_high"), "float64")})


def _groups(predictions: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """All, as they are; then each group with its folds joined."""
    yield ALL, ALL, predictions
    for (corpus, gender), rows in predictions.assign(fold=1).groupby(["corpus", "gender"]):
        yield str(corpus), str(gender), rows
