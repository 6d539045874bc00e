"""Figures: what was trained, measured and compared as SVG, PNG and the numbers behind them."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.tables import measures_schema, read_table
from pipeline.evaluation.hypotheses import all_claims
from pipeline.features.archive import MappedMatrices, read_keys
from pipeline.figures.drawing import write_drawings
from pipeline.figures.registry import FigureData, draw_figures
from pipeline.figures.spectrogram import shown_recording
from pipeline.params import load_params
from pipeline.reporting.loading import load_experiment, load_history


def main() -> None:
    """Write `results/figures/`."""
    params = load_params()
    experiment = load_experiment(params, Path("data"), Path("results"))
    recording = shown_recording(experiment.segments)
    scp = Path(f"data/features/{recording['corpus'].iloc[0]}.scp")
    keys, matrices = read_keys(scp), MappedMatrices([scp])
    data = FigureData(
        history=load_history(Path("results/history"), params),
        measures=read_table(Path("results/measures.csv"), measures_schema(params.classes)),
        recording=recording,
        spectrograms=[matrices[keys.index(segment)] for segment in recording["segment"]],
    )
    drawings = draw_figures(experiment, data, all_claims(params.report.tables))
    folder = Path("results/figures")
    shutil.rmtree(folder, ignore_errors=True)
    write_drawings(drawings, folder)
    print(f"figures: {len(drawings)} in {folder}, as SVG and PNG")


if __name__ == "__main__":
    with explained("figures"):
        main()
