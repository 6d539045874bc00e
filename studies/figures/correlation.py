"""Correlation of branches by block, and of their layers by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reporting.figures.drawing import FILLS, INK, Drawing, canvas, finished, styled
from studies.correlation import OUTPUT


@styled
def block_figure(table: pd.DataFrame) -> Drawing:
    """Correlation of the two outputs of every block.

    Args:
        table: rows of `studies.correlation.table`.
    """
    outputs = table[table["pair"] == OUTPUT]
    return _bars(
        outputs.assign(place="Block " + outputs["block"].astype(str)),
        "correlation_blocks",
        "Correlation of the two branches, block by block",
        "Over all test images, channels and positions, in eval mode; bars are means over seeds, lines 95 % intervals.",
    )


@styled
def layer_figure(table: pd.DataFrame) -> Drawing:
    """Mean correlation over blocks of every pair of layers.

    Args:
        table: rows of `studies.correlation.table`.
    """
    pairs = table[table["pair"] != OUTPUT]
    mean = pairs.groupby(["model", "pair"], sort=False, as_index=False)["correlation"].mean()
    return _bars(
        mean.assign(place=mean["pair"], ci_low=np.nan, ci_high=np.nan),
        "correlation_layers",
        "Correlation of a layer of the left branch with one of the right",
        "L1R3 is the first layer of the left branch with the third of the right, counted from the first convolution; "
        "means over blocks and seeds.",
    )


def _bars(table: pd.DataFrame, key: str, title: str, caption: str) -> Drawing:
    """Groups of bars at each `place`, one a model."""
    figure = canvas(2.8)
    axis = figure.subplots()
    places = list(dict.fromkeys(table["place"]))
    models = list(dict.fromkeys(table["model"]))
    width, said = 0.8 / max(1, len(models)), []
    for number, model in enumerate(models):
        own = table[table["model"] == model].set_index("place").reindex(places)
        at = np.arange(len(places)) + (number - (len(models) - 1) / 2) * width
        errors = np.stack([own["correlation"] - own["ci_low"], own["ci_high"] - own["correlation"]])
        axis.bar(at, own["correlation"], width, label=str(model), **FILLS[number])
        axis.errorbar(at, own["correlation"], errors, fmt="none", ecolor=INK, linewidth=1)
        said.append(f"{model}: " + ", ".join(f"{p} {v:.2f}" for p, v in own["correlation"].items()))
    axis.set_xticks(range(len(places)), places)
    axis.set_ylabel("Correlation")
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.grid(axis="y")
    axis.legend()
    return finished(figure, key, title, caption, f"Bars. {'; '.join(said)}.", table)
