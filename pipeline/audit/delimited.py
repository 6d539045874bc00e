"""Lists with named columns: CSV with commas, semicolons or tabs, EMO-SUPERB's partitions, our folds."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.audit.columns import guess, most_heard, soft_labels
from pipeline.audit.entries import ROLES, Entry, Listing
from pipeline.audit.files import refuse_controls, shown
from pipeline.audit.ours import completed
from pipeline.core.errors import InputError
from pipeline.core.wording import listed, printable
from pipeline.corpora.tabular import GENDERS

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def read_delimited(path: Path, text: str, named: Mapping[str, str]) -> Listing:
    """Read a list with named columns.

    Args:
        path: the file, for messages and, for our folds, for what lies beside it.
        text: its text.
        named: column of each role that the user names.

    Raises:
        InputError: it is no such table; a row has too many or too few cells; no column names recordings or speakers; a
            cell has a control character.
    """
    where = shown(path)
    columns, rows = _rows(text, where)
    roles = guess(columns, named)
    notes: list[str] = []
    free = [column for column in columns if column not in roles]
    heard = [] if "label" in roles.values() else soft_labels(free, rows)
    if heard:
        free = [column for column in free if column not in heard]
        notes.append(f"the class is the emotion that most listeners heard, of {', '.join(map(printable, heard))}")
    if not {"name", "speaker"} & set(roles.values()):
        raise InputError(
            f"{where} has the columns {listed(map(printable, columns), most=20)}, and none of them names recordings or "
            "speakers; expected one called path, file or utterance, or one called speaker or actor; say which one is "
            "it with --column name=... or --column speaker=..."
        )
    form = "a table with columns"
    if heard and "part" in roles.values():
        form = "EMO-SUPERB's partition"
    entries = tuple(_entry(row, roles, heard, where, line) for line, row in enumerate(rows, start=2))
    return completed(Listing(path, form, entries, roles, tuple(map(printable, free)), tuple(notes)), columns)


def _rows(text: str, where: str) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a table."""
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    table: list[dict[str, str]] = []
    columns: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [cell.strip() for cell in cells]
                _check_header(columns, where)
            elif len(cells) != len(columns):
                raise InputError(
                    f"{where} line {reader.line_num}: {len(cells)} cells; expected {len(columns)}, one for each of "
                    f"{listed(map(printable, columns), most=20)}, with {DELIMITERS[delimiter]} between them"
                )
            else:
                table.append(dict(zip(columns, (cell.strip() for cell in cells), strict=True)))
    except csv.Error as error:
        raise InputError(
            f"{where} line {reader.line_num}: {error}; expected CSV with {DELIMITERS[delimiter]}"
        ) from None
    if not table:
        raise InputError(f"{where} has no row below its header; expected one for each recording")
    return columns, table


def _check_header(columns: Sequence[str], where: str) -> None:
    for column in columns:
        refuse_controls(column, f"{where} line 1: the column")
    if twice := [name for name in dict.fromkeys(columns) if columns.count(name) > 1]:
        raise InputError(f"{where} has the column {twice[0]!r} more than once; expected it once; remove one")


def _entry(row: Mapping[str, str], roles: Mapping[str, str], heard: Sequence[str], where: str, line: int) -> Entry:
    values = dict.fromkeys(ROLES, "")
    for column, role in roles.items():
        refuse_controls(row[column], f"{where} row {line}: {printable(column)}")
        values[role] = row[column]
    values["gender"] = GENDERS.get(values["gender"].lower(), "")
    if heard:
        values["label"] = most_heard(row, heard)
    return Entry(**values)
