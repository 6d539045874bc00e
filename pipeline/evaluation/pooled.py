"""UA over the predictions of all folds together, in which every class is present.

A fold whose validation part lacks a class has a UA over fewer classes, so that the mean over folds is no longer the
mean recall of all classes, and chance differs between folds. The predictions of all folds of one partition and seed
together are those of every recording once; with overlapping folds more than once, and of trained folds alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.core.selections import PREDICTED
from pipeline.evaluation.measures import by_utterance
from pipeline.evaluation.tables import POOLED
from pipeline.training.accuracy import unweighted_accuracy


def pooled(predictions: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """Rows of `POOLED`.

    Args:
        predictions: rows of `results/predictions` by model, with `utterance` of each segment.
        classes: the classes of the experiment.
    """
    rows = []
    for model, table in predictions.items():
        for selection in PREDICTED:
            chosen = table[table["selection"] == selection]
            if chosen.empty:
                continue
            for level, scored in (("segment", chosen), ("utterance", by_utterance(chosen, classes))):
                for (repeat, seed), together in scored.groupby(["repeat", "seed"]):
                    of_folds = [_ua(fold, classes) for _, fold in together.groupby("fold")]
                    rows.append((
                        model, repeat, seed, selection, level, len(of_folds), together["emotion"].nunique(),
                        len(together), _ua(together, classes), sum(of_folds) / len(of_folds),
                    ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(POOLED.columns))


def _ua(table: pd.DataFrame, classes: Sequence[str]) -> float:
    index = {name: number for number, name in enumerate(classes)}
    return unweighted_accuracy(table["emotion"].map(index), table["predicted"].map(index), len(classes))
