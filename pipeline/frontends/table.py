"""Features or embeddings that the user computed, from a table keyed by utterance or path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Utterance
from pipeline.core.settings import Count, Text
from pipeline.core.wording import counted, listed
from pipeline.frontends.base import Cmvn, FrontEnd, FrontEndOptions
from pipeline.frontends.content import file_hash
from pipeline.frontends.keyed_rows import KeyedRows, KeyKind, Layout, read_layout, read_rows


class TableOptions(FrontEndOptions):
    """Options of a table.

    Attributes:
        path: CSV, TSV, Parquet or NPZ file.
        key: whether its keys are keys of utterances, or paths of recordings in the folder of their corpus; `auto`: by
            the name of its column.
        rows: one row or many rows for each utterance.
        shift: with many rows, the number of 10 ms from one row to the next; null: the rows of an utterance are spread
            evenly over it.
        ignore: columns that are not features.
    """

    path: Text
    key: KeyKind = "auto"
    rows: Literal["one", "many"] = "one"
    shift: Count | None = None
    ignore: tuple[Text, ...] = ()

    def completed(self, cmvn: Cmvn, entries: Mapping[str, FrontEndOptions]) -> TableOptions:
        """See `FrontEndOptions.completed`; only many rows have a shift."""
        if self.shift is not None and self.rows == "one":
            raise InputError(f"shift: {self.shift}; with one row an utterance there is none; remove it, or set `rows`")
        return self


class TableFrontEnd(FrontEnd[TableOptions]):
    """Rows of a file in place of features of samples.

    With one row for each utterance, all its segments get that row. With many rows, a segment gets the rows of its time.
    With `shift`, row k begins at 10 ms x shift x k, and a segment of n frames has ceil(n / shift) rows. Without
    `shift`, the rows divide the utterance into equal parts, and a segment gets the rows whose middle lies in it, or at
    least the nearest row.
    """

    options_class = TableOptions
    reads_audio = False
    fills_non_finite = True
    column = "feature"

    def __init__(self, options: TableOptions) -> None:
        super().__init__(options)
        self.framewise = options.rows == "many"
        self.shift = options.shift if self.framewise else 1

    @property
    def _path(self) -> Path:
        return Path(self.options.path).expanduser()

    @property
    def _layout(self) -> Layout:
        return read_layout(self._path, self.options.key, self.options.ignore)

    @property
    def _rows(self) -> KeyedRows:
        """Read once in each process: front ends are sent to worker processes."""
        return read_rows(self._path, self.options.key, self.options.ignore)

    @property
    def dims(self) -> int:
        """See `FrontEnd.dims`."""
        return self._layout.dims

    def refuse_if_not_installed(self) -> None:
        """See `FrontEnd.refuse_if_not_installed`; the file must be there, with keys and features."""
        if self._path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
            raise InputError(
                "the front end table needs pyarrow to read Parquet, which is not installed; "
                "`pip install -c constraints.txt -e '.[parquet]'` installs it"
            )
        _ = self._layout

    def identity(self) -> dict[str, Any]:
        """The content of the file."""
        return {"table": file_hash(self._path)}

    @property
    def files(self) -> tuple[str, ...]:
        """See `FrontEnd`."""
        return (self.options.path,)

    def account(self, recordings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """See `FrontEnd.account`: every recording has its rows; keys of no recording are counted."""
        table, path = self._rows, self.options.path
        found = {name: self._key_of(*name) for name in recordings}
        if missing := [self._wanted(*name)[0] for name, key in found.items() if key is None]:
            shown = f" ({listed(table.rows, 3)})" if table.rows else ""
            raise InputError(
                f"{path} has no row of {len(missing)} of {counted(len(recordings), 'recording')} ({listed(missing)}); "
                f"it has {counted(len(table.rows), 'key')}{shown}; expected every utterance of the "
                "corpus; add the rows, or leave the recordings out with `exclude` or a smaller table of the corpus"
            )
        if self.options.rows == "one" and (
            twice := [f"{key} ({len(rows)} rows)" for key, rows in table.rows.items() if len(rows) > 1]
        ):
            raise InputError(
                f"{path} has {counted(len(twice), 'key')} more than once: {listed(twice)}; expected one row each, "
                "or set `rows: many`"
            )
        notes = []
        if nameless := self._layout.nameless:
            notes.append(f"{path}: {counted(nameless, 'column')} without a name, taken for row numbers, left out")
        if surplus := sorted(set(table.rows) - set(found.values())):
            notes.append(
                f"{path}: {len(surplus)} of {counted(len(table.rows), 'key')} belong to no recording of this corpus: "
                f"{listed(surplus)}"
            )
        return tuple(notes)

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`."""
        table, key = self._rows, self._key_of(utterance.key, utterance.path)
        if key is None:
            raise InputError(f"{self.options.path} has no row of {self._wanted(utterance.key, utterance.path)[0]}")
        values = table.values[table.rows[key]]
        if not self.framewise:
            return [values.copy() for _ in utterance.bounds]
        total = max(start + length for start, length in utterance.bounds)
        if self.shift is None:
            return [_spread(values, total, start, length) for start, length in utterance.bounds]
        self._refuse_other_length(key, len(values), total)
        firsts = [(start // self.shift, -(-length // self.shift)) for start, length in utterance.bounds]
        return [values[np.minimum(np.arange(first, first + n), len(values) - 1)] for first, n in firsts]

    def _wanted(self, key: str, path: str) -> list[str]:
        """The keys under which the table may have an utterance."""
        names = {"utterance": key, "path": path}
        kind = self._layout.key or self.options.key
        return [key, path] if kind == "auto" else [names[kind]]

    def _key_of(self, key: str, path: str) -> str | None:
        rows = self._rows.rows
        return next((name for name in self._wanted(key, path) if name in rows), None)

    def _refuse_other_length(self, key: str, rows: int, frames: int) -> None:
        """Rows at the ends may lack, since front ends differ in the frames that they leave out there."""
        assert self.shift is not None  # noqa: S101 (the caller asked)
        expected = -(-frames // self.shift)
        if abs(rows - expected) > max(3, expected // 20):
            raise InputError(
                f"{self.options.path} has {counted(rows, 'row')} of {key}; expected about {expected}, one every "
                f"{10 * self.shift} ms of its {frames / 100:.2f} s; correct `shift`, or set it to null, which "
                "spreads the rows evenly"
            )


def _spread(values: Matrix, total: int, start: int, length: int) -> Matrix:
    """The rows whose middle lies in a segment, when they divide `total` frames into equal parts; at least one."""
    middles = (np.arange(len(values)) + 0.5) * total / len(values)
    inside = np.flatnonzero((middles >= start) & (middles < start + length))
    return values[inside if len(inside) else [int(np.abs(middles - start - length / 2).argmin())]]


FRONT_END = TableFrontEnd
