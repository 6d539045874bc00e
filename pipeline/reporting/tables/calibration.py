"""The accuracy of each model, and the error of its confidence."""

from __future__ import annotations

from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN, EPOCHS
from pipeline.evaluation.terms import BINS
from pipeline.evaluation.wording import fixed
from pipeline.reporting.tables.notes import common_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Table

KEY = "calibration"

_LEVELS = ("segment", "utterance")


def calibration_table(results: Results) -> tuple[Table, ...]:
    """Accuracy and calibration error of every trained model, by segment and by utterance; none without measures."""
    columns = (
        Column("model", "Model", number=False),
        *(
            Column(f"{name}_{level}", f"{header} by {level}")
            for level in _LEVELS
            for name, header in (("ua", "UA (%)"), ("ece", "Calibration error (points)"))
        ),
        Column("model_key", "Key", number=False, where="csv"),
    )
    parts = []
    for selection in results.selections:
        rows = []
        for model in results.trained:
            cells = {
                f"{name}_{level}": Cell(fixed(results.mean_measure(name, model, selection, level)))
                for level in _LEVELS
                for name in ("ua", "ece")
            }
            if any(cell.value for cell in cells.values()):
                rows.append({"model": Cell(results.label(model)), **cells, "model_key": Cell(model)})
        if rows:
            parts.append(Part(tuple(rows), selection, EPOCHS[selection], (CHOSEN[selection],)))
    notes = (
        f"Calibration error: |accuracy - mean confidence| in {BINS} bins of confidence, weighted by their share of the "
        "segments or utterances of a run (Guo et al. 2017); 0 is best. Means over runs; small folds raise it.",
        *common_notes(results, results.trained),
    )
    return (Table(KEY, "Accuracy and calibration", columns, tuple(parts), notes),) if parts else ()
