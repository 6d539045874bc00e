"""Correlation of branches, block by block: of their outputs, and of pairs of their layers."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D

from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, canvas, finished, panels, styled
from studies.correlation.runs import COMPARED, LAYERS, OUTPUT


@styled
def correlation_figure(table: pd.DataFrame, data: str) -> Drawing:
    """Correlation of the branches' outputs, block by block, with and without shaking.

    Args:
        table: rows of `studies.correlation.results.table`.
        data: name of the data set.
    """
    figure = canvas(3.0)
    axis = figure.subplots()
    looks: tuple[Look, Look] = (
        {"color": SOFT, "linestyle": "--", "marker": "o"},
        {"color": ACCENT, "linestyle": "-", "marker": "s"},
    )
    for name, look in zip(COMPARED, looks, strict=True):
        rows = table[(table["setting"] == name) & (table["left"] == OUTPUT)]
        below, above = rows["correlation"] - rows["ci_low"], rows["ci_high"] - rows["correlation"]
        axis.errorbar(rows["block"], rows["correlation"], yerr=[below, above], label=name, capsize=3, **look)
    axis.axhline(0, color=SOFT, linewidth=0.6)
    axis.set_xticks(sorted(set(table["block"])))
    axis.set_xlabel("residual block")
    axis.set_ylabel("correlation of the two branches")
    axis.legend()
    caption = f"Mean over items and seeds, on the test images of {data}; bars are 95 % intervals over seeds."
    alt = "Two lines over the residual blocks, one without and one with shaking."
    return finished(figure, "correlation", "Do branches say the same?", caption, alt, table)


_MARKERS = dict(zip(LAYERS, ("o", "s", "D"), strict=True))
"""Marker of each layer of the left branch."""


@styled
def layer_pairs_figure(table: pd.DataFrame, data: str) -> Drawing:
    """Correlation of each of the first three layers of one branch with each of the other's, block by block.

    Args:
        table: rows of `studies.correlation.results.table`.
        data: name of the data set.
    """
    figure, axes = panels(len(COMPARED), 2.9, extra=0.45)
    pairs = table[(table["left"] != OUTPUT) & table["setting"].isin(COMPARED)]
    blocks = sorted(set(pairs["block"]))
    for axis, setting in zip(axes, COMPARED, strict=True):
        own = pairs[pairs["setting"] == setting]
        for place, (left, right) in enumerate((left, right) for left in LAYERS for right in LAYERS):
            rows = own[(own["left"] == f"L{left}") & (own["right"] == f"R{right}")].sort_values("block")
            beside = rows["block"] + (place - len(LAYERS) ** 2 // 2) * 0.09
            same = left == right
            look: Look = {"color": ACCENT if same else SOFT, "linewidth": 0.9}
            axis.vlines(beside, rows["ci_low"], rows["ci_high"], **look)
            axis.plot(beside, rows["correlation"], marker=_MARKERS[left], linestyle="none", markersize=4.5,
                      color=look["color"], markerfacecolor=look["color"] if same else PAPER)  # fmt: skip
        axis.axhline(0, color=INK, linewidth=0.6)
        axis.set_title(setting)
        axis.set_xticks(blocks)
        axis.set_xlabel("residual block")
    axes[0].set_ylabel("correlation")
    handles = [
        Line2D([], [], color=SOFT, marker=marker, linestyle="none", markerfacecolor=PAPER, label=f"L{layer}")
        for layer, marker in _MARKERS.items()
    ]
    handles.append(Line2D([], [], color=ACCENT, marker="o", linestyle="none", label="same layer of both"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=1.2)
    means = {
        setting: [pairs[(pairs["setting"] == setting) & (same == (pairs["left"].str[1:] == pairs["right"].str[1:]))]
                  ["correlation"].mean() for same in (True, False)]
        for setting in COMPARED
    }  # fmt: skip
    alt = "; ".join(f"{name} {same:.2f} same, {crossed:.2f} crossed" for name, (same, crossed) in means.items())
    return finished(
        figure,
        "layer_pairs",
        "Do the same layers of both branches correlate more?",
        "The first three layers that a branch has of its own: L1 to L3 with R1 to R3, from left to right L1R1, L1R2 to "
        f"L3R3; filled where both are the same layer. Means over seeds on the test images of {data}; lines are 95 % "
        "intervals over seeds.",
        f"Nine points a block, without and with shaking. Means over blocks: {alt}.",
        pairs,
    )
