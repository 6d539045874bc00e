"""The content of each fold: segments by emotion and by corpus, actors by gender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.ticker import MaxNLocator

from pipeline.figures.colours import SOFT
from pipeline.figures.drawing import FILLS, Drawing, Look, canvas, finished, shortened, styled
from pipeline.figures.inputs import FigureInputs

_OTHER = "what its runs validate on; an actor may be in several (partition.scheme)"


def draw_folds(inputs: FigureInputs) -> Drawing:
    """The composition of the folds; any results have one."""
    results = inputs.results
    placed = results.validated
    if placed is None:
        placed = results.segments.merge(results.folds[["corpus", "actor", "fold"]], on=["corpus", "actor"], how="left")
    by_actor = results.params.partition.by_actor
    return fold_composition(placed, results.folds, results.params.classes, inputs.corpora, by_actor=by_actor)


@styled
def fold_composition(
    placed: pd.DataFrame,
    folds: pd.DataFrame,
    classes: Sequence[str],
    corpora: Mapping[str, str],
    *,
    by_actor: bool = True,
) -> Drawing:
    """Three bars for each fold.

    Args:
        placed: rows of `SEGMENTS` that each fold validates, with a column `fold`.
        folds: rows of `FOLDS`.
        classes: the classes, in the order of the parts of a bar.
        corpora: labels of the corpora by key, in the order of the parts of a bar.
        by_actor: whether an actor is in one fold.
    """
    genders = ["F", "M", *(["X"] if (folds["gender"] == "X").any() else [])]
    counts = {
        "Segments by emotion": pd.crosstab(placed["fold"], placed["emotion"]).reindex(columns=list(classes)),
        "Segments by corpus": pd.crosstab(placed["fold"], placed["corpus"]).reindex(columns=list(corpora)),
        "Actors by gender": pd.crosstab(folds["fold"], folds["gender"]).reindex(columns=genders),
    }
    names = {**dict(zip(classes, classes, strict=True)), **corpora, "F": "women", "M": "men", "X": "others"}
    numbers = list(counts["Actors by gender"].index)
    most = max(len(table.columns) for table in counts.values())
    figure = canvas(1.1 + 0.3 * len(numbers) + 0.19 * most)
    rows = []
    for axis, (title, table) in zip(figure.subplots(1, 3, sharey=True), counts.items(), strict=True):
        table = table.reindex(numbers).fillna(0).astype(int)
        left = pd.Series(0, index=numbers)
        for position, name in enumerate(table.columns):
            look: Look = {"edgecolor": SOFT, "linewidth": 0.7, **FILLS[position % len(FILLS)]}
            label = shortened(names[name], 16)
            axis.barh(range(len(numbers)), table[name], left=left, height=0.66, label=label, **look)
            left += table[name]
            rows += [(title, fold, name, count) for fold, count in zip(numbers, table[name].tolist(), strict=True)]
        axis.set_title(title)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axis.set_yticks(range(len(numbers)), [f"fold {fold}" for fold in numbers])
        axis.set_ylim(len(numbers) - 0.5, -0.5)
        axis.tick_params(axis="y", length=0)
        axis.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=1, handlelength=1.6, borderaxespad=0)
    data = pd.DataFrame(rows, columns=["bar", "fold", "part", "count"])
    totals = placed["fold"].value_counts().sort_index()
    return finished(
        figure,
        "folds",
        "What is in each fold",
        f"A fold holds {'the actors that its runs validate on; no actor is in two' if by_actor else _OTHER}. Even bars "
        "mean that no fold is easier because of its content.",
        "; ".join(f"fold {fold}: {count} segments" for fold, count in totals.items()) + ".",
        data,
    )
