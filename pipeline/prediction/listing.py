"""The recordings that a user names: files, folders, patterns, and tables of paths."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, did_you_mean, listed, printable
from pipeline.corpora.base import AUDIO_ENDINGS, is_system_file, list_folder

TABLES = (".csv", ".tsv")
"""Endings of tables of paths."""

COLUMN = "path"
"""Column of such a table."""


@dataclass(frozen=True)
class Listing:
    """Recordings to predict.

    Attributes:
        paths: each file once, in the order in which it was named.
        notes: what was left out, a line each.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def list_recordings(arguments: Sequence[str]) -> Listing:
    """All recordings that arguments of a command line name.

    Args:
        arguments: each a file; a folder, of which all recordings at any depth are taken; a pattern such as
            `speech/**/*.wav`; or a CSV or TSV file with a column `path`, whose paths are relative to its folder. A file
            that is named itself need not exist: it becomes a row with an error.

    Raises:
        InputError: a folder cannot be listed or has no recording, a pattern matches nothing, a table has no column
            `path`, or nothing is left.
    """
    found: dict[str, Path] = {}
    notes: list[str] = []
    again = 0
    for argument in arguments:
        for path in _of_argument(argument, notes):
            # One file under two names is two files only if both are links.
            key = os.path.abspath(path)  # noqa: PTH100 (without following links)
            again += key in found
            found.setdefault(key, path)
    if again:
        notes.append(f"{counted(again, 'recording')} named more than once, taken once")
    if not found:
        raise InputError("no recording is named; expected files, folders, patterns, or a CSV with a column path")
    return Listing(tuple(found.values()), tuple(notes))


def _of_argument(argument: str, notes: list[str]) -> Iterator[Path]:
    path = Path(argument).expanduser()
    if path.is_dir():
        yield from _of_folder(path, notes)
    elif path.suffix.lower() in TABLES and path.is_file():
        yield from _of_table(path)
    elif any(one in argument for one in "*?[") and not path.exists():
        yield from _of_pattern(path)
    else:
        yield path


def _of_folder(folder: Path, notes: list[str]) -> Iterator[Path]:
    try:
        listing = list_folder(folder)
    except InputError as error:
        # The listing of a corpus speaks of params.yaml, which has nothing to do with it here.
        raise InputError(str(error).replace("; set its path in params.yaml", "")) from None
    names = [name for name in listing.files if PurePosixPath(name).suffix.lower() in AUDIO_ENDINGS]
    kept = [name for name in names if not is_system_file(PurePosixPath(name))]
    others = [name for name in listing.files if name not in set(kept)]
    if not kept:
        raise InputError(
            f"{printable(str(folder))} has no recording among {counted(len(others), 'file')}; expected files that end "
            f"with {listed(sorted(AUDIO_ENDINGS), most=40)}. A file with another ending can be named itself"
        )
    if others:
        notes.append(
            f"{printable(str(folder))}: {counted(len(others), 'file')} without the ending of a recording, left out: "
            f"{listed(map(printable, others), most=3)}"
        )
    yield from (folder / name for name in kept)


def _of_pattern(path: Path) -> Iterator[Path]:
    top = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
    matches = sorted(one for one in top.glob(pattern) if not one.is_dir())
    if not matches:
        raise InputError(f"no file matches {printable(str(path))}; expected a pattern such as speech/**/*.wav")
    yield from matches


def _of_table(path: Path) -> Iterator[Path]:
    shown = printable(str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            names = rows.fieldnames or []
            if COLUMN not in names:
                raise InputError(
                    f"{shown} has no column {COLUMN}; {did_you_mean(COLUMN, names)}found "
                    f"{listed(map(printable, names)) or 'no columns'}; expected the path of a recording in each row, "
                    "relative to the folder of the table"
                )
            paths = [(row[COLUMN] or "").strip() for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{shown} cannot be read as a table in UTF-8: {error}") from None
    if empty := [number for number, name in enumerate(paths, 2) if not name]:
        raise InputError(
            f"{shown} line {empty[0]}: {COLUMN} is empty ({counted(len(empty), 'such row')}); expected the path of a "
            "recording"
        )
    yield from (path.parent / Path(name).expanduser() for name in paths)
