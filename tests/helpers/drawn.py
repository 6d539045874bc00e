"""Made-up histories, measures and spectrograms for the tests of figures and of the page."""

import numpy as np
import pandas as pd

from pipeline.evaluation.tables import measures_schema
from pipeline.figures.inputs import FigureInputs
from pipeline.figures.registry import draw_figures
from pipeline.figures.spectrogram import choose_recording
from pipeline.reporting.page.inputs import PageFigure
from pipeline.runs.tables import HISTORY


def history_of(results, epochs=3):
    runs = results.runs[results.runs["selection"] == "last"]
    rows = [
        (run.model, run.fold, run.seed, epoch, 2 - epoch / 9, 30.0 + epoch, 1.9 - epoch / 9, 31.0 + epoch, 2 - epoch / 10,
         29.0 + epoch + run.seed, 1)
        for run in runs.itertuples() for epoch in range(1, epochs + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(HISTORY.columns))


def measures_of(results):
    """Every class recognised nine times, and taken for the first class once."""
    classes = results.params.classes
    runs = results.runs[results.runs["selection"].isin(["last", "best"]) & (results.runs["status"] == "done")]
    rows = []
    for run in runs.itertuples():
        counts = {
            f"count_{true}_{said}": 9 * (true == said) + (said == classes[0]) for true in classes for said in classes
        }
        rows.append({
            "model": run.model, "fold": run.fold, "seed": run.seed, "selection": run.selection, "level": "segment",
            "corpus": "all", "gender": "all", "n": 40, "ua": 90.0, "wa": 90.0, "macro_f1": 90.0, "ece": 1.0,
            **{f"recall_{name}": 90.0 for name in classes}, **counts, "repeat": 1,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(measures_schema(classes).columns))


def figure_inputs(results):
    recording = choose_recording(results.segments)
    random = np.random.default_rng(0)
    matrices = [random.normal(size=(frames, 257)).astype(np.float32) for frames in recording["num_frames"]]
    return FigureInputs(results, history_of(results), measures_of(results), recording, matrices)


def drawings_of(results):
    return draw_figures(figure_inputs(results))


def page_figures(results):
    return [PageFigure(one.key, one.title, one.caption, one.alt, one.svg) for one in drawings_of(results)]
