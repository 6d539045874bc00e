"""UA against Gap: accurate models are high, models that overfit are to the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from pipeline.evaluation.results import model_kind, model_label
from pipeline.figures.colours import ACCENT, GRID, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, canvas, finished, shortened, styled
from pipeline.figures.inputs import FigureInputs
from pipeline.models.options import ModelParams

_MARKERS = {"PreAct": "o", "PreActBN": "s", "RPreAct": "^", "PostAct": "D", "BN-Shake": "v"}
"""Markers of the layouts; other kinds of models get `_FURTHER_MARKERS` in turn."""

_FURTHER_MARKERS = "P*Xph<>d"

MOST_LABELS = 10
"""Largest number of models named in the figure itself; more are numbered and named below it."""

_PLACES = (
    (7, 0, "left", "center"), (-7, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top"),
    (6, 6, "left", "bottom"), (6, -6, "left", "top"), (-6, 6, "right", "bottom"), (-6, -6, "right", "top"),
    (9, 13, "left", "bottom"), (9, -13, "left", "top"), (-9, 13, "right", "bottom"), (-9, -13, "right", "top"),
)  # fmt: skip
"""Where a label may stand, from best to worst: offset in points from its marker, and its alignment."""


def draw_trade_off(inputs: FigureInputs) -> Drawing | None:
    """The models with finished runs whose Gap was measured."""
    results = inputs.results
    runs = inputs.finished_runs.dropna(subset=[results.gap_metric])
    return trade_off(runs, results.params.models, results.gap_metric, results.gap_mode) if len(runs) else None


@styled
def trade_off(runs: pd.DataFrame, models: Mapping[str, ModelParams], gap: str, mode: str) -> Drawing:
    """UA against Gap of every model, means over runs with their standard deviations.

    Args:
        runs: rows of `RUNS` of finished runs at one selection of epochs.
        models: params of the models in `runs` by key.
        gap: the column of `runs` that is Gap.
        mode: the mode in which the training UA of this Gap was measured, in the words of the axis: `train mode`.
    """
    present = [model for model in models if model in set(runs["model"])]
    kinds = {model: model_kind(models[model]) for model in present}
    markers = _markers(dict.fromkeys(kinds.values()))
    scores = runs.groupby("model")[["valid_ua", gap]].agg(["mean", "std"]).reindex(present)
    numbered = len(present) > MOST_LABELS
    figure = canvas(5.4 if numbered else 4.2)
    axis = figure.add_subplot()
    axis.axvline(0, color=GRID, linewidth=1.2)
    axis.grid(visible=True)
    axis.set_axisbelow(True)
    for model in present:
        row = scores.loc[model]
        shaken = getattr(models[model], "shake", None) is not None
        axis.errorbar(
            row[gap, "mean"], row["valid_ua", "mean"],
            xerr=row[gap, "std"], yerr=row["valid_ua", "std"],
            color=ACCENT, ecolor=SOFT, elinewidth=0.4 if numbered else 0.8, capsize=0, linestyle="none",
            marker=markers[kinds[model]], markersize=7, markeredgewidth=1.4,
            markeredgecolor=ACCENT, markerfacecolor=ACCENT if shaken else PAPER,
        )  # fmt: skip
    axis.set_xlabel(f"Gap (points; training UA in {mode} minus validation UA)")
    axis.set_ylabel("Validation UA (%)")
    labels = [shortened(model_label(models[model]), 22) for model in present]
    if numbered:
        key = [Line2D([], [], linestyle="none", label=f"{number} {label}") for number, label in enumerate(labels, 1)]
        figure.legend(handles=key, loc="outside lower left", ncols=4, handlelength=0, handletextpad=0)
        labels = [str(number) for number in range(1, len(present) + 1)]
    look: Look = {"color": ACCENT, "linestyle": "none", "markersize": 6.5, "markeredgewidth": 1.3}
    handles = [Line2D([], [], marker=marker, label=kind, **look) for kind, marker in markers.items()]
    handles.append(Line2D([], [], marker="o", markerfacecolor=PAPER, label="open: not shaken", **look))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4, handletextpad=0.3)
    points = list(zip(scores[gap, "mean"].tolist(), scores["valid_ua", "mean"].tolist(), strict=True))
    _place_labels(axis, points, labels)
    data = pd.DataFrame({
        "model": present, "label": [model_label(models[model]) for model in present],
        "valid_ua": scores["valid_ua", "mean"].to_numpy(), "valid_ua_std": scores["valid_ua", "std"].to_numpy(),
        "gap": scores[gap, "mean"].to_numpy(), "gap_std": scores[gap, "std"].to_numpy(),
    })  # fmt: skip
    sentences = "; ".join(f"{row.label} {row.valid_ua:.1f} % at Gap {row.gap:.1f}" for row in data.itertuples())
    return finished(
        figure,
        "trade_off",
        "Accuracy against Gap",
        "Validation UA against Gap, means over runs; bars are one standard deviation over the runs. Better is up, "
        "and less overfitting is left; a Gap below 0 is training lowered by shaking and dropout themselves.",
        f"{len(present)} models: {sentences}.",
        data,
    )


def _markers(kinds: Iterable[str]) -> dict[str, str]:
    """A marker for each layout or family."""
    further = cycle(_FURTHER_MARKERS)
    return {kind: _MARKERS.get(kind) or next(further) for kind in kinds}


def _place_labels(axis: Axes, points: Sequence[tuple[float, float]], labels: Sequence[str]) -> None:
    """Write each label beside its point where it covers the least of markers and of labels already written."""
    figure = axis.get_figure(root=True)
    assert figure is not None  # noqa: S101 (it was just drawn in)
    figure.draw_without_rendering()  # computes the layout, in which the boxes below are measured
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axis.transData.transform(np.asarray(points))]
    for point, label in zip(points, labels, strict=True):
        tries = []
        for rank, text in enumerate(_tries(axis, point, label)):
            box = text.get_window_extent()
            outside = box.width * box.height - _common(box, axis.bbox)
            tries.append((sum(_common(box, other) for other in taken) + 4 * outside + rank, rank, text, box))
        best = min(tries, key=lambda one: one[:2])
        taken.append(best[3])
        for one in tries:
            if one is not best:
                one[2].remove()


def _tries(axis: Axes, point: tuple[float, float], label: str) -> Iterator[Annotation]:
    """The label at every place it may have."""
    for right, up, horizontal, vertical in _PLACES:
        yield axis.annotate(
            label, point, xytext=(right, up), textcoords="offset points", ha=horizontal, va=vertical, fontsize=8.5,
            color=INK,
        )  # fmt: skip


def _common(one: Bbox, other: Bbox) -> float:
    """Area that two boxes share."""
    shared = Bbox.intersection(one, other)
    return 0.0 if shared is None else shared.width * shared.height
