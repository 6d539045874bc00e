"""Figures of the variance constancy loss: errors, histograms of activations, the performance profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D

from pipeline.figures.drawing import ACCENT, INK, PAPER, SOFT, Drawing, Look, canvas, finished, styled

NAMES = {"none": "none", "batch": "batch norm", "layer": "layer norm", "group": "group norm", "vcl": "VCL"}

_LINES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
_COLOURS = {"none": SOFT, "batch": INK, "vcl": ACCENT, "layer": SOFT, "group": INK}
_MARKERS = {"none": "o", "batch": "s", "layer": "^", "group": "v", "vcl": "D"}


@styled
def errors(table: pd.DataFrame) -> Drawing:
    """Test errors of the networks trained, with their intervals.

    Args:
        table: rows of `vcl.csv` with an `error`.
    """
    activations = list(dict.fromkeys(table["activation"]))
    figure = canvas(1.0 + 0.24 * len(table))
    axis = figure.subplots()
    labels = []
    for row, one in enumerate(table.to_dict("records")):
        look: Look = {"color": _COLOURS[one["normalisation"]]}
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
        "errors",
        "Test error with each normalisation",
        f"The 11-layer network on {table['data'].iloc[0]}: the mean over {runs} seeds and its 95 % interval.",
        f"{len(table)} networks of {len(activations)} activations; the lowest is {best['model']}, "
        f"{best['error']:.1f} %.",
        table[["model", "error", "error_low", "error_high"]],
    )


@styled
def histograms(densities: Mapping[str, npt.NDArray[np.float64]], edges: npt.NDArray[np.float64], what: str) -> Drawing:
    """Densities of a few units of every layer, a column for each normalisation (figure 1 of the paper).

    Args:
        densities: of each normalisation (layers, units, bins).
        edges: (bins + 1,) in standard deviations of the unit from its mean.
        what: the network and its data, as a caption says it.
    """
    layers = next(iter(densities.values())).shape[0]
    figure = canvas(0.6 + 1.05 * layers)
    axes = figure.subplots(layers, len(densities), sharex=True, sharey=True, squeeze=False)
    for column, (name, layered) in enumerate(densities.items()):
        for layer, units in enumerate(layered):
            axis = axes[layer][column]
            for unit, style in zip(units, _LINES, strict=True):
                axis.stairs(unit, edges, color=_COLOURS[name], linestyle=style, linewidth=1.1)
            if column == 0:
                axis.set_ylabel(f"layer {layer + 1}")
        axes[0][column].set_title(NAMES[name])
        axes[-1][column].set_xlabel("standard deviations")
    return finished(
        figure,
        "histograms",
        "Histograms of activations",
        f"Pre-activations of three units of each hidden layer on test rows, {what}; each unit less its mean, in its "
        "own standard deviations. Two separate peaks are what the variance constancy loss is to make.",
        f"{layers} rows of panels, one a layer; columns {', '.join(NAMES[name] for name in densities)}.",
    )


@styled
def profile(thresholds: Sequence[float], shares: Mapping[str, npt.NDArray[np.float64]], tables: int) -> Drawing:
    """Dolan-Moré profile of accuracies (figure 3 of the paper).

    Args:
        thresholds: (T,) tau.
        shares: of each `activation+normalisation`, (T,) shares of tables.
        tables: how many tables and splits.
    """
    figure = canvas(3.4)
    axis = figure.subplots()
    activations = list(dict.fromkeys(name.split("+")[0] for name in shares))
    for name, share in shares.items():
        activation, normalisation = name.split("+")
        axis.step(thresholds, share, where="post", color=_COLOURS[normalisation],
                  linestyle=_LINES[activations.index(activation) % len(_LINES)],
                  linewidth=2.2 if normalisation == "vcl" else 1.2)  # fmt: skip
    axis.invert_xaxis()
    axis.set_ylim(0, 1.03)
    axis.set_xlabel("threshold τ: share of the best accuracy")
    axis.set_ylabel("share of tables")
    axis.grid()
    handles = [Line2D([], [], color=INK, linestyle=style, label=activation)
               for activation, style in zip(activations, _LINES, strict=False)]  # fmt: skip
    handles += [
        Line2D([], [], color=_COLOURS[name], label=NAMES[name], linewidth=2.2 if name == "vcl" else 1.2)
        for name in dict.fromkeys(name.split("+")[1] for name in shares)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    data = pd.DataFrame({"threshold": thresholds, **shares})
    return finished(
        figure,
        "profile",
        "Performance profile",
        f"Of {tables} tables and splits, the share on which a method's accuracy is at least τ times that of the best "
        "method; the higher a line, the better.",
        f"{len(shares)} methods over {tables} tables and splits.",
        data,
    )
