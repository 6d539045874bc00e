"""Figures 4, 5 and 6 of trained networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from pipeline.reporting.figures.drawing import ACCENT, GRID, INK, SOFT, Drawing, Look, canvas, finished, styled
from studies.embeddings import MODELS, WITHIN, Embedded

_CURVES: dict[str, Look] = {
    "PreAct": {"color": SOFT, "linestyle": ":"},
    "PreAct + shaking": {"color": SOFT, "linestyle": "-"},
    "PreActBN": {"color": ACCENT, "linestyle": ":"},
    "PreActBN + shaking": {"color": ACCENT, "linestyle": "-"},
}

MOST_POINTS = 2000
"""Points drawn of a data set; more hide each other."""


@styled
def embedding_map(embedded: Mapping[str, Embedded], data: str) -> Drawing:
    """Figure 4: training images in train mode above, test images in evaluation mode below, by model."""
    figure = canvas(4.0)
    axes = figure.subplots(2, len(embedded), squeeze=False)
    for column, (model, one) in enumerate(embedded.items()):
        _scatter(axes[0, column], one.train_mode, one.labels)
        _scatter(axes[1, column], one.test, one.test_labels)
        axes[0, column].set_title(model, fontsize=8)
    axes[0, 0].set_ylabel("train mode")
    axes[1, 0].set_ylabel("test, evaluation")
    caption = (
        f"What enters the affine layer, of {data}: training images in train mode above, test images in evaluation mode "
        "below. A digit stands where its embedding lies; axes cross in the origin, scales differ. After Figure 4."
    )
    return finished(
        figure, "embeddings", "Embeddings", caption, "Clouds of digits around the origin, one for each class."
    )


@styled
def train_and_eval(one: Embedded, model: str, data: str) -> Drawing:
    """Figure 5: training images in both modes, at one scale."""
    figure = canvas(3.2)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    _scatter(axes[0], one.train_mode, one.labels)
    _scatter(axes[1], one.eval_mode, one.labels)
    axes[0].set_title("train mode")
    axes[1].set_title("evaluation mode")
    caption = f"Training images of {data} in {model}, at one scale: how far shaking spreads them. After Figure 5."
    alt = "Two maps of the same images; the clouds of train mode are wider."
    return finished(figure, "modes", "Train mode and evaluation mode", caption, alt)


@styled
def distance_shares(curves: pd.DataFrame, data: str) -> Drawing:
    """Figure 6: percent of training images within a distance of their class's centre."""
    figure = canvas(3.4)
    axis = figure.add_subplot()
    axis.grid(visible=True)
    for model in MODELS:
        rows = curves[curves["model"] == model]
        axis.plot(rows["distance"], rows["share"], label=model, **_CURVES[model])
    axis.axvline(WITHIN, color=GRID, linewidth=1.5, zorder=0)
    axis.set_xlabel("distance from the class centre, relative to the largest in train mode")
    axis.set_ylabel("training images (%)")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 101)
    axis.legend(loc="lower right")
    caption = (
        f"Share of the training images of {data}, in evaluation mode, within a distance of their class's centre; mean "
        f"over seeds. The paper reads it at {WITHIN}. After Figure 6."
    )
    alt = "Rising curves; those of shaken models lie higher at small distances."
    return finished(figure, "distances", "Share within a distance", caption, alt, curves)


def _digit(label: int) -> Path:
    """A digit as a marker's outline, its middle in the origin."""
    outline = TextPath((0, 0), str(label), size=1)
    return Path(outline.vertices - outline.get_extents().get_points().mean(axis=0), outline.codes)


def _scatter(axis: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Digits instead of dots, so that classes are told without colour; lightness alternates."""
    axis.axhline(0, color=GRID, linewidth=0.8, zorder=0)
    axis.axvline(0, color=GRID, linewidth=0.8, zorder=0)
    for label in np.unique(labels):
        chosen = points[labels == label][: MOST_POINTS // 10]
        colour = (ACCENT, INK, SOFT)[label % 3]
        digit = _digit(int(label))
        axis.plot(*chosen.T, linestyle="none", marker=digit, markersize=4, color=colour, markeredgewidth=0.2)
    axis.set_xticks([])
    axis.set_yticks([])
