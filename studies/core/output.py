"""The tables and figures of a study as files in `studies/results/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.core.files import write_text
from pipeline.figures.drawing import Drawing, write_drawings

RESULTS = Path("studies/results")


def save(study: str, tables: Mapping[str, pd.DataFrame], drawings: Sequence[Drawing] = ()) -> None:
    """Write `<name>.csv` for each table, and the drawings to a folder named after the study.

    Args:
        study: the name of the study.
        tables: the tables by name; an empty cell is a number that does not exist.
        drawings: the figures.
    """
    for name, table in tables.items():
        write_text(RESULTS / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    if drawings:
        write_drawings(drawings, RESULTS / study)
