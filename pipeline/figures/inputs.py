"""The data that figures are drawn from, and the queries that several of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.selections import Selection
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import EPOCHS
from pipeline.evaluation.tables import CALIBRATION


@dataclass(frozen=True)
class FigureInputs:
    """Everything that a figure may be drawn from.

    Attributes:
        results: the results that tables and the page are made from too.
        history: rows of `HISTORY` of the trained models.
        measures: rows of `measures_schema` of the trained models.
        recording: rows of `SEGMENTS` of the recording to show.
        spectrograms: (frames, bins) features of each of these rows.
        calibration: rows of `CALIBRATION` of the trained models.
    """

    results: Results
    history: pd.DataFrame
    measures: pd.DataFrame
    recording: pd.DataFrame
    spectrograms: Sequence[npt.NDArray[np.float32]]
    calibration: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CALIBRATION.columns)))

    @property
    def chance_level(self) -> float:
        """UA of guessing, percent."""
        return 100 / len(self.results.params.classes)

    @property
    def corpora(self) -> dict[str, str]:
        """Labels of the configured corpora by key."""
        return {corpus: self.results.corpus_label(corpus) for corpus in self.results.params.corpora}

    @property
    def selection(self) -> Selection:
        """The epochs that figures of runs show (`report.selection`)."""
        return self.results.params.report.selection

    @property
    def predicted_selection(self) -> Selection:
        """The epochs that figures of predictions show: `crossval` has none of its own, so `last` stands in."""
        return "last" if self.selection == "crossval" else self.selection

    @property
    def finished_runs(self) -> pd.DataFrame:
        """Rows of `RUNS` at `selection`, without diverged ones."""
        runs = self.results.runs
        return runs[(runs["selection"] == self.selection) & (runs["status"] == "done")]

    def labels(self, rows: pd.DataFrame) -> dict[str, str]:
        """Labels of the trained models that have rows in a table, by key."""
        present = set(rows["model"])
        return {model: self.results.label(model) for model in self.results.trained if model in present}


def epoch_words(selection: Selection) -> str:
    """A selection of epochs in the words of a caption: `last epoch`."""
    return EPOCHS[selection].lower()
