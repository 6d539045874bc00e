"""Correlation of branches, block by block."""

from __future__ import annotations

import pandas as pd

from pipeline.figures.drawing import ACCENT, SOFT, Drawing, Look, canvas, finished, styled
from studies.correlation.runs import COMPARED, OUTPUT


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
