"""Across corpora: UA of each (training, validation) pair of corpora, over the classes that both have.

A classifier never gives a class that its training corpus lacks, so its answer to a recording of that class is always
wrong. Such classes are left out of a cell, and the cell names them and the number of classes that remain. Chance is one
divided by that number, the UA of one of these classes as the answer to everything. `ua_all` counts the classes that are
left out as recalls of 0: it is over all classes of the validation corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.selections import PREDICTED
from pipeline.core.tables import number_types
from pipeline.evaluation.bootstrap import accuracy_of, bootstrap_interval, count_by_actor
from pipeline.evaluation.measures import by_utterance
from pipeline.evaluation.tables import CELLS
from pipeline.evaluation.terms import OTHERS


def cross_corpus(
    predictions: Mapping[str, pd.DataFrame],
    classes: Sequence[str],
    trained_on: Mapping[int, Sequence[str]],
    lacking: Mapping[int, frozenset[str]],
) -> pd.DataFrame:
    """Rows of `CELLS`; none where folds are not corpora.

    Args:
        predictions: rows of `results/predictions` by model, with `utterance`, `corpus` and `actor` of each segment.
        classes: the classes of the experiment.
        trained_on: the corpora that each fold trains on.
        lacking: classes that the training part of a fold lacks.
    """
    rows = []
    for model, table in predictions.items() if trained_on else ():
        for selection in PREDICTED:
            chosen = table[table["selection"] == selection]
            if chosen.empty:
                continue
            for level, scored in (("segment", chosen), ("utterance", by_utterance(chosen, classes))):
                for fold, together in scored.groupby("fold"):
                    training = trained_on[int(str(fold))]
                    for cell in _cells(together, classes, lacking.get(int(str(fold)), frozenset())):
                        name = training[0] if len(training) == 1 else OTHERS
                        rows.append({
                            "model": model, "selection": selection, "level": level, "training": name, **cell,
                        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(CELLS.columns)).astype(number_types(CELLS))


def _cells(scored: pd.DataFrame, classes: Sequence[str], lacking: frozenset[str]) -> Iterator[dict[str, object]]:
    """The cells of one training: one for each corpus that it was validated on."""
    for corpus, rows in scored.groupby("corpus", sort=False):
        here = set(rows["emotion"])
        both = tuple(name for name in classes if name in here and name not in lacking)
        absent = [name for name in classes if name in here and name in lacking]
        known = rows[rows["emotion"].isin(both)]
        counts = count_by_actor(known, both) if both else {}
        bounds = bootstrap_interval(counts) if counts else None
        low, high = bounds or (np.nan, np.nan)
        every = count_by_actor(rows, tuple(name for name in classes if name in here))
        yield {
            "validation": str(corpus),
            "runs": len(every),
            "actors": known["actor"].nunique(),
            "n": len(known) // len(every),
            "classes": len(both),
            "absent": ", ".join(absent),
            "chance": 100 / len(both) if both else np.nan,
            "ua": float(np.mean([accuracy_of(run) for run in counts.values()])) if counts else np.nan,
            "ci_low": low,
            "ci_high": high,
            "ua_all": float(np.mean([accuracy_of(run) for run in every.values()])),
        }


def lacking_in_training(missing: Sequence[Mapping[str, object]]) -> dict[int, frozenset[str]]:
    """Classes that the training part of each fold lacks, from the entries `missing` of `data/partition.json`."""
    found: dict[int, set[str]] = {}
    for entry in missing:
        if entry["part"] == "train":
            found.setdefault(int(str(entry["fold"])), set()).add(str(entry["emotion"]))
    return {fold: frozenset(names) for fold, names in found.items()}
