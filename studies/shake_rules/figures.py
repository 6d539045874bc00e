"""Errors of Gastaldi's settings."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import NullLocator

from pipeline.figures.drawing import ACCENT, INK, PAPER, SOFT, Drawing, canvas, finished, styled

_TICKS = (1, 2, 5, 10, 20, 50, 100)


@styled
def rules_figure(table: pd.DataFrame) -> Drawing:
    """Mean error of every setting with its interval, the published one beside it.

    Args:
        table: rows of `studies.shake_rules.results.trained_table`.
    """
    figure = canvas(0.8 + 0.24 * len(table))
    axis = figure.subplots()
    places = range(len(table))
    axis.hlines(places, table["ci_low"], table["ci_high"], color=SOFT, linewidth=1.2)
    axis.plot(table["error"], places, "D", color=INK, markersize=4)
    axis.plot(table["published_error"], places, "o", color=ACCENT, markerfacecolor=PAPER, markersize=5)
    axis.set_yticks(places, list(table["setting"]))
    axis.invert_yaxis()
    # Logarithmic: architecture C errs twenty times as much as the others.
    axis.set_xscale("log")
    axis.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("Test error (%, logarithmic)")
    axis.grid(axis="x")
    data = ", ".join(sorted(set(table["data"])))
    caption = (
        f"Diamonds: mean error on {data}, lines its 95 % interval of Student's t over seeds; circles: published for "
        "CIFAR-10 at 26 2x32d, another task, so that orders compare and levels do not."
    )
    alt = "; ".join(f"{name} {error:.1f} %" for name, error in zip(table["setting"], table["error"], strict=True))
    return finished(figure, "shake_rules", f"Test error by rule, on {data}", caption, alt, table)
