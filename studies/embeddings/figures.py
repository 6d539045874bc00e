"""Figures 4, 5 and 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from pipeline.figures.colours import ACCENT, INK, SOFT
from pipeline.figures.drawing import Drawing, Look, canvas, finished, styled
from studies.core.labels import model_name
from studies.embeddings.measures import PAPER_RADIUS, RADII
from studies.embeddings.results import curve
from studies.embeddings.runs import MODELS, Labels, Outcome, Points, Sample

SHOWN = 40
"""Number of samples drawn of each class: more would hide each other."""

_COLOURS = (INK, ACCENT, SOFT)
_CURVES: tuple[Look, ...] = (
    {"color": SOFT, "linestyle": "-"},
    {"color": SOFT, "linestyle": (0, (4, 2))},
    {"color": ACCENT, "linestyle": "-"},
    {"color": ACCENT, "linestyle": (0, (4, 2))},
)
"""Two layouts by colour, unshaken and shaken by line; grey and blue differ in lightness."""

Panel = tuple[str, Points, Labels]
"""Title, (samples, 2) embeddings, classes."""


def embedding_drawings(outcomes: Sequence[Outcome]) -> list[Drawing]:
    """Figures 4 and 5 of the first seed, and Figure 6 of all."""
    names = [model_name(*model) for model in MODELS]
    first = {model_name(run.spec.layout, run.spec.shaken): run for run in reversed(outcomes)}

    def panel(model: str, sample: Sample, title: str) -> Panel | None:
        run = first.get(model)
        return (title, run.points[sample], run.labels[sample]) if run is not None and run.points else None

    seed = outcomes[0].spec.seed
    shaken = names[-1]
    return [
        embedding_panels(
            "embeddings_layouts",
            "Embeddings by layout and shaking (Figure 4)",
            "Above, training samples in train mode (shaken where the model is, with the statistics of a batch); below, "
            f"test samples in eval mode. Each sample is drawn as its digit; up to 40 of a class, seed {seed}.",
            [
                [panel(name, "train, train mode", f"{name}: train") for name in names],
                [panel(name, "test, eval mode", f"{name}: test") for name in names],
            ],
        ),
        embedding_panels(
            "embeddings_modes",
            f"The same training samples in train and in eval mode: {shaken} (Figure 5)",
            f"Shaking spreads the samples that lie close together without it. Up to 40 of a class, seed {seed}; each "
            "panel has its own scale.",
            [[panel(shaken, "train, train mode", "train mode"), panel(shaken, "train, eval mode", "eval mode")]],
        ),
        share_curves({
            model_name(*model): [
                curve(run) for run in outcomes if (run.spec.layout, run.spec.shaken) == model and run.points
            ]
            for model in MODELS
        }),
    ]  # fmt: skip


@styled
def embedding_panels(key: str, title: str, caption: str, rows: Sequence[Sequence[Panel | None]]) -> Drawing:
    """Embeddings side by side, each sample as the figure of its class.

    Args:
        key: name of the files.
        title: title of the figure.
        caption: how to read it.
        rows: panels of each row; None where a run diverged.
    """
    columns = max(len(row) for row in rows)
    figure = canvas((1.75 if columns > 2 else 3.1) * len(rows) + 0.2)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    tables = []
    for line, row in zip(grid, rows, strict=True):
        for axis, panel in zip(line, row, strict=True):
            axis.set_xticks([])
            axis.set_yticks([])
            if panel is None:
                axis.text(0.5, 0.5, "diverged", transform=axis.transAxes, ha="center")
                continue
            tables.append(_scatter(axis, *panel))
    names = "; ".join(panel[0] for row in rows for panel in row if panel is not None)
    alt = f"Clouds of points, one a class, around their class centres, in panels: {names}."
    return finished(figure, key, title, caption, alt, pd.concat(tables, ignore_index=True) if tables else None)


@styled
def share_curves(curves: Mapping[str, Sequence[NDArray[np.float64]]]) -> Drawing:
    """Figure 6: mean share within a relative distance, and the range over seeds.

    Args:
        curves: (radii,) curves in percent by model, one for each seed.
    """
    figure = canvas(3.2)
    axis = figure.subplots()
    table = pd.DataFrame({"relative_distance": RADII})
    at = int(np.argmin(np.abs(RADII - PAPER_RADIUS)))
    shares = []
    for number, (model, runs) in enumerate(curves.items()):
        if not runs:
            continue
        stacked = np.stack(runs)
        look = _CURVES[number % len(_CURVES)]
        axis.plot(RADII, stacked.mean(axis=0), label=model, **look)
        axis.fill_between(RADII, stacked.min(axis=0), stacked.max(axis=0), color=look["color"], alpha=0.12, linewidth=0)
        table[model] = stacked.mean(axis=0)
        shares.append(f"{model} {stacked[:, at].mean():.0f} %")
    axis.axvline(PAPER_RADIUS, color=SOFT, linewidth=0.8, linestyle=(0, (1, 3)))
    axis.set_xlabel("Distance to the class centre, relative to the largest in train mode")
    axis.set_ylabel("Training samples within (%)")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 101)
    axis.grid(axis="y")
    axis.legend(loc="lower right")
    return finished(
        figure,
        "embeddings_share_within",
        "Share of a class within a relative distance of its centre (Figure 6)",
        "Training embeddings in eval mode; the unit is the largest distance of the class in train mode, so shaking, "
        "which widens classes in train mode, moves a curve left. Mean over classes and seeds, and the range over "
        f"seeds. The dotted line is the paper's example, {PAPER_RADIUS}.",
        f"Rising curves; within {PAPER_RADIUS}: {', '.join(shares)}.",
        table,
    )


def _scatter(axis: Axes, title: str, points: Points, labels: Labels) -> pd.DataFrame:
    """Draw one panel, and give what was drawn as a table."""
    tables = []
    for number, label in enumerate(np.unique(labels)):
        own = points[labels == label][:SHOWN]
        colour = _COLOURS[number % len(_COLOURS)]
        digit = TextPath((-0.32, -0.36), str(label), size=1)
        axis.scatter(own[:, 0], own[:, 1], s=14, marker=digit, color=colour, linewidths=0, alpha=0.85)
        tables.append(pd.DataFrame({"panel": title, "class": label, "x": own[:, 0], "y": own[:, 1]}))
    axis.set_title(title, fontsize=7.5)
    axis.set_aspect("equal", "datalim")
    return pd.concat(tables, ignore_index=True)
