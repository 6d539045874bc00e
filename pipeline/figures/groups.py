"""UA by corpus and gender: on which corpora a model is good, and whether equally for women and men."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from pipeline.evaluation.terms import ALL
from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, finished, panels, shortened, styled
from pipeline.figures.inputs import FigureInputs, epoch_words

_GENDERS: dict[str, tuple[str, Look, float]] = {
    "F": ("women", {"color": ACCENT, "marker": "o", "markerfacecolor": ACCENT}, -0.16),
    "M": ("men", {"color": INK, "marker": "s", "markerfacecolor": PAPER}, 0.16),
    "X": ("others", {"color": INK, "marker": "^", "markerfacecolor": ACCENT}, 0.0),
}


def draw_groups(inputs: FigureInputs) -> Drawing | None:
    """UA by corpus and gender of the models that have predictions."""
    selection, table = inputs.predicted_selection, inputs.results.intervals
    groups = table[(table["selection"] == selection) & (table["corpus"] != ALL)]
    labels = inputs.labels(inputs.measures[inputs.measures["selection"] == selection])
    if not labels:
        return None
    return accuracy_by_group(groups, labels, inputs.corpora, inputs.chance_level, epoch_words(selection))


@styled
def accuracy_by_group(
    scores: pd.DataFrame, models: Mapping[str, str], corpora: Mapping[str, str], chance: float, epoch: str
) -> Drawing:
    """UA of every model on the women and men of every corpus.

    Args:
        scores: rows of `INTERVALS` of one selection, without those of all actors; a group without a row has
            no marker.
        models: labels of the models by key, in the order of rows.
        corpora: labels of the corpora by key, in the order of panels.
        chance: the chance level of UA in percent.
        epoch: the epoch of the scores in the words of a caption: `last epoch`.
    """
    columns = min(len(corpora), 3)
    row_height = 0.75 + 0.27 * len(models)
    figure, axes = panels(len(corpora), row_height, extra=0.35, columns=columns)
    for axis, corpus in zip(axes, corpora, strict=True):
        here = scores[scores["corpus"] == corpus]
        for gender, (_, look, offset) in _GENDERS.items():
            rows = here[here["gender"] == gender].set_index("model").reindex(list(models)).dropna(subset=["ua"])
            places = np.asarray([list(models).index(model) for model in rows.index]) + offset
            spread = np.vstack([rows["ua"] - rows["ci_low"], rows["ci_high"] - rows["ua"]])
            axis.errorbar(
                rows["ua"], places, xerr=np.nan_to_num(spread).clip(0), linestyle="none", markersize=4.5,
                markeredgewidth=1.1, elinewidth=1.2, **look,
            )  # fmt: skip
        axis.axvline(chance, color=SOFT, linewidth=0.8, linestyle=(0, (1, 3)))
        axis.set_title(shortened(corpora[corpus], 22))
        axis.grid(axis="x")
        axis.set_axisbelow(True)
        axis.set_yticks(range(len(models)), [shortened(label, 20) for label in models.values()])
        axis.set(xlim=(0, 102), xticks=(0, 25, 50, 75, 100), ylim=(len(models) - 0.5, -0.5))
        axis.tick_params(axis="y", length=0)
    figure.supxlabel("Validation UA (%)", fontsize=9)
    present = [shown for gender, shown in _GENDERS.items() if gender != "X" or (scores["gender"] == "X").any()]
    handles = [Line2D([], [], label=name, markersize=5, linewidth=1.2, **look) for name, look, _ in present]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    extremes = scores.dropna(subset=["ua"]).sort_values("ua")
    alt = f"{len(corpora)} panels, one a corpus, a row for each of {len(models)} models."
    if len(extremes):
        alt += " " + " ".join(
            f"{word}: {models[row['model']]} on {corpora[row['corpus']]}, {_GENDERS[row['gender']][0]}, "
            f"{row['ua']:.0f} %."
            for word, row in (("Lowest", extremes.iloc[0]), ("Highest", extremes.iloc[-1]))
        )
    return finished(
        figure,
        "groups",
        "Accuracy by corpus and gender",
        f"Validation UA at the {epoch} by corpus and gender. Bars are 95 % intervals of a bootstrap over actors; "
        f"few actors make them wide, and a group of one has none. The dotted line is chance, {chance:.0f} %.",
        alt,
        scores,
    )
