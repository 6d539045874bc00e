"""Errors of every model of the study of shaking rules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reporting.figures.drawing import ACCENT, INK, PAPER, SOFT, Drawing, canvas, finished, styled
from studies.statistics import over_seeds


@styled
def rule_figure(runs: pd.DataFrame, published: pd.DataFrame) -> Drawing:
    """Test errors of every model beside those published.

    Args:
        runs: rows of `studies.shake_rules.run_table` of one data set.
        published: rows of `studies.shake_rules.published_networks`.
    """
    groups = list(runs.groupby("model", sort=False))
    known = published[published["width"] == "2x32d"].set_index("model")["published_error"]
    figure = canvas(0.9 + 0.24 * len(groups))
    ours, theirs = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    names, said = [], []
    for place, (model, group) in enumerate(groups):
        interval = over_seeds(group["error"])
        ours.plot([interval.low, interval.high], [place, place], color=SOFT, linewidth=1.2)
        ours.plot(group["error"], [place] * len(group), "o", color=ACCENT, markerfacecolor=PAPER, markersize=4)
        ours.plot([interval.mean], [place], "D", color=INK, markersize=4.5)
        diverged = int((group["status"] == "diverged").sum())
        theirs.plot([known.get(model, np.nan)], [place], "s", color=INK, markersize=4.5)
        names.append(f"{model} ({diverged} of {len(group)} diverged)" if diverged else str(model))
        said.append(f"{model} {interval.mean:.1f} %" if np.isfinite(interval.mean) else f"{model} diverged")
    ours.set_yticks(range(len(names)), names)
    ours.invert_yaxis()
    data = str(runs["data"].iloc[0])
    ours.set_xlabel(f"Test error on {data} (%)")
    theirs.set_xlabel("CIFAR-10, published (%)")
    for axis in (ours, theirs):
        axis.grid(axis="x")
    return finished(
        figure,
        f"shake_rules_{data}",
        f"Test error by shaking rule, on {data}",
        "Circles are runs, diamonds their mean, lines its 95 % interval of Student's t over seeds. Squares are what "
        "Gastaldi published for CIFAR-10 at 26 2x32d, on a scale of their own.",
        f"Mean errors: {'; '.join(said)}.",
        runs,
    )
