"""Histograms of activations, and the performance profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D

from pipeline.figures.colours import INK
from pipeline.figures.drawing import Drawing, canvas, finished, styled
from studies.core.colours import COLOURS

NAMES = {"none": "none", "batch": "batch norm", "layer": "layer norm", "group": "group norm", "vcl": "VCL"}

_LINES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")


@styled
def histograms(densities: Mapping[str, npt.NDArray[np.float64]], edges: npt.NDArray[np.float64], what: str) -> Drawing:
    """Densities of a few units of every layer, one column for each normalisation (figure 1 of the paper).

    Args:
        densities: (layers, units, bins) densities by normalisation.
        edges: (bins + 1,) edges of the bins in standard deviations of the unit from its mean.
        what: the network and its data in the words of a caption.
    """
    layers = next(iter(densities.values())).shape[0]
    figure = canvas(0.6 + 1.05 * layers)
    axes = figure.subplots(layers, len(densities), sharex=True, sharey=True, squeeze=False)
    for column, (name, layered) in enumerate(densities.items()):
        for layer, units in enumerate(layered):
            axis = axes[layer][column]
            for unit, style in zip(units, _LINES, strict=True):
                axis.stairs(unit, edges, color=COLOURS[name], linestyle=style, linewidth=1.1)
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
def profile(
    thresholds: Sequence[float],
    shares: Mapping[str, npt.NDArray[np.float64]],
    tables: int,
    *,
    published: bool = False,
) -> Drawing:
    """Dolan-Moré profile of accuracies (figure 3 of the paper).

    Args:
        thresholds: (T,) thresholds tau.
        shares: (T,) shares of tables by `activation+normalisation`.
        tables: number of tables.
        published: whether the shares are those of the published errors.
    """
    figure = canvas(3.4)
    axis = figure.subplots()
    activations = list(dict.fromkeys(name.split("+")[0] for name in shares))
    for name, share in shares.items():
        activation, normalisation = name.split("+")
        axis.step(thresholds, share, where="post", color=COLOURS[normalisation],
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
        Line2D([], [], color=COLOURS[name], label=NAMES[name], linewidth=2.2 if name == "vcl" else 1.2)
        for name in dict.fromkeys(name.split("+")[1] for name in shares)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    data = pd.DataFrame({"threshold": thresholds, **shares})
    return finished(
        figure,
        "profile_published" if published else "profile",
        "Performance profile of the published errors" if published else "Performance profile",
        f"Of {tables} tables, the share on which a method's accuracy is at least τ times that of the best "
        "method; the higher a line, the better.",
        f"{len(shares)} methods over {tables} tables.",
        data,
    )
