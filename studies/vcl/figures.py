"""Test errors with each normalisation."""

from __future__ import annotations

import pandas as pd

from pipeline.figures.colours import PAPER
from pipeline.figures.drawing import Drawing, Look, canvas, finished, styled
from studies.core.colours import COLOURS

_MARKERS = {"none": "o", "batch": "s", "layer": "^", "group": "v", "vcl": "D"}


def error_figures(table: pd.DataFrame) -> list[Drawing]:
    """Test errors of the networks trained, with their intervals, one figure for each data set.

    Args:
        table: rows of `vcl.csv` of networks that were trained.
    """
    groups = list(table.groupby("data", sort=False))
    return [_error_figure(part, "errors" if len(groups) == 1 else f"errors_{data}") for data, part in groups]


@styled
def _error_figure(table: pd.DataFrame, key: str) -> Drawing:
    activations = list(dict.fromkeys(table["activation"]))
    figure = canvas(1.0 + 0.24 * len(table))
    axis = figure.subplots()
    labels = []
    for row, one in enumerate(table.to_dict("records")):
        look: Look = {"color": COLOURS[one["normalisation"]]}
        axis.plot([one["error_low"], one["error_high"]], [row, row], linewidth=2.4, solid_capstyle="butt", **look)
        axis.plot([one["error"]], [row], marker=_MARKERS[one["normalisation"]], markerfacecolor=PAPER,
                  markersize=5.5, linestyle="none", **look)  # fmt: skip
        labels.append(one["model"])
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.grid(axis="x")
    axis.set_xlabel("test error (%)")
    runs = int(table["runs"].max())
    best = min(table.to_dict("records"), key=lambda one: float(one["error"]))
    return finished(
        figure,
        key,
        "Test error with each normalisation",
        f"The 11-layer network on {table['data'].iloc[0]}: the mean over {runs} seeds and its 95 % interval.",
        f"{len(table)} networks of {len(activations)} activations; the lowest is {best['model']}, "
        f"{best['error']:.1f} %.",
        table[["model", "error", "error_low", "error_high"]],
    )
