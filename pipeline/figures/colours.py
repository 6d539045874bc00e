"""The colours of figures, which the page replaces by its own."""

from __future__ import annotations

INK = "#1d2129"
"""The colour of text, axes and main lines."""

SOFT = "#5b6472"
"""The colour of secondary lines: training, references."""

GRID = "#d9dde3"

PAPER = "#ffffff"
"""The background, also inside open markers."""

ACCENT = "#1b5e8c"
"""The colour of what the figure is about: validation, our estimate."""
