"""Which figures an experiment has, and what each is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.evaluation.comparison import Metric
from pipeline.evaluation.hypotheses import Claim
from pipeline.evaluation.intervals import ALL
from pipeline.figures.composition import fold_composition
from pipeline.figures.confusion import confusion_matrices
from pipeline.figures.curves import accuracy_curves, loss_curves
from pipeline.figures.differences import Difference, paired_differences
from pipeline.figures.drawing import Drawing
from pipeline.figures.groups import accuracy_by_group
from pipeline.figures.spectrogram import segment_spectrograms
from pipeline.figures.trade_off import trade_off
from pipeline.params import Selection
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.selections import EPOCHS
from pipeline.reporting.setting import corpus_label


@dataclass(frozen=True)
class FigureData:
    """What figures need beside the experiment.

    Attributes:
        history: `records.HISTORY` of the trained models.
        measures: `records.measures_schema` of the trained models.
        recording: rows of `records.SEGMENTS` of the recording to show.
        spectrograms: its features, a matrix a row.
    """

    history: pd.DataFrame
    measures: pd.DataFrame
    recording: pd.DataFrame
    spectrograms: Sequence[npt.NDArray[np.float32]]


def predicted_selection(selection: Selection) -> Selection:
    """The epochs that figures of predictions show: `crossval` has none of its own, so `last` stands in."""
    return "last" if selection == "crossval" else selection


def draw_figures(experiment: Experiment, data: FigureData, claims: Sequence[Claim]) -> tuple[Drawing, ...]:
    """All figures that the results allow, in the order of the page; what needs runs is left out where there are none.

    Args:
        experiment: everything.
        data: what only figures need.
        claims: of all tables, for the paired differences.
    """
    params = experiment.params
    chance = 100 / len(params.classes)
    corpora = {corpus: corpus_label(params, corpus) for corpus in params.corpora}
    drawings = []
    with_history = set(data.history["model"])
    curves = {model: experiment.label(model) for model in experiment.trained if model in with_history}
    if curves:
        drawings += [accuracy_curves(data.history, curves, chance), loss_curves(data.history, curves)]
    selection = params.report.selection
    runs = experiment.runs[(experiment.runs["selection"] == selection) & (experiment.runs["status"] == "done")]
    measured = runs.dropna(subset=[experiment.gap_metric])
    if len(measured):
        drawings.append(trade_off(measured, params.models, experiment.gap_metric, experiment.gap_mode))
    ua, gap = (_differences(experiment, runs, claims, metric) for metric in ("valid_ua", experiment.gap_metric))
    if ua:
        drawings.append(paired_differences(ua, gap, params.report.rope, EPOCHS[selection].lower()))
    shown = predicted_selection(selection)
    counted = data.measures[
        (data.measures["selection"] == shown)
        & (data.measures["level"] == "segment")
        & (data.measures["corpus"] == ALL)
        & (data.measures["gender"] == ALL)
    ]
    labels = {model: experiment.label(model) for model in experiment.trained if model in set(counted["model"])}
    if labels:
        counts = {model: _confusion(counted[counted["model"] == model], params.classes) for model in labels}
        drawings.append(confusion_matrices(counts, labels, params.classes, EPOCHS[shown].lower()))
        groups = experiment.intervals[
            (experiment.intervals["selection"] == shown) & (experiment.intervals["corpus"] != ALL)
        ]
        drawings.append(accuracy_by_group(groups, labels, corpora, chance, EPOCHS[shown].lower()))
    drawings.append(fold_composition(experiment.segments, experiment.folds, params.classes, corpora))
    if len(data.recording):
        drawings.append(segment_spectrograms(data.recording, data.spectrograms, params.features.cmvn))
    return tuple(drawings)


def _confusion(rows: pd.DataFrame, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Segments by true and predicted class, over all runs of one model."""
    return np.array([[int(rows[f"count_{true}_{said}"].sum()) for said in classes] for true in classes])


def _differences(
    experiment: Experiment, runs: pd.DataFrame, claims: Sequence[Claim], metric: Metric
) -> list[Difference]:
    """The pairs of all claims that were tested, each once."""
    selection = experiment.params.report.selection
    scores = runs.set_index(["model", "fold", "seed"])[metric]
    found: dict[tuple[str, str], Difference] = {}
    for claim in claims:
        test = experiment.test(claim, metric, selection)
        if test.mean_difference is None or (claim.better, claim.reference) in found:
            continue
        points = (scores[claim.better] - scores[claim.reference]).sort_index()
        found[claim.better, claim.reference] = Difference(
            experiment.label(claim.better),
            experiment.label(claim.reference),
            points.index.get_level_values("fold").to_numpy(),
            points.to_numpy() if metric == "valid_ua" else -points.to_numpy(),
            test.mean_difference,
            test.low,
            test.high,
        )
    return list(found.values())
