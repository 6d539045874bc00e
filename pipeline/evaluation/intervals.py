"""95 % intervals of UA over actors, of every model, overall and by corpus and gender."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.tables import number_types
from pipeline.evaluation.actors import ActorTest, actor_test
from pipeline.evaluation.bootstrap import Run, RunCounts, accuracy_of, bootstrap_interval, count_by_actor
from pipeline.evaluation.tables import INTERVALS
from pipeline.evaluation.terms import ALL


def accuracy_intervals(predictions: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """UA with its interval, over all actors and for the women and men of every corpus.

    Over all actors UA is the mean over runs that tables print, and its interval is that of `actor_test`: other actors
    and other trainings; with too few actors for it, that of a bootstrap over actors. A group has too few actors in a
    fold: its UA is that of all folds together, a mean over partitions and seeds, and its interval the bootstrap's.

    Args:
        predictions: rows of `results/predictions` by model, with `corpus`, `gender` and `actor` of each segment.
        classes: the classes of the experiment.

    Returns:
        Rows of `INTERVALS` by model, selection and group.
    """
    rows = []
    for model, table in predictions.items():
        for selection, chosen in table.groupby("selection"):
            for corpus, gender, group in _groups(chosen):
                counts = count_by_actor(group, tuple(classes))
                ua = float(np.mean([accuracy_of(run) for run in counts.values()]))
                bounds = _interval(counts, whole=corpus == ALL)
                actors = {actor for run in counts.values() for actor in run.actors}
                low, high = bounds or (None, None)
                rows.append((model, selection, corpus, gender, len(actors), ua, low, high))
    return pd.DataFrame(rows, columns=list(INTERVALS.columns)).astype(number_types(INTERVALS))


def _interval(counts: Mapping[Run, RunCounts], *, whole: bool) -> tuple[float, float] | None:
    test = actor_test(counts) if whole else None
    if not isinstance(test, ActorTest):
        return bootstrap_interval(counts)
    low, high = test.interval()
    return max(0.0, low), min(100.0, high)


def _groups(predictions: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """All predictions as they are; then those of each group, with all folds joined to one."""
    yield ALL, ALL, predictions
    for (corpus, gender), rows in predictions.assign(fold=1).groupby(["corpus", "gender"]):
        yield str(corpus), str(gender), rows
