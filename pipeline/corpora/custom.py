"""A corpus of your own: audio files and a CSV `path, emotion, actor, gender[, group][, start, end][, others]`.

Paths are relative to the corpus folder, or absolute, and stay inside it. `start` and `end` make a row a part of its
file. Rows of the same `group` share a fold. Other columns are kept, and `only` and `exclude` can select by them.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.core.errors import InputError
from pipeline.core.lookalikes import distinguished, looks, spelled
from pipeline.core.wording import counted, enumerated, listed, printable
from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.tabular import GENDERS, files_of, inside, key_names, others, seconds

COLUMNS = ("path", "emotion", "actor", "gender")
OPTIONAL = ("group", "start", "end")

LENGTHS = ("duration", "dur", "length")
"""Names of columns with the length of a recording; without a column `start` they are columns like any other."""

NEAR = {
    "path": ("file", "filename", "filepath", "wav", "audio", "recording"),
    "emotion": ("label", "class", "category"),
    "actor": ("speaker", "talker", "subject"),
    "gender": ("sex",),
    "start": ("begin", "begins", "onset", "from", "tmin", "xmin", "t0"),
    "end": ("stop", "offset", "until", "to", "tmax", "xmax", "t1", *LENGTHS),
    "group": ("grouping", "grp", "gruppe"),
}
"""Names that people give to a column, beside misspellings of its own name."""

UNITS = frozenset((
    "s", "sec", "secs", "second", "seconds", "ms", "msec", "time", "times", "sample", "samples", "frame", "frames",
    "id", "ids", "name", "names", "no", "nr", "speaker", "fold", "split", "segment", "seg", "utterance", "utt", "turn",
    "clip", "file", "audio",
))  # fmt: skip
"""Words that may be added to the name of a column without a change of its meaning."""

ALIKE = 0.8
"""Similarity (`difflib`) from which a name is taken for a misspelling of a column."""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    emotion: str
    actor: str
    gender: Gender
    group: str
    start: float
    end: float | None
    columns: dict[str, str]


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    assert params.table is not None  # noqa: S101 (checked where params are read)
    table = inside(params.table.strip(), folder)
    if table is None or table not in folder.files:
        raise InputError(
            f"the table {params.table!r} is not in the corpus folder {folder.root}; expected a CSV there with the "
            f"columns {', '.join(COLUMNS)} and optionally {', '.join(OPTIONAL)}"
        )
    where = f"{folder.root / table}"
    rows, notes = _rows(_text(folder, table), where, folder)
    _check_actors(rows, where)
    files = _files_of_rows(folder, rows, where)
    names = key_names([(path, row.start, row.end) for path, row in files])
    recordings = tuple(
        Recording(path, name, row.emotion, row.actor, row.gender, row.group, row.columns, start=row.start, end=row.end)
        for name, (path, row) in zip(names, files, strict=True)
    )
    return Scan(
        tuple(sorted(recordings, key=lambda one: (one.path, one.start))),
        others(folder, recordings, [table]),
        layout=f"{len(rows)} rows of {table}",
        notes=(*notes, *_warnings_of_similar_actors(rows)),
    )


def _text(folder: Folder, table: str) -> str:
    try:
        # Spreadsheets put a byte order mark before the first column's name.
        return (folder.root / table).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{folder.root / table} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8"
        ) from None
    except OSError as error:
        raise InputError(
            f"{folder.root / table} cannot be read: {error.strerror}; expected the CSV of the corpus; put it back, or "
            "give yourself permission (chmod u+r)"
        ) from None


def _rows(text: str, where: str, folder: Folder) -> tuple[list[_Row], list[str]]:
    """The rows of the table, and notes."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        _check_columns(names, where)
        rows = list(_checked_rows(reader, where, folder))
    except csv.Error as error:
        raise InputError(f"{where} line {reader.line_num}: {error}; expected CSV with commas") from None
    if not rows:
        raise InputError(f"{where} lists no recording; expected one row for each utterance")
    kept = [name for name in names if name not in (*COLUMNS, *OPTIONAL) and name]
    return rows, [f"kept columns: {listed(kept, most=20)}"] if kept else []


def _check_columns(names: Sequence[str], where: str) -> None:
    """Refuse a table without a needed column, with one twice, or with a misspelt optional one.

    Raises:
        InputError: see above.
    """
    meant = {column: near for column in (*COLUMNS, *OPTIONAL) if (near := _near(column, names))}
    if missing := [name for name in COLUMNS if name not in names]:
        hints = "".join(
            f"did you mean {spelled(near, [name])} as {name}? " for name, near in meant.items() if name in missing
        )
        raise InputError(
            f"{where} has no column {', '.join(missing)}; {hints}found {', '.join(names) or 'nothing'}; expected "
            f"{', '.join(COLUMNS)} and optionally {', '.join(OPTIONAL)}, separated by commas"
        )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1 and name]:
        raise InputError(f"{where} has the column {', '.join(twice)} more than once; expected it once; remove one")
    if meant:
        hints = enumerated(f"{spelled(near, [name])} (did you mean {name!r}?)" for name, near in meant.items())
        times = "start and end are seconds from the start of the file; " if {"start", "end"} & set(meant) else ""
        raise InputError(
            f"{where} has the column {hints}, which would have no effect; expected the names {', '.join(COLUMNS)} and "
            f"optionally {', '.join(OPTIONAL)}; {times}rename it, or give it a name that is less alike"
        )
    if "end" in names and "start" not in names:
        raise InputError(f"{where} has the column end and no column start; expected both, in seconds; add start")


def _near(column: str, names: Sequence[str]) -> str | None:
    """The name in a table that is probably meant to be a column; None if the column is there, or nothing is alike."""
    if column in names:
        return None
    known = {column, *NEAR[column]}.difference(() if "start" in names else LENGTHS)
    for name in names:
        if name in (*COLUMNS, *OPTIONAL):
            continue
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
        words = re.findall(r"[a-z]+[0-9]?", spaced.casefold())
        whole, bare = "".join(words), [word for word in words if word in known or word not in UNITS]
        alike = difflib.SequenceMatcher(None, whole, column).ratio() >= ALIKE
        if words and (alike or whole in known or (bare and known.issuperset(bare))):
            return name
    return None


def _checked_rows(reader: csv.DictReader[str], where: str, folder: Folder) -> Iterator[_Row]:
    names = list(reader.fieldnames or ())
    for record in reader:
        line = reader.line_num
        if None in record or None in record.values():
            raise InputError(f"{where} line {line}: wrong number of cells; expected {len(names)}, one for each column")
        # Only a path keeps its blanks: a file's name may begin or end with one, or have two.
        cells = {name: value if name == "path" else _one_line(value) for name, value in record.items()}
        if wrong := next((name for name in names if printable(cells[name]) != cells[name]), None):
            raise InputError(
                f"{where} line {line}: {wrong or 'a cell'} is '{printable(cells[wrong])}', with a control character; "
                "remove it"
            )
        for name in COLUMNS:
            if not cells[name].strip():
                raise InputError(f"{where} line {line}: {name} is empty; every row needs it")
        path = inside(cells["path"], folder)
        if path is None:
            raise InputError(
                f"{where} line {line}: {cells['path']!r} leads out of the corpus folder {folder.root}; expected the "
                "path of a file inside the folder, best relative to it"
            )
        gender = GENDERS.get(cells["gender"].lower())
        if gender is None:
            raise InputError(f"{where} line {line}: gender is {spelled(cells['gender'], 'FMX')}; expected F, M or X")
        if not any(letter.isalpha() for letter in cells["actor"]):
            raise InputError(
                f"{where} line {line}: actor is {cells['actor']!r}; expected a name with a letter, such as "
                f"'spk{cells['actor']}', so that no program reads it as a number"
            )
        start, end = _times(cells, f"{where} line {line}")
        columns = {name: cells[name] for name in names if name and name not in (*COLUMNS, *OPTIONAL)}
        group = cells.get("group") or cells["actor"]
        yield _Row(line, path, cells["emotion"], cells["actor"], gender, group, start, end, columns)


def _one_line(value: str) -> str:
    """A cell without blanks around it and line ends in it, and its accents in one of their two spellings."""
    return unicodedata.normalize("NFC", " ".join(value.split()))


def _times(cells: dict[str, str], where: str) -> tuple[float, float | None]:
    times: dict[str, float | None] = {}
    for name in ("start", "end"):
        try:
            times[name] = seconds(cells.get(name, ""))
        except ValueError:
            raise InputError(
                f"{where}: {name} is {cells[name]!r}; expected a time in seconds, such as 1.25, or '0 days "
                "00:00:01.25'; or nothing for the start or end of the file"
            ) from None
    start, end = times["start"] or 0.0, times["end"]
    if end is not None and end <= start:
        raise InputError(f"{where}: start is {start:g} s and end {end:g} s; expected an end behind the start")
    return start, end


def _check_actors(rows: list[_Row], where: str) -> None:
    """Check that each actor has one gender and one group."""
    first: dict[str, _Row] = {}
    wrong: dict[tuple[str, str], str] = {}
    for row in rows:
        known = first.setdefault(row.actor, row)
        for name in ("gender", "group"):
            if getattr(known, name) != getattr(row, name):
                text = f"{getattr(known, name)!r} in line {known.line} and {getattr(row, name)!r} in line {row.line}"
                wrong.setdefault((row.actor, name), f"actor {row.actor!r} has {name} {text}")
    if wrong:
        named = " and ".join(dict.fromkeys(name for _, name in wrong))
        raise InputError(f"{where}: {listed(wrong.values(), most=20)}; expected one {named} for each actor")


def _warnings_of_similar_actors(rows: list[_Row]) -> Iterator[str]:
    """Warn of names that may be one person or one group written in two ways, which could then be in two folds."""
    for what, one, many, names in (
        ("actors", "person", "people", {row.actor for row in rows}),
        ("groups", "group", "groups", {row.group for row in rows if row.group != row.actor}),
    ):
        spellings: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            spellings[looks(name)].append(name)
        for similar in spellings.values():
            if len(similar) > 1:
                yield (
                    f"warning: the {what} {' and '.join(distinguished(similar))} are treated as {len(similar)} {many}; "
                    f"if they are one {one}, write the name in one way"
                )


def _files_of_rows(folder: Folder, rows: list[_Row], where: str) -> list[tuple[str, _Row]]:
    """The file of every row.

    Raises:
        InputError: a file is missing or cannot be used, or rows name the same part of one.
    """
    files = files_of(folder)
    found: list[tuple[str, _Row]] = []
    first: dict[tuple[str, float, float | None], _Row] = {}
    missing: list[str] = []
    unusable: list[str] = []
    twice: list[str] = []
    for row in rows:
        path = files.find(row.path)
        if path is None:
            shown = row.path.strip()
            reason = files.why_not(row.path)
            hint = reason or ((alike := files.alike(row.path)) and f"did you mean {alike}?") or ""
            (unusable if reason else missing).append(f"{shown} (line {row.line}{': ' if hint else ''}{hint})")
            continue
        known = first.setdefault((path, row.start, row.end), row)
        if known is not row:
            part = f" from {row.start:g} s" if row.start or row.end is not None else ""
            twice.append(f"lines {known.line} and {row.line} both name {path}{part}")
        found.append((path, row))
    if twice:
        raise InputError(f"{where}: {listed(twice, most=20)}; expected {'it' if len(twice) == 1 else 'each'} once")
    if unusable:
        raise InputError(f"{where} names {counted(len(unusable), 'file')} that cannot be used: {listed(unusable)}")
    if missing:
        raise InputError(
            f"{where} names {counted(len(missing), 'file')} missing from {folder.root}: "
            f"{listed(missing)}; correct the paths or remove the rows"
        )
    return found


READER = Reader(
    name="custom",
    title="your own corpus",
    source="you",
    licence="yours",
    paper="",
    tree="""\
recordings.csv    path,emotion,actor,gender[,group][,start,end][,others]   (its name: corpora.<key>.table)
any/folder/a.wav  one row for each file, or for each part of it""",
    scan=_scan,
    options=frozenset({"table"}),
    needs=frozenset({"table"}),
    open_labels=True,
)
