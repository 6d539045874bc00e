"""The map of the cross-corpus matrix."""

import numpy as np
import pandas as pd

from pipeline.evaluation.tables import CELLS
from pipeline.evaluation.terms import OTHERS
from pipeline.figures.cross_corpus import cross_corpus_maps

NAMES = {"a": "First", "b": "Second"}


def cell(training, validation, ua, chance=25.0, low=np.nan, classes=4):
    row = ("m", "last", "segment", training, validation, 1, 3, 30, classes, "", chance, ua, low, low + 20, ua)
    return dict(zip(CELLS.columns, row, strict=True))


def test_every_cell_has_its_ua_and_chance_and_what_does_not_pass_chance_is_hatched():
    cells = pd.DataFrame([
        cell("a", "b", 61.4, low=50.0), cell("b", "a", 30.2, chance=33.3, low=20.0, classes=3), cell(OTHERS, "a", 70.6, low=60.0),
        cell(OTHERS, "b", np.nan, chance=np.nan, classes=0),
    ])  # fmt: skip
    drawing = cross_corpus_maps(cells, {"m": "Model $x$"}, {**NAMES, OTHERS: OTHERS}, NAMES, "last epoch")
    for text in ("61", "30", "71", "25", "33", "no common class", "Model $x$", "First", "all others", "·"):
        assert f">{text}</text>" in drawing.svg
    assert drawing.svg.count("<pattern") == 1
    assert drawing.alt == (
        "One map a model. Model $x$: furthest above chance trained on all others and validated on First, 71 %."
    )
    again = cross_corpus_maps(cells, {"m": "Model $x$"}, {**NAMES, OTHERS: OTHERS}, NAMES, "last epoch")
    assert (again.svg, again.png) == (drawing.svg, drawing.png)
