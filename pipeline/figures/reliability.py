"""Reliability: how often predictions of a confidence are right, before and after a temperature."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.lines import Line2D

from pipeline.evaluation.terms import ALL
from pipeline.figures.colours import ACCENT, INK, PAPER, SOFT
from pipeline.figures.drawing import Drawing, Look, finished, panels, shortened, styled
from pipeline.figures.inputs import FigureInputs, epoch_words
from pipeline.runs.calibration import fitted_on

_KINDS: dict[str, tuple[str, Look]] = {
    "own": (
        "as the classifier gives them",
        {"color": INK, "marker": "s", "markerfacecolor": PAPER, "linestyle": (0, (4, 2))},
    ),
    "calibrated": (
        "with the temperature",
        {"color": ACCENT, "marker": "o", "markerfacecolor": ACCENT, "linestyle": "-"},
    ),
}


def draw_reliability(inputs: FigureInputs) -> Drawing | None:
    """The reliability of all models that have predictions."""
    selection = inputs.predicted_selection
    rows = inputs.calibration[inputs.calibration["selection"] == selection]
    labels = inputs.labels(rows)
    if not labels:
        return None
    measures = inputs.measures
    everyone = measures[
        (measures["selection"] == selection)
        & (measures["level"] == "segment")
        & (measures["corpus"] == ALL)
        & (measures["gender"] == ALL)
    ]
    errors = everyone.groupby("model")[["ece", "ece_calibrated"]].mean()
    return reliability_diagrams(rows, labels, errors, epoch_words(selection), dev=inputs.results.params.partition.dev)


@styled
def reliability_diagrams(
    rows: pd.DataFrame, labels: Mapping[str, str], errors: pd.DataFrame, epoch: str, *, dev: bool = False
) -> Drawing:
    """One panel for each model.

    Args:
        rows: rows of `CALIBRATION` of one selection.
        labels: labels of the models by key, in the order of the panels.
        errors: `ece` and `ece_calibrated` of each model, means over its runs, in points; the latter may be empty.
        epoch: the epoch in the words of a caption: `last epoch`.
        dev: whether runs hold a fold out (`partition.dev`).
    """
    figure, axes = panels(len(labels), 2.0, extra=0.4)
    descriptions = []
    for axis, (model, label) in zip(axes, labels.items(), strict=True):
        axis.plot((0, 1), (0, 1), color=SOFT, linewidth=0.8, linestyle=(0, (1, 3)))
        for kind, (_, look) in _KINDS.items():
            points = rows[(rows["model"] == model) & (rows["probabilities"] == kind)].sort_values("bin")
            axis.plot(
                points["confidence"], points["accuracy"], markersize=3.6, linewidth=1.2, markeredgewidth=1, **look
            )
        before, after = (errors[name].get(model, float("nan")) for name in ("ece", "ece_calibrated"))
        text = f"ECE {before:.1f}" + (f" to {after:.1f}" if after == after else "")
        axis.set_title(f"{shortened(label, 24)}\n{text}" if before == before else shortened(label, 24))
        axis.set(xlim=(0, 1.01), ylim=(-0.02, 1.03))
        axis.grid()
        descriptions.append(f"{label}: {text}")
    figure.supxlabel("Probability of the predicted class", fontsize=9)
    figure.supylabel("Share that is right", fontsize=9)
    handles = [Line2D([], [], label=name, markersize=4.5, linewidth=1.2, **look) for name, look in _KINDS.values()]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return finished(
        figure,
        "reliability",
        "Reliability of probabilities",
        f"Validation segments of all runs at the {epoch}, by the probability of their predicted class, in 15 bins; on "
        "the dotted line a probability is a frequency, below it predictions are too certain. The temperature of a run "
        f"is fitted on {fitted_on(dev=dev)}. ECE: expected calibration error in points, mean over runs, before and "
        "after.",
        f"One panel a model. {'; '.join(descriptions)}.",
        rows,
    )
