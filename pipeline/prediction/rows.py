"""Predictions as rows, and rows as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SAMPLE_RATE, SHIFT, WINDOW
from pipeline.core.errors import InputError
from pipeline.core.files import replacing
from pipeline.core.wording import printable
from pipeline.prediction.ensemble import Ensemble
from pipeline.prediction.segments import Scored

Per = Literal["utterance", "segment"]
Row = dict[str, Any]
"""A row by column; numbers are rounded, and what is not known is None."""

FORMATS = (".csv", ".json", ".parquet")
DIGITS = 6

_FORMULA = ("=", "+", "-", "@")


def columns(ensemble: Ensemble, per: Per) -> list[str]:
    """The columns of the rows, in their order."""
    names = [printable(name) for name in ensemble.classes]
    several = len(ensemble.members) > 1
    return [
        "path",
        *(["segment", "start_s", "end_s"] if per == "segment" else []),
        "predicted",
        *(f"p_{name}" for name in names),
        *((f"spread_{name}" for name in names) if several else ()),
        "seconds",
        "notes",
        "error",
    ]


def rows_of(path: Path, scored: Scored, ensemble: Ensemble, per: Per) -> list[Row]:
    """The rows of a recording: one, or one for each segment.

    `p_<class>` is the mean probability over segments and classifiers, `spread_<class>` the standard deviation over
    classifiers. Times are in seconds; a segment ends with its last window of 25 ms.
    """
    shared = {"path": _cell(path), "seconds": round(scored.seconds, 3), "notes": printable("; ".join(scored.notes))}
    if per == "utterance":
        return [{**shared, **_probabilities(*scored.of_utterance, ensemble), "error": None}]
    return [
        {
            **shared,
            "segment": number,
            "start_s": round(start * SHIFT / SAMPLE_RATE, 3),
            "end_s": round(((start + length - 1) * SHIFT + WINDOW) / SAMPLE_RATE, 3),
            **_probabilities(mean, spread, ensemble),
            "error": None,
        }
        for number, ((start, length), mean, spread) in enumerate(
            zip(scored.bounds, scored.probabilities, scored.spread, strict=True), 1
        )
    ]


def row_of_error(path: Path, reason: str) -> Row:
    """The row of a recording that cannot be used; everything else is empty."""
    return {"path": _cell(path), "error": printable(reason)}


def _probabilities(mean: NDArray[np.float64], spread: NDArray[np.float64], ensemble: Ensemble) -> Row:
    names = [printable(name) for name in ensemble.classes]
    return {
        "predicted": names[int(mean.argmax())],
        **{f"p_{name}": round(float(value), DIGITS) for name, value in zip(names, mean, strict=True)},
        **{f"spread_{name}": round(float(value), DIGITS) for name, value in zip(names, spread, strict=True)},
    }


def _cell(path: Path) -> str:
    """A path that no spreadsheet takes for a formula: one that begins like a formula gets `./` in front."""
    shown = printable(str(path))
    return f"./{shown}" if shown.startswith(_FORMULA) else shown


def refuse_output(path: Path, *, overwrite: bool) -> None:
    """Make sure, before anything long begins, that a file can be written.

    Raises:
        InputError: its ending is none of `FORMATS`, or needs a package that is not installed; it exists; or its folder
            does not exist or cannot be written.
    """
    shown = printable(str(path))
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"{shown}: unknown ending {path.suffix!r}; expected a file that ends with {', '.join(FORMATS)}"
        )
    if path.is_dir():
        raise InputError(f"{shown} is a folder; expected the name of a file")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise InputError(
            f"{shown}: Parquet needs pyarrow, which is not installed; `pip install -c constraints.txt -e "
            "'.[parquet]'` installs it"
        )
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{shown} exists; expected a new file, or --overwrite to replace it")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"the folder {printable(str(folder))} does not exist; make it, or name another file")
    try:
        # What is allowed, only the attempt shows: to an administrator everything seems to be.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        shown = printable(str(folder))
        raise InputError(f"the folder {shown} cannot be written ({error.strerror}); name a file elsewhere") from None


@contextmanager
def writing(path: Path, names: Sequence[str]) -> Iterator[Callable[[Row], None]]:
    """Yield a function that takes rows, which are in the file when the block ends, and not before.

    A block that ends with an exception leaves the rows so far in `<name>.partial.csv`, so that hours of work are not
    lost.
    """
    with replacing(path) as temporary:
        if path.suffix.lower() == ".csv":
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                table = TableWriter(stream, names)
                try:
                    yield table.write
                except BaseException:
                    _keep(path, temporary, stream, table.rows)
                    raise
            return
        rows: list[Row] = []
        try:
            yield rows.append
        except BaseException:
            if rows:
                with _partial(path).open("w", encoding="utf-8", newline="") as stream:
                    table = TableWriter(stream, names)
                    for row in rows:
                        table.write(row)
            raise
        if path.suffix.lower() == ".json":
            temporary.write_text(_json(rows, names), encoding="utf-8")
        else:
            _write_parquet(rows, names, temporary)


class TableWriter:
    """CSV with a header, a row at a time."""

    def __init__(self, stream: IO[str], names: Sequence[str]) -> None:
        self._table = csv.DictWriter(stream, names, restval="", extrasaction="ignore", lineterminator="\n")
        self._table.writeheader()
        self.rows = 0

    def write(self, row: Row) -> None:
        """Write a row; probabilities have six digits."""
        self._table.writerow({name: _text(value) for name, value in row.items()})
        self.rows += 1


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.stem}.partial.csv")


def _keep(path: Path, temporary: Path, stream: IO[str], rows: int) -> None:
    """Leave the rows that are finished beside the file that was asked for."""
    stream.flush()
    if rows:
        _partial(path).write_bytes(temporary.read_bytes())


def _json(rows: Sequence[Row], names: Sequence[str]) -> str:
    """A list of objects, one line each."""
    lines = ",\n".join(json.dumps({name: row.get(name) for name in names}, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n"


def _write_parquet(rows: Sequence[Mapping[str, Any]], names: Sequence[str], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    texts = {"path", "predicted", "notes", "error"}
    kinds = {
        name: pyarrow.string() if name in texts else pyarrow.int64() if name == "segment" else pyarrow.float64()
        for name in names
    }
    table = pyarrow.table({name: pyarrow.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})
    pyarrow.parquet.write_table(table, path)
