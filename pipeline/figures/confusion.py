"""Confusion matrices: what each emotion is taken for, model by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.patches import Rectangle

from pipeline.evaluation.terms import ALL
from pipeline.figures.colours import ACCENT, INK
from pipeline.figures.drawing import Drawing, finished, panels, shortened, styled
from pipeline.figures.inputs import FigureInputs, epoch_words

_DEEPEST = 0.55
"""Opacity of a cell of 100 %: text on it stays readable on a light and on a dark page."""


def draw_confusion(inputs: FigureInputs) -> Drawing | None:
    """Confusions of all segments, where there are predictions."""
    selection, classes, table = inputs.predicted_selection, inputs.results.params.classes, inputs.measures
    rows = table[
        (table["selection"] == selection)
        & (table["level"] == "segment")
        & (table["corpus"] == ALL)
        & (table["gender"] == ALL)
    ]
    labels = inputs.labels(rows)
    counts = {model: _sum_counts(rows[rows["model"] == model], classes) for model in labels}
    return confusion_matrices(counts, labels, classes, epoch_words(selection)) if labels else None


def _sum_counts(rows: pd.DataFrame, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Segments by true and predicted class, over all runs of one model."""
    return np.array([[int(rows[f"count_{true}_{predicted}"].sum()) for predicted in classes] for true in classes])


@styled
def confusion_matrices(
    counts: Mapping[str, npt.NDArray[np.int64]], labels: Mapping[str, str], classes: Sequence[str], epoch: str
) -> Drawing:
    """One matrix for each model, rows in percent.

    Args:
        counts: (classes, classes) numbers of validation segments by true (rows) and predicted class (columns), over all
            runs of each model.
        labels: labels of the models by key.
        classes: the classes, in the order of rows and columns.
        epoch: the epoch of the counts in the words of a caption: `last epoch`.
    """
    figure, axes = panels(len(counts), 2.0 if len(counts) > 4 else 2.6)
    size = len(classes)
    rows = []
    for axis, (model, matrix) in zip(axes, counts.items(), strict=True):
        totals = matrix.sum(axis=1, keepdims=True)
        shares = np.divide(100 * matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)
        for true in range(size):
            for predicted in range(size):
                share = shares[true, predicted]
                alpha = 0.0 if np.isnan(share) else _DEEPEST * float(share) / 100
                box = (predicted - 0.5, true - 0.5)
                axis.add_patch(Rectangle(box, 1, 1, facecolor=ACCENT, alpha=alpha, linewidth=0))
                text = "-" if np.isnan(share) else f"{share:.0f}"
                weight = "bold" if true == predicted else "normal"
                axis.text(predicted, true, text, ha="center", va="center", color=INK, fontweight=weight, fontsize=8.5)
                rows.append((model, classes[true], classes[predicted], int(matrix[true, predicted])))
        axis.set_title(shortened(labels[model]))
        axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
        axis.set_xticks(range(size), [shortened(name, 10) for name in classes], rotation=35, ha="right")
        axis.set_yticks(range(size), [shortened(name, 10) for name in classes])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    figure.supxlabel("Predicted", fontsize=9)
    figure.supylabel("True", fontsize=9)
    data = pd.DataFrame(rows, columns=["model", "emotion", "predicted", "segments"])
    return finished(
        figure,
        "confusion",
        "Confusions",
        f"What the segments of each emotion (rows) were taken for (columns), in percent of the row, over all runs "
        f"at the {epoch}. The diagonal is recall; its mean is UA.",
        " ".join(["One matrix a model.", *(_sentence(labels[one], matrix, classes) for one, matrix in counts.items())]),
        data,
    )  # fmt: skip


def _sentence(label: str, matrix: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """The most frequent confusion in words."""
    wrong = matrix - np.diag(np.diag(matrix))
    if not wrong.any():
        return f"{label}: no errors."
    true, predicted = divmod(int(wrong.argmax()), len(classes))
    return f"{label}: most often {classes[true]} taken for {classes[predicted]}."
