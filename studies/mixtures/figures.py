"""Figure 2: points with the learned projection, and the activations; and the angle for every share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, canvas, finished, styled
from studies.mixtures.runs import Outcome
from studies.mixtures.theory import MERGED_BELOW

DRAWN_POINTS = 400


@styled
def projections(outcomes: Sequence[Outcome], drawn: Sequence[float]) -> Drawing:
    """Points of each drawn share with the learned projection, and below them the unit's activations.

    Args:
        outcomes: the trained units; of each share the first is drawn.
        drawn: the shares.
    """
    units = [next(one for one in outcomes if one.share == share) for share in drawn]
    figure = canvas(4.4)
    axes = figure.subplots(2, len(units), squeeze=False)
    for column, one in enumerate(units):
        above, below = axes[0][column], axes[1][column]
        points, smaller = one.points[:DRAWN_POINTS], one.smaller[:DRAWN_POINTS]
        above.plot(*points[~smaller].T, ".", color=SOFT, markersize=3, alpha=0.6)
        above.plot(*points[smaller].T, "x", color=ACCENT, markersize=4)
        direction = one.weights / np.linalg.norm(one.weights)
        reach = np.outer([-5.0, 5.0], direction)
        above.plot(*reach.T, color=INK, linewidth=1.6)
        above.set_aspect("equal", adjustable="datalim")
        above.set_title(f"p = {one.share:g}")
        edges = np.histogram_bin_edges(one.activations, 50)
        below.hist([one.activations[~one.smaller], one.activations[one.smaller]], bins=edges.tolist(), stacked=True,
                   color=[SOFT, ACCENT])  # fmt: skip
        below.set_xlabel("activation")
    axes[1][0].set_ylabel("points")
    alt = "; ".join(f"p = {one.share:g}: {one.angle:.0f} degrees from the line through the means" for one in units)
    return finished(
        figure,
        "projections",
        "Two Gaussians unite or separate",
        "Above, points of the larger Gaussian (dots) and of the smaller (crosses, a share p) with the direction that a "
        "linear unit learns from the variance constancy loss alone; below, its activations. "
        f"By theorem 2 it unites both below p = {MERGED_BELOW:.4f} and separates them from there on.",
        f"Learned directions: {alt}.",
    )


@styled
def angles(table: pd.DataFrame) -> Drawing:
    """The angle between the learned direction and the line through both means, for every share.

    Args:
        table: rows of `mixtures.csv`.
    """
    figure = canvas(2.8)
    axis = figure.subplots()
    axis.axvline(MERGED_BELOW, color=SOFT, linewidth=0.9, linestyle=(0, (4, 2)))
    axis.vlines(table["share"], table["ci_low"], table["ci_high"], color=SOFT, linewidth=1.2)
    axis.plot(table["share"], table["angle"], "o", color=ACCENT, markerfacecolor=PAPER, markersize=5)
    axis.set_ylim(-5, 95)
    axis.set_yticks([0, 45, 90], ["0 (separated)", "45", "90 (united)"])
    axis.set_xlabel("share p of the smaller Gaussian")
    axis.set_ylabel("angle (degrees)")
    axis.grid(axis="y")
    return finished(
        figure,
        "angles",
        "From which share on a unit separates",
        "Mean over seeds with its 95 % interval of Student's t; the dashed line is theorem 2's threshold, "
        f"{MERGED_BELOW:.4f}.",
        "; ".join(f"p = {share:g}: {angle:.0f}" for share, angle in zip(table["share"], table["angle"], strict=True)),
        table,
    )
