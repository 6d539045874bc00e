"""Where a study leaves its table and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.files import write_text
from pipeline.reporting.figures.drawing import Drawing, write_drawings

RESULTS = Path("studies/results")


def write_study(name: str, table: pd.DataFrame, drawings: Sequence[Drawing], results: Path = RESULTS) -> None:
    """Write `<name>.csv`, and the figures to the folder `<name>`."""
    write_text(results / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    write_drawings(drawings, results / name)
    print(f"{name}: {len(table)} rows in {results / f'{name}.csv'}, {len(drawings)} figures beside it")
