"""Errors of Table 1's models, run by run."""

from __future__ import annotations

import pandas as pd

from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, canvas, finished, styled
from studies.core.statistics import over_seeds


@styled
def error_figure(runs: pd.DataFrame) -> Drawing:
    """Test error of every run, and the mean with its interval.

    Args:
        runs: rows of `studies.table1.results.run_table`.
    """
    groups = list(runs.groupby(["width", "model"], sort=False)["error"])
    figure = canvas(0.6 + 0.34 * len(groups))
    axis = figure.subplots()
    names, means = [], []
    for place, ((width, model), errors) in enumerate(groups):
        interval = over_seeds(errors)
        axis.plot([interval.low, interval.high], [place, place], color=SOFT, linewidth=1.2)
        axis.plot(errors, [place] * len(errors), "o", color=ACCENT, markerfacecolor=PAPER, markersize=5)
        axis.plot([interval.mean], [place], "D", color=INK, markersize=5)
        names.append(f"{model} {width}")
        means.append(f"{model} {width} {interval.mean:.1f} %")
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xlabel("Test error (%)")
    axis.grid(axis="x")
    data = ", ".join(sorted(set(runs["data"])))
    return finished(
        figure,
        "table1_errors",
        f"Test error by layout, on {data}",
        "Circles are runs, diamonds their mean, lines its 95 % interval of Student's t over seeds.",
        f"Mean errors: {'; '.join(means)}.",
        runs,
    )
