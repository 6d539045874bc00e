"""A table as a value, before it is formatted: columns, parts, cells and the notes below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EMPTY = "—"
"""Printed where there is no value; the CSV has an empty cell."""


@dataclass(frozen=True)
class Cell:
    """A formatted value, its significance markers, and what is printed where that is not the value.

    `mark` stands before the value: the paper's test. `corrected` stands after it: those of the same markers that the
    deciding test confirms.
    """

    value: str = ""
    mark: str = ""
    shown: str = ""
    corrected: str = ""

    @property
    def printed(self) -> str:
        """The cell as it is printed."""
        return self.mark + (self.shown or self.value or EMPTY) + self.corrected


Row = Mapping[str, Cell]
"""Cells by the key of their column; a column without a cell is empty."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: its name in the CSV; the markers have a column `<key>_mark` of their own when `marked`.
        header: its name in print.
        marked: whether its values may carry markers.
        corrected: whether they may also carry markers of the deciding test, in a column `<key>_mark_corrected`.
        number: whether it is aligned to the right.
        grouped: whether a value that repeats the row above is left blank in print, as the paper does.
        where: the CSV alone, print alone, or both.
    """

    key: str
    header: str
    marked: bool = False
    corrected: bool = False
    number: bool = True
    grouped: bool = False
    where: Literal["both", "csv", "print"] = "both"


@dataclass(frozen=True)
class Part:
    """Rows under one title: a table has one part for each selection of epochs, or a single part without a name."""

    rows: tuple[Row, ...]
    selection: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A whole table; `notes` hold for every part. `measured`: it holds a result from here, not published ones alone."""

    key: str
    title: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    measured: bool = True

    def printed_columns(self) -> tuple[Column, ...]:
        """The columns in print, left to right."""
        return tuple(column for column in self.columns if column.where != "csv")

    def printed_rows(self, part: Part, *, repeat: bool = False) -> list[list[str]]:
        """The cells in print: markers before values, repeated group names blank unless `repeat`."""
        printed: list[list[str]] = []
        above: list[str] = []
        for row in part.rows:
            full = [row.get(column.key, Cell()).printed for column in self.printed_columns()]
            blank = [
                not repeat and column.grouped and bool(above) and full[: position + 1] == above[: position + 1]
                for position, column in enumerate(self.printed_columns())
            ]
            printed.append(["" if hide else text for hide, text in zip(blank, full, strict=True)])
            above = full
        return printed
