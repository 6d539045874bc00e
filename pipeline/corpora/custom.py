"""A corpus of your own: audio files and a CSV `path, emotion, actor, gender[, group]`.

Paths are relative to the corpus folder and stay inside it. `emotions` in `params.yaml` maps the table's emotions to
the project's; an emotion that is not mapped keeps its name. Rows of the same `group` share a fold.
"""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed
from pipeline.corpora.base import (
    AUDIO_ENDINGS,
    Folder,
    Gender,
    Reader,
    Recording,
    Rejected,
    Scan,
    as_utf8,
    is_system_file,
)
from pipeline.corpora.params import CorpusParams

COLUMNS = ("path", "emotion", "actor", "gender")
GENDERS: dict[str, Gender] = {"f": "F", "female": "F", "m": "M", "male": "M"}


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    path: str
    emotion: str
    actor: str
    gender: Gender
    group: str


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    assert params.table is not None  # noqa: S101 (checked where params are read)
    table = _inside(params.table)
    if table is None or table not in folder.files:
        raise InputError(
            f"the table {params.table!r} is not in the corpus folder {folder.root}; expected a CSV there with the "
            f"columns {', '.join(COLUMNS)} and optionally group"
        )
    where = f"{folder.root / table}"
    rows = _rows(_text(folder, table), where)
    _check_actors(rows, where)
    files = _rows_by_file(folder, rows, where)
    mapping = params.emotions or {}
    if unused := sorted(set(mapping) - {row.emotion for row in rows}):
        raise InputError(
            f"emotions in params.yaml maps {listed(map(repr, unused))}, which no row of {where} has; "
            f"found {', '.join(sorted({row.emotion for row in rows}))}"
        )
    names = _ascii_names(files)
    recordings = tuple(
        Recording(path, names[path], mapping.get(row.emotion, row.emotion), row.actor, row.gender, row.group)
        for path, row in sorted(files.items())
    )
    rejected = tuple(
        Rejected(as_utf8(path), _rejection_reason(PurePosixPath(path), path == table))
        for path in folder.files
        if path not in files
    )
    return Scan(
        recordings, rejected, layout=f"{len(rows)} rows of {table}", notes=tuple(_warnings_of_similar_actors(rows))
    )


def _rejection_reason(path: PurePosixPath, is_table: bool) -> str:
    if is_table:
        return "not a recording: the table"
    if is_system_file(path):
        return "system file"
    return "unlabelled" if path.suffix.lower() in AUDIO_ENDINGS else "not a recording"


def _inside(path: str) -> str | None:
    """`path` in its normal form with forward slashes, or None if it leaves the folder."""
    normal = posixpath.normpath(path.strip().replace("\\", "/"))
    leaves = normal.startswith(("/", "../")) or normal in (".", "..") or re.match(r"[A-Za-z]:", normal)
    return None if leaves else normal


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


def _rows(text: str, where: str) -> list[_Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if missing := [name for name in COLUMNS if name not in names]:
            raise InputError(
                f"{where} has no column {', '.join(missing)}; found {', '.join(names) or 'nothing'}; expected "
                f"{', '.join(COLUMNS)} and optionally group, separated by commas"
            )
        if twice := [name for name in (*COLUMNS, "group") if names.count(name) > 1]:
            raise InputError(f"{where} has the column {', '.join(twice)} more than once; expected it once; remove one")
        rows = list(_checked_rows(reader, where))
    except csv.Error as error:
        raise InputError(f"{where} line {reader.line_num}: {error}; expected CSV with commas") from None
    if not rows:
        raise InputError(f"{where} lists no recording; expected one row for each audio file")
    return rows


def _checked_rows(reader: csv.DictReader[str], where: str) -> Iterator[_Row]:
    grouped = "group" in (reader.fieldnames or ())
    for record in reader:
        line = reader.line_num
        if None in record or None in record.values():
            columns = len(reader.fieldnames or ())
            raise InputError(f"{where} line {line}: wrong number of cells; expected {columns}, one for each column")
        # Only a path keeps repeated blanks.
        cells = {name: value.strip() if name == "path" else " ".join(value.split()) for name, value in record.items()}
        for name in COLUMNS:
            if not cells[name]:
                raise InputError(f"{where} line {line}: {name} is empty; every row needs it")
        path = _inside(cells["path"])
        if path is None:
            raise InputError(
                f"{where} line {line}: {cells['path']!r} leads out of the corpus folder; "
                "expected the path of a file inside the folder, relative to it"
            )
        gender = GENDERS.get(cells["gender"].lower())
        if gender is None:
            raise InputError(f"{where} line {line}: gender is {cells['gender']!r}; expected F or M")
        if not any(letter.isalpha() for letter in cells["actor"]):
            raise InputError(
                f"{where} line {line}: actor is {cells['actor']!r}; expected a name with a letter, such as "
                f"'spk{cells['actor']}', so that no program reads it as a number"
            )
        yield _Row(line, path, cells["emotion"], cells["actor"], gender, (grouped and cells["group"]) or cells["actor"])


def _check_actors(rows: list[_Row], where: str) -> None:
    """Check that each actor has one gender and one group."""
    first: dict[str, _Row] = {}
    for row in rows:
        known = first.setdefault(row.actor, row)
        for name in ("gender", "group"):
            if getattr(known, name) != getattr(row, name):
                raise InputError(
                    f"{where}: actor {row.actor!r} has {name} {getattr(known, name)!r} in line {known.line} and "
                    f"{getattr(row, name)!r} in line {row.line}; expected one {name} for each actor"
                )


def _warnings_of_similar_actors(rows: list[_Row]) -> Iterator[str]:
    """Warn of names that may be one person written in two ways, who could then be in two folds."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        spellings[unicodedata.normalize("NFKC", row.actor).casefold()].add(row.actor)
    for similar in spellings.values():
        if len(similar) > 1:
            yield (
                f"warning: the actors {' and '.join(map(repr, sorted(similar)))} are treated as {len(similar)} people; "
                "if they are one person, write the name in one way"
            )


def _rows_by_file(folder: Folder, rows: list[_Row], where: str) -> dict[str, _Row]:
    """The row of every file that the table names, by the path of the file."""
    # An accented letter has two spellings in Unicode; file systems and spreadsheets may use different ones.
    readable = [
        path
        for path in folder.files
        if as_utf8(path) == path and "\\" not in path and not is_system_file(PurePosixPath(path))
    ]
    on_disk = {unicodedata.normalize("NFC", path): path for path in readable} | {path: path for path in readable}
    files: dict[str, _Row] = {}
    missing = []
    for row in rows:
        path = on_disk.get(row.path) or on_disk.get(unicodedata.normalize("NFC", row.path))
        if path is None:
            missing.append(f"{row.path} (line {row.line})")
        elif path in files:
            raise InputError(f"{where}: lines {files[path].line} and {row.line} both name {path}; expected it once")
        else:
            files[path] = row
    if missing:
        raise InputError(
            f"{where} names {counted(len(missing), 'file')} missing from {folder.root}: "
            f"{listed(missing)}; correct the paths or remove the rows"
        )
    return files


def _ascii_names(files: dict[str, _Row]) -> dict[str, str]:
    """A name in printable ASCII for each path; it depends on the path alone unless two paths would share a name."""
    plain = {path: re.sub(r"[^A-Za-z0-9_.-]+", "_", posixpath.splitext(path)[0].replace("/", "-")) for path in files}
    count = Counter(plain.values())
    return {
        path: name if count[name] == 1 else f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
        for path, name in plain.items()
    }


READER = Reader(
    name="custom",
    title="your own corpus",
    source="you",
    licence="yours",
    paper="",
    tree="""\
recordings.csv    path,emotion,actor,gender[,group]   (its name: corpora.<key>.table)
any/folder/a.wav  one row for each file""",
    scan=_scan,
)
