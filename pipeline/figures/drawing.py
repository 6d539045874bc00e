"""A finished figure as a value, and the look that all figures share.

Every figure is readable in grey: a line style, a marker or a hatch shows what a colour shows. The SVG names only
the colours of `colours.py`, so that the page can exchange them for those of its colour scheme.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.core.files import replacing, write_text
from pipeline.figures.colours import ACCENT, GRID, INK, SOFT

WIDTH = 6.4
"""Width of every figure in inches: that of a column of text."""

Look = dict[str, Any]
"""Keyword arguments of a matplotlib artist."""

FILLS: tuple[Look, ...] = (
    {"facecolor": ACCENT, "alpha": 0.85},
    {"facecolor": "none", "hatch": "////"},
    {"facecolor": ACCENT, "alpha": 0.3},
    {"facecolor": "none", "hatch": "xxxx"},
    {"facecolor": SOFT, "alpha": 0.85},
    {"facecolor": "none", "hatch": "----"},
    {"facecolor": SOFT, "alpha": 0.3},
    {"facecolor": "none", "hatch": "||||"},
)
"""Fills of bars that lie side by side: neighbours differ in lightness or hatch."""

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "path.simplify": True,
    "savefig.dpi": 160,
    "savefig.facecolor": "white",
    # Ids in the SVG are hashes; without a salt they are random, and another salt changes every file.
    "svg.hashsalt": "pipeline.reporting.figures",
    # Text stays text: readable to a screen reader, and set in the reader's own font.
    "svg.fonttype": "none",
    "text.color": INK,
    # A label may hold dollar signs.
    "text.parse_math": False,
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}

styled = rc_context(_STYLE)
"""Decorates a function that draws: everything inside has the look of all figures."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        key: name of its files.
        title: what it shows.
        caption: how to read it, in full sentences.
        alt: description for readers who cannot see it.
        svg: the figure as SVG.
        png: the figure as PNG.
        data: the numbers drawn, where they are a table.
    """

    key: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes
    data: pd.DataFrame | None = None


def canvas(height: float) -> Figure:
    """An empty figure of the common width; `height` in inches."""
    return Figure(figsize=(WIDTH, height))


def panels(count: int, row_height: float, extra: float = 0.0, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure of `count` equal panels that share both axes, row by row.

    Args:
        count: number of panels, at least 1.
        row_height: height of a row of panels in inches.
        extra: height of a legend in inches.
        columns: number of panels beside each other; default: 1 for one, 2 for up to four, else 3.
    """
    columns = columns or (count if count == 1 else 2 if count <= 4 else 3)
    rows = math.ceil(count / columns)
    figure = canvas(row_height * rows + extra)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes: list[Axes] = list(grid.flat)
    for spare in axes[count:]:
        spare.remove()
    for axis in axes[max(count - columns, 0) : count]:
        axis.tick_params(labelbottom=True)
    return figure, axes[:count]


def finished(figure: Figure, key: str, title: str, caption: str, alt: str, data: pd.DataFrame | None = None) -> Drawing:
    """A figure as bytes without dates or versions in them."""
    # The layout is found once and kept: it takes longer than drawing, and is the same for both.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    vector, raster = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Title": title})
    figure.savefig(raster, format="png", metadata={"Software": None, "Title": title})
    return Drawing(key, title, caption, alt, vector.getvalue(), raster.getvalue(), data)


def write_drawings(drawings: Sequence[Drawing], folder: Path) -> None:
    """Write `<key>.svg`, `<key>.png` and, where there are numbers, `<key>.csv`; `index.json` names them all."""
    for drawing in drawings:
        write_text(folder / f"{drawing.key}.svg", drawing.svg)
        with replacing(folder / f"{drawing.key}.png") as temporary:
            temporary.write_bytes(drawing.png)
        if drawing.data is not None:
            text = drawing.data.to_csv(index=False, lineterminator="\n", float_format="%.6g")
            write_text(folder / f"{drawing.key}.csv", text)
    index = [
        {"key": one.key, "title": one.title, "caption": one.caption, "alt": one.alt, "data": one.data is not None}
        for one in drawings
    ]
    write_text(folder / "index.json", json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def shortened(label: str, most: int = 28) -> str:
    """A label that fits beside an axis."""
    return label if len(label) <= most else f"{label[: most - 1]}…"
