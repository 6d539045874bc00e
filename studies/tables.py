"""The studies' tables as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.files import write_text


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table atomically; an empty cell is a number that there is not."""
    write_text(path, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
