"""A database in audformat, as audb lays it down: `db.yaml`, a table `db.<table>.csv` for each table, and audio files.

`table` and `column` name the emotion's table and column. The speaker is the column `speaker` of that table, or of a
table of whole files; the gender is the column `gender` beside it, or what the scheme of the speakers says of them. Rows
of a segmented table are parts of their files. Header and tables are read as plain YAML and CSV (or Parquet). The
package audformat is not used, since it also reads pickles and YAML with Python objects, which can run code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, did_you_mean, listed
from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.tabular import GENDERS, files_of, key_names, others, seconds

HEADER = "db.yaml"
EMOTION, SPEAKER, GENDER = "emotion", "speaker", "gender"
TEXTS = ("transcription", "transcript", "text", "sentence")
"""Columns that say what was spoken."""

NAMED = {"actor", "gender", "group", "emotion"}


@dataclass(frozen=True)
class _Database:
    """The header and the place of a database.

    Attributes:
        root: the folder of `db.yaml`.
        prefix: that folder in the corpus, with a slash behind it unless it is the corpus folder.
        header: the content of `db.yaml`.
        files: paths of all files of the corpus.
    """

    root: Path
    prefix: str
    header: Mapping[str, Any]
    files: tuple[str, ...]

    def columns(self, table: str) -> Mapping[str, Any]:
        """The columns of a table, with what the header says of each."""
        return self._tables().get(table, {}).get("columns") or {}

    def _tables(self) -> Mapping[str, Any]:
        return {**(self.header.get("misc_tables") or {}), **self.tables()}

    def tables(self) -> Mapping[str, Any]:
        """The tables of files and of segments."""
        return self.header.get("tables") or {}

    def scheme(self, table: str, column: str) -> Mapping[str, Any]:
        """The scheme of a column; empty if it has none."""
        name = (self.columns(table).get(column) or {}).get("scheme_id")
        return (self.header.get("schemes") or {}).get(name) or {}

    def read(self, table: str) -> pd.DataFrame:
        """A table, with its index as columns; all cells are texts, missing ones empty.

        Raises:
            InputError: the table has no file that can be read.
        """
        for ending in ("csv", "parquet"):
            name = f"{self.prefix}db.{table}.{ending}"
            if name not in self.files:
                continue
            path = self.root / f"db.{table}.{ending}"
            try:
                if ending == "csv":
                    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
                # Without this, integers of a column with missing ones become "3.0".
                frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
            except ImportError:
                raise InputError(
                    f"{path} is a Parquet table, which needs pyarrow; install it with pip install "
                    "'shaking-emotions[audformat]', or save the database with storage_format='csv'"
                ) from None
            except (OSError, ValueError, pd.errors.ParserError) as error:
                raise InputError(f"the table {path} cannot be read: {error}; copy it again") from None
            named = [name for name in frame.index.names if name]
            frame = frame.reset_index() if named else frame
            return frame.astype(object).where(frame.notna(), "").astype(str)
        pickled = f"{self.prefix}db.{table}.pkl" in self.files
        raise InputError(
            f"{self.root} has no table db.{table}.csv or db.{table}.parquet"
            f"{'; db.' + table + '.pkl is a pickle, which can run code and is not read' if pickled else ''}; save the "
            "database with storage_format='csv'"
        )


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    assert params.table is not None  # noqa: S101 (checked where params are read)
    database = _database(folder)
    table, column = params.table, params.column or EMOTION
    _check_names(database, table, column)
    rows = database.read(table)
    _check_cells(rows, [column, "file"], database, table)
    speakers = _by_file(database, table, rows, SPEAKER)
    if speakers is None:
        raise InputError(
            f"no table of files in {database.root / HEADER} has the column {SPEAKER!r}, so that actors cannot be kept "
            f"in one fold; found the tables {_described(database)}; write the speakers into a table of your own and "
            "use reader: custom"
        )
    genders = _genders(database, table, rows, speakers)
    texts = next((found for name in TEXTS if (found := _by_file(database, table, rows, name)) is not None), None)
    files = files_of(folder)
    places: list[tuple[str, float, float | None]] = []
    drafts: list[tuple[str, str, Gender, dict[str, str]]] = []
    missing: list[str] = []
    kept = [name for name in database.columns(table) if name not in (column, SPEAKER, GENDER) and name in rows]
    empty = 0
    for number, row in enumerate(rows.to_dict("records")):
        path = files.find(f"{database.prefix}{row['file']}")
        if not row[column]:
            empty += 1
        elif path is None:
            missing.append(str(row["file"]))
        else:
            start, end = _times(row, database, table, number)
            speaker = speakers[number]
            gender = genders[number]
            if not speaker or gender is None:
                what = "speaker" if not speaker else "gender"
                raise InputError(
                    f"{row['file']} has no {what} in {database.root / HEADER} and its tables; expected one for every "
                    "file with an emotion; complete the tables, or write a table of your own and use reader: custom"
                )
            columns = {"text": texts[number]} if texts else {}
            columns |= {name: row[name] for name in kept if name not in {*NAMED, "text"}}
            places.append((path, start, end))
            drafts.append((row[column], _actor(speaker), gender, columns))
    _check_rows(places, drafts, database, table)
    recordings = tuple(
        Recording(path, name, emotion, actor, gender, actor, columns, start=start, end=end)
        for name, (path, start, end), (emotion, actor, gender, columns) in zip(
            key_names(places), places, drafts, strict=True
        )
    )
    tables = [name for name in folder.files if PurePosixPath(name).name.startswith("db.")]
    notes = []
    if missing:
        notes.append(f"{counted(len(missing), 'row')} of files that are not in the folder: {listed(missing)}")
    if empty:
        notes.append(f"{counted(empty, 'row')} of {table} without {column}")
    layout = f"{database.header.get('name', 'database')}, {len(rows)} rows of {table}"
    return Scan(recordings, others(folder, recordings, tables), layout, tuple(notes))


def _database(folder: Folder) -> _Database:
    """The header of the database in the folder.

    Raises:
        InputError: there is none, more than one, or it cannot be read.
    """
    found = [name for name in folder.files if PurePosixPath(name).name == HEADER]
    if len(found) != 1:
        raise InputError(
            f"{folder.root} holds {counted(len(found), HEADER)}"
            f"{' (' + listed(found) + ')' if found else ''}; expected one, at the top of a database in audformat; "
            "set path to the folder of one database"
        )
    path = folder.root / found[0]
    try:
        header = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path} cannot be read as YAML: {error}; copy it again") from None
    if not _is_header(header):
        raise InputError(
            f"{path} lists no tables with their columns; expected the header of a database in audformat; copy it again"
        )
    return _Database(path.parent, found[0].removesuffix(HEADER), header, folder.files)


def _is_header(header: object) -> bool:
    """Whether the sections that are read are mappings, of mappings."""
    if not isinstance(header, dict) or not header.get("tables"):
        return False
    sections = [header.get(name) or {} for name in ("tables", "misc_tables", "schemes")]
    if not all(isinstance(section, dict) for section in sections):
        return False
    entries = [entry for section in sections for entry in section.values()]
    columns = [entry.get("columns") or {} for entry in entries if isinstance(entry, dict)]
    described = [one for each in columns if isinstance(each, dict) for one in each.values() if one is not None]
    return all(isinstance(one, dict) for one in (*entries, *columns, *described))


def _check_names(database: _Database, table: str, column: str) -> None:
    """Refuse a table or column that the database does not have.

    Raises:
        InputError: see above.
    """
    if table not in database.tables():
        hint = did_you_mean(table, database.tables())
        raise InputError(
            f"table in params.yaml is {table!r}, which {database.root / HEADER} does not have; {hint}expected one of "
            f"{_described(database)}"
        )
    if column not in database.columns(table):
        hint = did_you_mean(column, database.columns(table))
        raise InputError(
            f"column in params.yaml is {column!r}, which the table {table} of {database.root / HEADER} does not have; "
            f"{hint}expected one of {', '.join(database.columns(table)) or 'none: it has no columns'}"
        )


def _check_cells(rows: pd.DataFrame, columns: list[str], database: _Database, table: str) -> None:
    if missing := [name for name in columns if name not in rows]:
        raise InputError(
            f"the table {table} of {database.root} has no column {', '.join(missing)}; found "
            f"{', '.join(rows.columns)}; copy it again"
        )


def _check_rows(
    places: list[tuple[str, float, float | None]],
    drafts: list[tuple[str, str, Gender, dict[str, str]]],
    database: _Database,
    table: str,
) -> None:
    """Refuse a part of a file that has two rows, and a speaker of two genders.

    Raises:
        InputError: see above.
    """
    if twice := [place for place, count in Counter(places).items() if count > 1]:
        named = listed((f"{path} from {start:g} s" if start or end else path for path, start, end in twice), most=20)
        raise InputError(
            f"the table {table} of {database.root} has more than one row for {named}; expected one emotion for each; "
            "correct the table, or write a table of your own and use reader: custom"
        )
    known: dict[str, set[str]] = defaultdict(set)
    for _, actor, gender, _ in drafts:
        known[actor].add(gender)
    if wrong := sorted(actor for actor, genders in known.items() if len(genders) > 1):
        raise InputError(
            f"{database.root} says more than one gender of {listed(wrong, most=20)}; expected one for each speaker; "
            "correct the tables, or write a table of your own and use reader: custom"
        )


def _described(database: _Database) -> str:
    return "; ".join(f"{name} ({', '.join(database.columns(name)) or 'no columns'})" for name in database.tables())


def _by_file(database: _Database, table: str, rows: pd.DataFrame, column: str) -> list[str] | None:
    """The value of a column for each row, from the row itself, else from the first table of whole files that has it.

    Returns:
        Texts, empty where a file has none; None if no table has the column.
    """
    if column in database.columns(table) and column in rows:
        return list(rows[column])
    for other, described in database.tables().items():
        if other != table and described.get("type") == "filewise" and column in database.columns(other):
            found = database.read(other)
            _check_cells(found, ["file", column], database, other)
            values = dict(zip(found["file"], found[column], strict=True))
            return [values.get(file, "") for file in rows["file"]]
    return None


def _genders(database: _Database, table: str, rows: pd.DataFrame, speakers: list[str]) -> list[Gender | None]:
    """The gender of each row: a column `gender`, else what the scheme of the speakers says.

    Raises:
        InputError: nothing says it, or a value is not a gender.
    """
    found = _by_file(database, table, rows, GENDER)
    if found is None:
        known = _genders_of_speakers(database, table)
        if known is None:
            raise InputError(
                f"neither a table of files nor the scheme of the speakers in {database.root / HEADER} says {GENDER!r}, "
                f"by which folds are balanced; found the tables {_described(database)}; write the genders into a table "
                "of your own and use reader: custom"
            )
        found = [known.get(speaker, "") for speaker in speakers]
    if wrong := sorted({value for value in found if value and value.lower() not in GENDERS}):
        raise InputError(
            f"{database.root} has the gender {wrong[0]!r}; expected one of {', '.join(GENDERS)}; correct the table, or "
            "write a table of your own and use reader: custom"
        )
    return [GENDERS[value.lower()] if value else None for value in found]


def _genders_of_speakers(database: _Database, table: str) -> dict[str, str] | None:
    """The gender of each speaker from the labels of their scheme, which are in the header or in a table."""
    tables = [table, *database.tables()]
    scheme = next((found for name in tables if (found := database.scheme(name, SPEAKER))), None)
    labels = scheme.get("labels") if scheme else None
    if isinstance(labels, str):
        if GENDER not in database.columns(labels):
            return None
        speakers = database.read(labels)
        return dict(zip(speakers.iloc[:, 0], speakers[GENDER], strict=True)) if GENDER in speakers else None
    if isinstance(labels, dict):
        genders = {str(name): label.get(GENDER) for name, label in labels.items() if isinstance(label, dict)}
        return {name: str(gender) for name, gender in genders.items() if gender} or None
    return None


def _times(row: Mapping[Any, str], database: _Database, table: str, number: int) -> tuple[float, float | None]:
    try:
        start, end = seconds(row.get("start", "")) or 0.0, seconds(row.get("end", ""))
    except ValueError:
        raise InputError(
            f"row {number + 1} of the table {table} of {database.root} is from {row.get('start')!r} to "
            f"{row.get('end')!r}; expected times such as '0 days 00:00:01.5'; copy the table again"
        ) from None
    if end is not None and end <= start:
        raise InputError(
            f"row {number + 1} of the table {table} of {database.root} is from {start:g} s to {end:g} s; expected an "
            "end behind the start; correct the table"
        )
    return start, end


def _actor(speaker: str) -> str:
    """The name of a speaker, with a letter, so that no program reads it as a number."""
    return speaker if any(letter.isalpha() for letter in speaker) else f"spk{speaker}"


READER = Reader(
    name="audformat",
    title="a database in audformat",
    source="its owner, or audb (https://audeering.github.io/audb)",
    licence="see license and usage in db.yaml",
    paper="",
    tree="""\
db.yaml            the header
db.emotion.csv     a table (or .parquet): corpora.<key>.table names it, corpora.<key>.column its emotion
db.files.csv       a table of whole files with the column speaker, unless the emotion's table has it
db.speaker.csv     optional: the speakers' gender
wav/...            the audio files""",
    scan=_scan,
    options=frozenset({"table", "column"}),
    needs=frozenset({"table"}),
    open_labels=True,
)
