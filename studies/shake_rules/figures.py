"""Errors of Gastaldi's settings, and how those of M1 to M5 change over epochs."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, canvas, finished, panels, styled

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


MOST_POINTS = 150
"""Largest number of epochs drawn of a curve; of a longer one every k-th is drawn, to keep the files small."""

_LINES: tuple[tuple[str, str, Look], ...] = (
    ("train_error", "training, train mode", {"color": SOFT, "linestyle": (0, (4, 2)), "linewidth": 1.3}),
    ("test_error", "test", {"color": ACCENT, "linestyle": "-", "linewidth": 1.9}),
)
"""Column, name and look of each curve."""


def curve_figures(curves: pd.DataFrame) -> list[Drawing]:
    """Training and test error by epoch, one figure for each data set and shape of network.

    Args:
        curves: rows of `studies.shake_rules.results.curves`.
    """
    groups = list(curves.groupby(["data", "width"], sort=False))
    return [
        _curve_figure(part, "curves" if len(groups) == 1 else f"curves_{data}_{width}", f"{data}, {width}")
        for (data, width), part in groups
    ]


@styled
def _curve_figure(curves: pd.DataFrame, key: str, what: str) -> Drawing:
    by_setting = {str(name): part for name, part in curves.groupby("setting", sort=False)}
    figure, axes = panels(len(by_setting), 1.75, extra=0.45)
    step = max(1, -(-int(curves["epoch"].max()) // MOST_POINTS))
    ends = []
    for axis, (name, part) in zip(axes, by_setting.items(), strict=True):
        shown = part[(part["epoch"] % step == 0) | (part["epoch"] == 1) | (part["epoch"] == part["epoch"].max())]
        for column, _, look in _LINES:
            # A single epoch is a point.
            axis.plot(shown["epoch"], shown[column], marker="." if len(shown) == 1 else "", **look)
        axis.fill_between(shown["epoch"], shown["test_low"], shown["test_high"], color=ACCENT, alpha=0.18, linewidth=0)
        axis.set_title(name)
        axis.set_ylim(0, 100)
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.grid(axis="y")
        last = part.iloc[-1]
        ends.append(f"{name} {last['train_error']:.1f} % training, {last['test_error']:.1f} % test")
    figure.supxlabel("Epoch", fontsize=9)
    figure.supylabel("Error (%)", fontsize=9)
    handles = [Line2D([], [], label=label, **look) for _, label, look in _LINES]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, handlelength=2.4)
    thinned = f" Every {step}th epoch is drawn." if step > 1 else ""
    return finished(
        figure,
        key,
        f"Error by epoch with the backward rules M1 to M5 ({what})",
        "Mean over seeds; the band is the test error's 95 % interval of Student's t over seeds. In S-K-I the backward "
        "weight is the forward one; M1 to M5 lie at a chosen distance from it. Training errors are of augmented images "
        f"in train mode, shaken.{thinned}",
        f"One panel a setting. At the last epoch: {'; '.join(ends)}.",
        curves,
    )
