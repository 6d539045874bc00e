"""Paired differences between models: every fold and seed, the mean, and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipeline.evaluation.terms import Metric
from pipeline.figures.colours import ACCENT, GRID, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, canvas, finished, shortened, styled
from pipeline.figures.inputs import FigureInputs, epoch_words

_FOLD_MARKERS = "osD^v<>ph*"


@dataclass(frozen=True)
class Difference:
    """One pair of models.

    Attributes:
        better, reference: labels of the model claimed better and of the other.
        folds: fold of each pair of runs, shape (n,).
        points: the claimed model's improvement in each pair of runs, shape (n,), percentage points.
        mean, low, high: the mean improvement and its 95 % interval; the bounds are None where there is none.
    """

    better: str
    reference: str
    folds: npt.NDArray[np.int64]
    points: npt.NDArray[np.float64]
    mean: float
    low: float | None
    high: float | None


def draw_differences(inputs: FigureInputs) -> Drawing | None:
    """The pairs of all hypotheses whose UA was tested."""
    ua, gap = (_tested_pairs(inputs, metric) for metric in ("valid_ua", inputs.results.gap_metric))
    rope = inputs.results.params.report.rope
    return paired_differences(ua, gap, rope, epoch_words(inputs.selection)) if ua else None


def _tested_pairs(inputs: FigureInputs, metric: Metric) -> list[Difference]:
    """The pairs of all hypotheses that were tested, each once."""
    results = inputs.results
    scores = inputs.finished_runs.set_index(["model", "repeat", "fold", "seed"])[metric]
    found: dict[tuple[str, str], Difference] = {}
    for hypothesis in results.hypotheses:
        better, reference = hypothesis.better, hypothesis.reference
        test = results.test(hypothesis, metric, inputs.selection)
        if test.mean_difference is None or (better, reference) in found:
            continue
        points = (scores[better] - scores[reference]).sort_index()
        found[better, reference] = Difference(
            results.label(better),
            results.label(reference),
            points.index.get_level_values("fold").to_numpy(),
            points.to_numpy() if metric == "valid_ua" else -points.to_numpy(),
            test.mean_difference,
            test.ci_low,
            test.ci_high,
        )
    return list(found.values())


@styled
def paired_differences(ua: Sequence[Difference], gap: Sequence[Difference], rope: float, epoch: str) -> Drawing:
    """Improvement in UA and in Gap, one row for each pair of models, the same pairs in both.

    Args:
        ua: improvements of UA; not empty.
        gap: improvements of Gap, by how many points it is smaller; some pairs may be missing.
        rope: largest difference in points that counts as practically equal.
        epoch: the epoch that is compared in the words of a caption: `last epoch`.
    """
    pairs = list(dict.fromkeys((one.better, one.reference) for one in (*ua, *gap)))
    folds = sorted({int(fold) for one in (*ua, *gap) for fold in one.folds})
    markers = {fold: _FOLD_MARKERS[position % len(_FOLD_MARKERS)] for position, fold in enumerate(folds)}
    figure = canvas(1.3 + 0.46 * len(pairs))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, differences, name in zip(axes, (ua, gap), ("UA", "Gap"), strict=True):
        axis.axvspan(-rope, rope, color=GRID, alpha=0.6, linewidth=0)
        axis.axvline(0, color=SOFT, linewidth=0.9)
        for one in differences:
            row = pairs.index((one.better, one.reference))
            if one.low is not None and one.high is not None:
                axis.plot([one.low, one.high], [row - 0.2] * 2, color=ACCENT, linewidth=3, solid_capstyle="butt")
            axis.plot([one.mean], [row - 0.2], marker="|", markersize=11, markeredgewidth=2.2, color=INK)
        for fold in folds:
            found = [(one.points[one.folds == fold], pairs.index((one.better, one.reference))) for one in differences]
            points = np.concatenate([here for here, _ in found] or [np.empty(0)])
            rows = np.concatenate([np.full(len(here), row + 0.14) for here, row in found] or [np.empty(0)])
            axis.plot(points, rows, linestyle="none", marker=markers[fold], markersize=4, markerfacecolor=PAPER,
                      markeredgecolor=SOFT, markeredgewidth=0.9)  # fmt: skip
        axis.set_title(f"Improvement of {name} (points)")
        axis.grid(axis="x")
        axis.set_axisbelow(True)
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(pairs)), [f"{shortened(a, 24)}\nover {shortened(b, 24)}" for a, b in pairs])
    axes[0].set_ylim(len(pairs) - 0.45, -0.55)
    look: Look = {"linestyle": "none", "markerfacecolor": PAPER, "markeredgecolor": SOFT, "markersize": 4.5}
    handles: list[Line2D | Patch] = []
    handles += [Line2D([], [], marker=markers[fold], label=f"fold {fold}", **look) for fold in folds]
    handles += [
        Line2D([], [], color=ACCENT, linewidth=3, label="95 % interval"),
        Line2D([], [], color=INK, marker="|", markersize=10, markeredgewidth=2.2, linestyle="none", label="mean"),
        Patch(facecolor=GRID, alpha=0.6, label=f"within {rope:g} point{'' if rope == 1 else 's'}"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 7), handletextpad=0.3,
                  columnspacing=0.9, handlelength=1.4)  # fmt: skip
    sentences = " ".join(f"{one.better} over {one.reference}: {one.mean:+.1f} points of UA." for one in ua)
    data = pd.DataFrame(
        [
            (metric, one.better, one.reference, int(fold), value)
            for metric, differences in (("ua", ua), ("gap", gap)) for one in differences
            for fold, value in zip(one.folds, one.points, strict=True)
        ],
        columns=["metric", "better", "reference", "fold", "points"],
    )  # fmt: skip
    return finished(
        figure,
        "differences",
        "Paired differences",
        f"How much better the model named first is, at the {epoch}: each marker is one fold and seed, trained and "
        "validated on the same actors; right of 0 speaks for the claim. The bar is the 95 % interval of the deciding "
        "test: over actors and trainings, or of the corrected t-test where there are too few actors.",
        f"{len(pairs)} pairs of models. {sentences}",
        data,
    )
