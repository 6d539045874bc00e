"""Stage `figures`: figures of the results as SVG and PNG, with the numbers that they show."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from pipeline.core.stage import run_stage
from pipeline.core.tables import read_table
from pipeline.evaluation.loading import load_history, load_results
from pipeline.evaluation.tables import CALIBRATION, CELLS, measures_schema
from pipeline.features.archive import MappedMatrices, read_keys
from pipeline.figures.drawing import write_drawings
from pipeline.figures.inputs import FigureInputs
from pipeline.figures.registry import draw_figures
from pipeline.figures.spectrogram import choose_recording
from pipeline.params import load_params


def main() -> None:
    """Write `results/figures/`."""
    params = load_params()
    cells = read_table(Path("results/cross_corpus.csv"), CELLS)
    results = replace(load_results(params, Path("data"), Path("results")), cells=cells)
    recording = choose_recording(results.segments)
    scp = Path(f"data/features/spectrogram/{recording['corpus'].iloc[0]}.scp")
    keys, matrices = read_keys(scp), MappedMatrices([scp])
    inputs = FigureInputs(
        results=results,
        history=load_history(Path("results/history"), params),
        measures=read_table(Path("results/measures.csv"), measures_schema(params.classes)),
        calibration=read_table(Path("results/calibration.csv"), CALIBRATION),
        recording=recording,
        spectrograms=[matrices[keys.index(segment)] for segment in recording["segment"]],
    )
    drawings = draw_figures(inputs)
    folder = Path("results/figures")
    shutil.rmtree(folder, ignore_errors=True)
    write_drawings(drawings, folder)
    print(f"figures: {len(drawings)} in {folder}, as SVG and PNG")


if __name__ == "__main__":
    run_stage("figures", main, __doc__)
