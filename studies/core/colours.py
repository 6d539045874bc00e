"""The colours in which figures draw each normalisation."""

from __future__ import annotations

from pipeline.figures.colours import ACCENT, INK, SOFT

COLOURS = {"none": SOFT, "batch": INK, "vcl": ACCENT, "layer": SOFT, "group": INK}
