"""Made-up histories, measures and spectrograms for the tests of figures and of the page."""

import numpy as np
import pandas as pd

from pipeline.core.tables import HISTORY, measures_schema
from pipeline.evaluation.hypotheses import all_claims
from pipeline.figures.registry import FigureData, draw_figures
from pipeline.figures.spectrogram import shown_recording
from pipeline.reporting.page.inputs import PageFigure


def history_of(experiment, epochs=3):
    runs = experiment.runs[experiment.runs["selection"] == "last"]
    rows = [
        (run.model, run.fold, run.seed, epoch, 2 - epoch / 9, 30.0 + epoch, 1.9 - epoch / 9, 31.0 + epoch, 2 - epoch / 10,
         29.0 + epoch + run.seed)
        for run in runs.itertuples() for epoch in range(1, epochs + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(HISTORY.columns))


def measures_of(experiment):
    """Every class recognised nine times, and taken for the first class once."""
    classes = experiment.params.classes
    runs = experiment.runs[experiment.runs["selection"].isin(["last", "best"]) & (experiment.runs["status"] == "done")]
    rows = []
    for run in runs.itertuples():
        counts = {
            f"count_{true}_{said}": 9 * (true == said) + (said == classes[0]) for true in classes for said in classes
        }
        rows.append({
            "model": run.model, "fold": run.fold, "seed": run.seed, "selection": run.selection, "level": "segment",
            "corpus": "all", "gender": "all", "n": 40, "ua": 90.0, "wa": 90.0, "macro_f1": 90.0, "ece": 1.0,
            **{f"recall_{name}": 90.0 for name in classes}, **counts,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(measures_schema(classes).columns))


def figure_data(experiment):
    recording = shown_recording(experiment.segments)
    random = np.random.default_rng(0)
    matrices = [random.normal(size=(frames, 257)).astype(np.float32) for frames in recording["num_frames"]]
    return FigureData(history_of(experiment), measures_of(experiment), recording, matrices)


def drawings_of(experiment):
    return draw_figures(experiment, figure_data(experiment), all_claims(experiment.params.report.tables))


def page_figures(experiment):
    return [PageFigure(one.key, one.title, one.caption, one.alt, one.svg) for one in drawings_of(experiment)]
