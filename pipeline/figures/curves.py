"""Training and validation over epochs: UA and loss, with the spread over runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from pipeline.figures.colours import ACCENT, INK, SOFT
from pipeline.figures.drawing import Drawing, Look, finished, panels, shortened, styled
from pipeline.figures.inputs import FigureInputs

MOST_POINTS = 150
"""Largest number of epochs drawn of a curve; of a longer one every k-th is drawn, to keep the files small."""

_LINES: dict[str, tuple[str, Look]] = {
    "train": ("training, train mode", {"color": SOFT, "linestyle": (0, (4, 2)), "linewidth": 1.3}),
    "train_eval": ("training, eval mode", {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.3}),
    "valid": ("validation", {"color": ACCENT, "linestyle": "-", "linewidth": 1.9}),
}
_COLUMNS = {
    "ua": {"train": "train_ua", "train_eval": "train_ua_eval", "valid": "valid_ua"},
    "loss": {"train": "train_loss", "train_eval": "train_loss_eval", "valid": "valid_loss"},
}
_NAMES = {"ua": "Unweighted accuracy (%)", "loss": "Loss"}


def draw_accuracy_curves(inputs: FigureInputs) -> Drawing | None:
    """UA of the models that were trained by epochs."""
    history = _by_epochs(inputs)
    labels = inputs.labels(history)
    return accuracy_curves(history, labels, inputs.chance_level) if labels else None


def draw_loss_curves(inputs: FigureInputs) -> Drawing | None:
    """Loss of the same models."""
    history = _by_epochs(inputs)
    labels = inputs.labels(history)
    return loss_curves(history, labels) if labels else None


def _by_epochs(inputs: FigureInputs) -> pd.DataFrame:
    """The history of models that have one: others have a single row, which is no curve."""
    params = inputs.results.params
    models = [model for model in params.models if params.family_of(model).by_epochs]
    return inputs.history[inputs.history["model"].isin(models)]


def accuracy_curves(history: pd.DataFrame, labels: Mapping[str, str], chance: float) -> Drawing:
    """UA per epoch.

    Args:
        history: rows of `HISTORY` of any models.
        labels: labels of the models of `history` by key, in the order of the panels.
        chance: the chance level of UA in percent.
    """
    return _curves(history, labels, "ua", chance)


def loss_curves(history: pd.DataFrame, labels: Mapping[str, str]) -> Drawing:
    """Loss per epoch; arguments as of `accuracy_curves`."""
    return _curves(history, labels, "loss", None)


@styled
def _curves(history: pd.DataFrame, labels: Mapping[str, str], measure: str, chance: float | None) -> Drawing:
    models = list(labels)
    figure, axes = panels(len(models), 1.75, extra=0.45)
    columns = _COLUMNS[measure]
    means = history.groupby(["model", "epoch"], sort=True)[list(columns.values())].agg(["mean", "min", "max"])
    step = max(1, -(-int(history["epoch"].max()) // MOST_POINTS))
    for axis, model in zip(axes, models, strict=True):
        curve = means.loc[model]
        curve = curve[(curve.index % step == 0) | (curve.index == curve.index.max()) | (curve.index == 1)]
        for name, column in columns.items():
            points = curve[column].dropna()
            marker = "." if len(points) == 1 else ""
            axis.plot(points.index, points["mean"], marker=marker, **_LINES[name][1])
            if name == "valid":
                axis.fill_between(points.index, points["min"], points["max"], color=ACCENT, alpha=0.18, linewidth=0)
        if chance is not None:
            axis.axhline(chance, color=SOFT, linewidth=0.8, linestyle=(0, (1, 3)))
        axis.set_title(shortened(labels[model]))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.grid(axis="y")
    figure.supxlabel("Epoch", fontsize=9)
    figure.supylabel(_NAMES[measure], fontsize=9)
    handles: list[Line2D | Patch] = [Line2D([], [], label=label, **look) for label, look in _LINES.values()]
    handles.append(Patch(facecolor=ACCENT, alpha=0.18, label="lowest to highest run"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=2.4, columnspacing=1.2)
    data = means.reset_index()
    data.columns = ["_".join(part for part in name if part) for name in data.columns]
    what = "Unweighted accuracy" if measure == "ua" else "Cross-entropy, weighted by inverse class size,"
    thinned = f" Every {step}th epoch is drawn." if step > 1 else ""
    ends = {labels[model]: means.loc[model][columns["valid"]]["mean"].dropna() for model in models}
    alt = "; ".join(
        f"{label}: mean validation from {values.iloc[0]:.3g} at epoch {values.index[0]} to {values.iloc[-1]:.3g} at "
        f"epoch {values.index[-1]}" for label, values in ends.items() if len(values)
    )  # fmt: skip
    return finished(
        figure,
        f"{measure}_curves",
        "Accuracy over epochs" if measure == "ua" else "Loss over epochs",
        f"{what} after every epoch, mean over runs; the band reaches from the lowest to the highest run on validation. "
        "In train mode shaking and dropout are on, which lowers training accuracy; in eval mode they are off."
        + (f" The dotted level is chance, {chance:.0f} %." if chance is not None else "") + thinned,
        f"One panel a model. {alt}." if alt else "No run finished an epoch.",
        data.astype({"epoch": np.int64}),
    )  # fmt: skip
