"""Tables of the user's own that list recordings: a published split, or the recordings of a test."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, did_you_mean, enumerated, listed
from pipeline.folds.parts import DEV, TEST, TRAIN, UNUSED, VALID, Parts
from pipeline.folds.people import Integers

EXTERNAL = PurePosixPath("external")
"""The folder of files that DVC watches for stages that read them."""

KEYS = ("utterance", "path", "actor")
"""Columns by which a table may name recordings; the first one in the table counts. It may also have `corpus`."""

WORDS: Mapping[str, str] = {
    "train": TRAIN, "training": TRAIN, "valid": VALID, "validation": VALID, "val": VALID, "dev": DEV, "devel": DEV,
    "development": DEV, "test": TEST, "unused": UNUSED,
}  # fmt: skip
"""Names of parts that a table may use."""


@dataclass(frozen=True)
class Listed:
    """A table of the user's own, by recording.

    Attributes:
        where: its path, for messages.
        rows: (recordings,) number of the row of each recording, -1 for one without a row.
        table: its rows, as texts; the index has the numbers of their lines.
        known: number of rows of recordings that are left out here (data/rejected).
    """

    where: str
    rows: Integers
    table: pd.DataFrame
    known: int


def read_listed(
    name: str, option: str, recordings: pd.DataFrame, rejected: pd.DataFrame, root: Path = Path()
) -> Listed:
    """Read a table that lists recordings.

    Args:
        name: path of the CSV, in `external/`.
        option: the option of params.yaml that names it, for messages.
        recordings: rows of `recordings_of`.
        rejected: rows of `tables.REJECTED`: recordings that a published list may name though they are left out here.
        root: the repository root.

    Raises:
        InputError: it cannot be read, has no key, names something that is no recording, or a recording in two ways.
    """
    table = _read(name, option, root)
    key = next((one for one in KEYS if one in table), None)
    if key is None:
        raise InputError(
            f"{name} has no column {', '.join(KEYS[:-1])} or {KEYS[-1]}; found {', '.join(table.columns)}; expected "
            "one of them in a CSV with commas, and `corpus` beside path or actor where two corpora have the same"
        )
    with_corpus = "corpus" in table and key != "utterance"
    own = recordings[key] if not with_corpus else recordings["corpus"] + "/" + recordings[key]
    theirs = table[key] if not with_corpus else table["corpus"] + "/" + table[key]
    _refuse_empty(table, key, name)
    unknown = ~theirs.isin(set(own))
    left_out = theirs.isin(_left_out(rejected, key, with_corpus=with_corpus)) & unknown
    if (wrong := theirs[unknown & ~left_out]).size:
        first = str(wrong.iloc[0])
        raise InputError(
            f"{name} line {wrong.index[0]}: {key} {first!r} is no recording of data/utterances or data/rejected; "
            f"{did_you_mean(first, set(own))}{_more(len(wrong))}expected the {_meaning(key)} of configured corpora, "
            f"such as {own.iloc[0]!r}; correct or remove the row{'s' if len(wrong) > 1 else ''}"
        )
    _refuse_twice(table, theirs, key, name)
    if not with_corpus and key != "utterance":
        _refuse_ambiguous(recordings, key, set(theirs), name)
    position = pd.Series(range(len(table)), index=theirs).groupby(level=0).first()
    rows = own.map(position).fillna(-1).to_numpy().astype(np.int64)
    return Listed(name, rows, table, int(left_out.sum()))


def _read(name: str, option: str, root: Path) -> pd.DataFrame:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != EXTERNAL.parts:
        raise InputError(
            f"{option}: {name!r} is not in {EXTERNAL}/; expected a CSV there, such as {EXTERNAL}/split.csv, so that "
            "DVC sees when it changes; copy it there"
        )
    try:
        with (root / path).open(encoding="utf-8-sig", newline="") as stream:
            lines, numbers = _lines(stream)
    except FileNotFoundError:
        raise InputError(f"{option}: {name} does not exist; expected a CSV with a row for each recording") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{option}: {name} cannot be read as CSV in UTF-8: {error}; save it again") from None
    if len(lines) < 2:
        raise InputError(
            f"{option}: {name} lists nothing; expected a line of column names, and a row for each recording"
        )
    header, *rows = ([cell.strip() for cell in line] for line in lines)
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise InputError(f"{name} has the column {', '.join(twice)} more than once; expected it once")
    for number, row in zip(numbers[1:], rows, strict=True):
        if len(row) != len(header):
            raise InputError(f"{name} line {number}: {counted(len(row), 'cell')}; expected {len(header)}")
    return pd.DataFrame(rows, index=numbers[1:], columns=header, dtype=str)


def _lines(stream: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    """The lines of a CSV that are not blank, and the number of the line of the file that each begins on."""
    reader = csv.reader(stream, strict=True, skipinitialspace=True)
    lines: list[list[str]] = []
    numbers: list[int] = []
    before = 0
    for line in reader:
        if line:
            lines.append(line)
            numbers.append(before + 1)
        before = reader.line_num
    return lines, numbers


def _refuse_empty(table: pd.DataFrame, key: str, name: str) -> None:
    for column in (key, *(one for one in ("corpus",) if one in table)):
        if (empty := table[column] == "").any():
            raise InputError(
                f"{name} line {table.index[int(empty.to_numpy().argmax())]}: {column} is empty; every row needs it"
            )


def _refuse_twice(table: pd.DataFrame, names: pd.Series[str], key: str, name: str) -> None:
    """Refuse a recording that stands there twice with different values."""
    columns = _values(table)
    different = table[columns].assign(key=names).drop_duplicates()
    second = different["key"].duplicated()
    if second.any():
        row, at = different[second].iloc[0], different.index[second][0]
        same = different["key"] == row["key"]
        first, before = different[same].iloc[0], different.index[same][0]
        column = next(one for one in columns if first[one] != row[one])
        raise InputError(
            f"{name} line {at}: {key} {row['key']!r} has {column} {row[column]}, and on line {before} "
            f"{first[column]}; expected each in one part; remove one of the rows"
        )


def _refuse_ambiguous(recordings: pd.DataFrame, key: str, names: Collection[str], name: str) -> None:
    found = recordings[recordings[key].isin(names)].groupby(key)["corpus"].nunique()
    if (found > 1).any():
        first = str(found.index[found > 1][0])
        corpora = sorted(set(recordings.loc[recordings[key] == first, "corpus"]))
        raise InputError(
            f"{name}: {key} {first!r} is in {enumerated(corpora)}; expected a column `corpus` that says which is meant"
        )


def _left_out(rejected: pd.DataFrame, key: str, *, with_corpus: bool) -> set[str]:
    """Names of recordings that exist and are left out, as far as their paths show them."""
    paths, corpora = rejected["path"].astype(str), rejected["corpus"].astype(str)
    if key == "path":
        return set(corpora + "/" + paths if with_corpus else paths)
    if key == "utterance":
        return {f"{corpus}-{PurePosixPath(path).stem}" for corpus, path in zip(corpora, paths, strict=True)}
    names = rejected["reason"].astype(str).str.extract(r"^excluded actor: (.+)$")[0]
    known = rejected.assign(actor=names).dropna(subset="actor")
    return set(known["corpus"] + "/" + known["actor"] if with_corpus else known["actor"])


def _meaning(key: str) -> str:
    return {"utterance": "utterance keys", "path": "paths within the folder", "actor": "actors"}[key]


def _more(number: int) -> str:
    return f"so are {number - 1} more rows; " if number > 1 else ""


def _values(table: pd.DataFrame) -> list[str]:
    """The columns that say where a recording belongs."""
    columns = map(str, table.columns)
    return [one for one in columns if one in ("fold", "part") or (one.startswith("part") and one[4:].isdigit())]


def split_of(listed_rows: Listed, recordings: pd.DataFrame, folds: int) -> list[Parts]:
    """The parts of each fold, as a table of the user's own gives them.

    The table has a column `fold` (the fold that validates a recording), `part` (of the one fold), or `part1`, `part2`
    and so on.

    Raises:
        InputError: a recording is missing, a value is wrong, or a part is empty.
    """
    table, where = listed_rows.table, listed_rows.where
    values = _values(table)
    missing = recordings.loc[listed_rows.rows < 0, "utterance"]
    if len(missing):
        how = (
            "; columns `part1`, `part2` and so on may say `unused`, which `fold` cannot"
            if values == ["fold"]
            else (", with the part `unused` if no run shall see them")
        )
        raise InputError(
            f"{where} has no row of {len(missing)} of {counted(len(recordings), 'recording')} ({listed(missing, 3)}); "
            f"expected every recording of the configured corpora; add them{how}"
        )
    named = [f"part{fold}" for fold in range(1, folds + 1)]
    if values == ["fold"]:
        found = _by_fold(listed_rows, folds)
    elif values == ["part"] and folds == 1:
        found = [_by_part(listed_rows, "part")]
    elif sorted(values) == sorted(named):
        found = [_by_part(listed_rows, column) for column in named]
    else:
        wanted = "fold, part, or part1 and part2 and so on"
        raise InputError(
            f"{where} has the columns {', '.join(table.columns)}, and partition.folds is {folds}; expected either "
            f"`fold`, or {'`part`' if folds == 1 else f'`part1` to `part{folds}`'}"
            + ("" if values else f" (found none of {wanted})")
            + (". With a column `part` there is one fold: set partition.folds to 1" if values == ["part"] else "")
        )
    for fold, parts in enumerate(found, start=1):
        for part in (TRAIN, VALID):
            if not (parts == part).any():
                raise InputError(
                    f"{where}: fold {fold} has no recording in the part `{part}`; expected some in train and valid "
                    "(parts are train, valid, dev, test and unused; what accuracies are reported on is valid)"
                )
    tests = [parts == TEST for parts in found]
    if any((one != tests[0]).any() for one in tests):
        raise InputError(f"{where}: the part `test` is not the same in all folds; expected one test, or `valid` for it")
    return found


def _by_fold(listed_rows: Listed, folds: int) -> list[Parts]:
    table, where = listed_rows.table, listed_rows.where
    allowed = {str(fold): fold for fold in range(1, folds + 1)}
    wrong = ~table["fold"].isin(allowed)
    if wrong.any():
        line = int(wrong.to_numpy().argmax())
        raise InputError(
            f"{where} line {table.index[line]}: fold is {table['fold'].iloc[line]!r}; expected 1 to {folds}, which is "
            "partition.folds"
        )
    fold_of = table["fold"].map(allowed).to_numpy()[listed_rows.rows]
    return [np.where(fold_of == fold, VALID, TRAIN).astype("<U6") for fold in range(1, folds + 1)]


def _by_part(listed_rows: Listed, column: str) -> Parts:
    table, where = listed_rows.table, listed_rows.where
    parts = table[column].str.lower().map(WORDS)
    if parts.isna().any():
        line = int(parts.isna().to_numpy().argmax())
        raise InputError(
            f"{where} line {table.index[line]}: {column} is {table[column].iloc[line]!r}; expected one of "
            + ", ".join(WORDS)
        )
    return np.asarray(parts.to_numpy()[listed_rows.rows], dtype="<U6")


def listed_for_test(listed_test: Listed) -> np.ndarray:
    """(recordings,) whether a table sets a recording apart: all that it lists, or with a column `part` its `test`.

    Raises:
        InputError: it has columns of folds, or none of its recordings is set apart.
    """
    here = np.asarray(listed_test.rows >= 0)
    values = _values(listed_test.table)
    if more := [column for column in values if column != "part"]:
        raise InputError(
            f"{listed_test.where} has the column {enumerated(more)}, and partition.test.table sets recordings apart "
            "from all folds; expected a list of these recordings alone, or a column `part` that says `test` for them"
        )
    if values:
        here &= _by_part(listed_test, "part") == TEST
    if not here.any():
        raise InputError(
            f"{listed_test.where} sets no recording apart; expected some{' with the part `test`' if values else ''}. "
            "Correct the table, or remove partition.test"
        )
    return here


def held_for_test(names: Sequence[str], recordings: pd.DataFrame) -> np.ndarray:
    """(recordings,) whether a recording is of one of these actors, `corpus/actor` or a name that one corpus has.

    Raises:
        InputError: there is no such actor, or several.
    """
    full = recordings["corpus"] + "/" + recordings["actor"]
    found = np.zeros(len(recordings), dtype=bool)
    for name in names:
        here = (full == name) if "/" in name else (recordings["actor"] == name)
        corpora = sorted(set(recordings.loc[here, "corpus"]))
        if not corpora:
            hint = did_you_mean(name, set(full) | set(recordings["actor"]))
            raise InputError(
                f"partition.test.actors: {name!r} has no recording in data/utterances; {hint}expected names such as "
                f"{full.iloc[0]}"
            )
        if len(corpora) > 1:
            raise InputError(
                f"partition.test.actors: {name!r} is in {enumerated(corpora)}; expected the corpus before the name, "
                f"such as {corpora[0]}/{name}"
            )
        found |= here.to_numpy()
    return found
