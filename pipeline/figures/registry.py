"""The figures in the order of the page; a new one is one file and one line of `FIGURES`."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.figures.composition import draw_folds
from pipeline.figures.confusion import draw_confusion
from pipeline.figures.cross_corpus import draw_cross_corpus
from pipeline.figures.curves import draw_accuracy_curves, draw_loss_curves
from pipeline.figures.differences import draw_differences
from pipeline.figures.drawing import Drawing
from pipeline.figures.groups import draw_groups
from pipeline.figures.inputs import FigureInputs
from pipeline.figures.reliability import draw_reliability
from pipeline.figures.spectrogram import draw_spectrogram
from pipeline.figures.trade_off import draw_trade_off

Draw = Callable[[FigureInputs], Drawing | None]
"""Draws a figure; None where the results do not have what it shows."""

FIGURES: tuple[Draw, ...] = (
    draw_accuracy_curves,
    draw_loss_curves,
    draw_trade_off,
    draw_differences,
    draw_confusion,
    draw_reliability,
    draw_groups,
    draw_cross_corpus,
    draw_folds,
    draw_spectrogram,
)


def draw_figures(inputs: FigureInputs) -> tuple[Drawing, ...]:
    """All figures that the results allow, in order."""
    return tuple(drawing for draw in FIGURES if (drawing := draw(inputs)) is not None)
