"""The cross-corpus matrix as a map: which corpus prepares for which."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.evaluation.terms import OTHERS
from pipeline.figures.colours import ACCENT, INK, SOFT
from pipeline.figures.drawing import Drawing, finished, panels, shortened, styled
from pipeline.figures.inputs import FigureInputs, epoch_words

_DEEPEST = 0.55
"""Opacity of a cell at 100 %: text on it stays readable on a light and on a dark page."""


def draw_cross_corpus(inputs: FigureInputs) -> Drawing | None:
    """A map for each model, where folds are corpora."""
    selection, table = inputs.predicted_selection, inputs.results.cells
    if table.empty:
        return None
    cells = table[(table["selection"] == selection) & (table["level"] == "segment")]
    labels = inputs.labels(cells)
    names = [name for name in (*inputs.corpora, OTHERS) if name in set(cells["training"])]
    corpora = {name: inputs.corpora.get(name, OTHERS) for name in names}
    return cross_corpus_maps(cells, labels, corpora, inputs.corpora, epoch_words(selection)) if labels else None


@styled
def cross_corpus_maps(
    cells: pd.DataFrame, labels: Mapping[str, str], training: Mapping[str, str], validation: Mapping[str, str],
    epoch: str,
) -> Drawing:  # fmt: skip
    """One map for each model.

    Args:
        cells: rows of `CELLS` of one selection, by segment.
        labels: labels of the models by key.
        training: labels of what was trained on, in the order of rows.
        validation: labels of the corpora, in the order of columns.
        epoch: the epoch of the scores in the words of a caption: `last epoch`.
    """
    columns = [corpus for corpus in validation if corpus in set(cells["validation"])]
    figure, axes = panels(len(labels), 1.0 + 0.42 * len(training), columns=1 if len(columns) > 3 else None)
    for axis, model in zip(axes, labels, strict=True):
        rows = cells[cells["model"] == model].to_dict("records")
        found = {(cell["training"], cell["validation"]): cell for cell in rows}
        for row, name in enumerate(training):
            for column, corpus in enumerate(columns):
                if (name, corpus) not in found:
                    axis.text(column, row, "·", ha="center", va="center", color=SOFT)
                    continue
                _draw_cell(axis, column, row, found[name, corpus])
        axis.set_title(shortened(labels[model]))
        axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(training) - 0.5, -0.5))
        axis.set_xticks(
            range(len(columns)), [shortened(validation[one], 14) for one in columns], rotation=25, ha="right"
        )
        axis.set_yticks(range(len(training)), [shortened(label, 16) for label in training.values()])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    figure.supxlabel("Validated on", fontsize=9)
    figure.supylabel("Trained on", fontsize=9)
    return finished(
        figure,
        "cross_corpus",
        "Across corpora",
        f"Validation UA at the {epoch}, in percent, by what was trained on (rows) and validated on (columns), over the "
        "classes that both have. The stronger the colour, the further above chance; a hatched cell is one whose 95 % "
        "interval over actors reaches down to chance. The small number is chance.",
        _sentence(cells, labels, training, validation),
        cells,
    )  # fmt: skip


def _draw_cell(axis: Axes, column: int, row: int, cell: Mapping[Hashable, Any]) -> None:
    """One cell: shade, UA, and chance below it."""
    place, add_patch, write = (column - 0.5, row - 0.5), axis.add_patch, axis.text
    if pd.isna(cell["ua"]):
        write(column, row, "no common class", ha="center", va="center", color=SOFT, fontsize=6.5)
        return
    above = max(0.0, (cell["ua"] - cell["chance"]) / (100 - cell["chance"])) if cell["chance"] < 100 else 0.0
    add_patch(Rectangle(place, 1, 1, facecolor=ACCENT, alpha=_DEEPEST * above, linewidth=0))
    if not pd.isna(cell["ci_low"]) and cell["ci_low"] <= cell["chance"]:
        add_patch(Rectangle(place, 1, 1, facecolor="none", edgecolor=SOFT, hatch="////", linewidth=0, alpha=0.5))
    write(column, row - 0.08, f"{cell['ua']:.0f}", ha="center", va="center", color=INK, fontsize=9)
    write(column, row + 0.3, f"{cell['chance']:.0f}", ha="center", va="center", color=SOFT, fontsize=6.5)


def _sentence(
    cells: pd.DataFrame, labels: Mapping[str, str], training: Mapping[str, str], validation: Mapping[str, str]
) -> str:
    """The best cell of each model in words."""
    found: list[str] = ["One map a model."]
    known = cells.dropna(subset=["ua"])
    for model, label in labels.items():
        here = known[known["model"] == model]
        if len(here):
            best = here.iloc[int((here["ua"] - here["chance"]).to_numpy().argmax())]
            found.append(
                f"{label}: furthest above chance trained on {training[best['training']]} and validated on "
                f"{validation[best['validation']]}, {best['ua']:.0f} %."
            )
    return " ".join(found)
