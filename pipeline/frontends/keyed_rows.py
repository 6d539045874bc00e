"""Rows of numbers by key from a file of the user: CSV, Parquet or NPZ."""

from __future__ import annotations

import csv
import functools
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, did_you_mean, listed

KeyKind = Literal["auto", "path", "utterance"]

ENDINGS = (".csv", ".tsv", ".parquet", ".npz")
_KEYS = ("utterance", "path")  # with `auto`, the first that there is
_EMPTY = ("", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None")  # cells without a value
_VALUES = "features"  # array of an NPZ with one row for each key


@dataclass(frozen=True)
class Layout:
    """The layout of a file, as far as its beginning shows it.

    Attributes:
        key: column or array with the keys; empty for an NPZ with an array for each key.
        dims: number of columns of features.
        nameless: number of columns without a name, which are taken for row numbers and left out.
    """

    key: str
    dims: int
    nameless: int = 0


@dataclass(frozen=True)
class KeyedRows:
    """The rows of a file.

    Attributes:
        values: (rows, dims) float32.
        rows: positions of the rows of each key, in the order of the file.
    """

    values: NDArray[np.float32]
    rows: dict[str, list[int]]


def read_layout(path: Path, key: KeyKind, ignore: Sequence[str]) -> Layout:
    """The layout of a file; of CSV and Parquet only the beginning is read.

    Args:
        path: file.
        key: kind of its keys.
        ignore: columns that are not features.

    Raises:
        InputError: the file is missing or cannot be read, has no keys, or no features.
    """
    return _layout(path, *_state(path), key, tuple(ignore))


def read_rows(path: Path, key: KeyKind, ignore: Sequence[str]) -> KeyedRows:
    """All rows of a file; they are kept in this process as long as the file does not change.

    Raises:
        InputError: as `read_layout`; a cell is not a number; or a key is empty.
    """
    return _rows(path, *_state(path), key, tuple(ignore))


def _state(path: Path) -> tuple[int, int]:
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"the table {path} is of an unknown format; expected a name with {', '.join(ENDINGS)}")
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"the table {path} cannot be opened ({error.strerror}); expected a file") from None
    return state.st_size, state.st_mtime_ns


@functools.lru_cache(maxsize=8)
def _layout(path: Path, size: int, modified: int, key: KeyKind, ignore: tuple[str, ...]) -> Layout:
    ending = path.suffix.lower()
    if ending == ".npz":
        return _npz_layout(path, key, ignore)
    names = _parquet_columns(path) if ending == ".parquet" else _csv_columns(path)
    return _columns(path, names, key, ignore)[0]


@functools.lru_cache(maxsize=1)
def _rows(path: Path, size: int, modified: int, key: KeyKind, ignore: tuple[str, ...]) -> KeyedRows:
    ending = path.suffix.lower()
    if ending == ".npz":
        return _npz_rows(path, key, ignore)
    table = _parquet(path) if ending == ".parquet" else _csv(path)
    layout, features = _columns(path, list(table.columns), key, ignore)
    for name in features:
        _refuse_text(path, table[name], first_line=1 if ending == ".parquet" else 2)
    keys = table[layout.key].tolist()
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which extraction counts
        values = table[features].to_numpy(dtype=np.float32, na_value=np.nan)
    return KeyedRows(values, _positions(path, keys))


def _positions(path: Path, keys: Iterable[object]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        if not isinstance(key, str) or not key.strip():
            raise InputError(f"{path}: row {position + 1} of the data has the key {key!r}; expected a text in each row")
        rows.setdefault(_plain(key), []).append(position)
    return rows


def _plain(key: str) -> str:
    """A key as tables of utterances have it: a path with forward slashes, without `./` before it."""
    return key.strip().replace("\\", "/").removeprefix("./")


def _columns(path: Path, names: list[str], key: KeyKind, ignore: tuple[str, ...]) -> tuple[Layout, list[str]]:
    """The layout of a table with these columns, and those that are features."""
    wanted = _KEYS if key == "auto" else (key,)
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise InputError(
            f"{path} has no column {' or '.join(wanted)}; found {listed(map(repr, names)) or 'none'}; expected the key "
            "of each row there: an utterance's key, or the path of its recording in the folder of its corpus"
        )
    for name in ignore:
        if name not in names:
            raise InputError(f"ignore: {path} has no column {name!r}; {did_you_mean(name, names)}remove it there")
    named = [name for name in names if not _nameless(name)]
    features = [name for name in named if name not in (*_KEYS, *ignore)]
    if not features:
        raise InputError(f"{path} has no feature beside the columns {', '.join(named)}; expected at least one")
    return Layout(found, len(features), len(names) - len(named)), features


def _nameless(name: str) -> bool:
    """Whether a column is an index without a name, as pandas writes one to CSV and Parquet."""
    return not name.strip() or name.startswith(("Unnamed: ", "__index_level_"))


def _separator(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _csv_columns(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            names = next(csv.reader(stream, delimiter=_separator(path)), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {error}") from None
    if twice := sorted({name for name in names if names.count(name) > 1 and name}):
        raise InputError(f"{path} has the columns {listed(map(repr, twice))} twice; expected each name once")
    return names


def _csv(path: Path) -> Any:
    import pandas as pd

    names = _csv_columns(path)
    keys = {name: str for name in _KEYS if name in names}
    empty = {name: list(_EMPTY) for name in names if name not in keys}  # so that the key NA stays a text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more cells than the header
            table = pd.read_csv(
                path,
                sep=_separator(path),
                encoding="utf-8-sig",
                dtype=keys,
                na_values=empty,
                keep_default_na=False,
                index_col=False,
                low_memory=False,
            )
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise InputError(
            f"{path} cannot be read as CSV: {error}; expected as many cells in each row as names"
        ) from None
    return table.set_axis(names, axis=1)


def _parquet_columns(path: Path) -> list[str]:
    import pyarrow.parquet

    try:
        names = list(pyarrow.parquet.read_schema(path).names)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from None
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has the column {listed(twice)} more than once; expected each name once")
    return names


def _parquet(path: Path) -> Any:
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(path).to_pandas(ignore_metadata=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from None


def _refuse_text(path: Path, column: Any, first_line: int) -> None:
    """Refuse a column of features with a cell that is not a number; empty ones are missing values."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return
    bad = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
    if bad.empty:  # only missing values
        return
    raise InputError(
        f"{path}, column {column.name!r}, row {int(bad.index[0]) + first_line}: {bad.iloc[0]!r} is not a number "
        f"({counted(len(bad), 'such cell')} in the column); expected numbers in each column beside "
        f"{' and '.join(_KEYS)}. If the column is not a feature, name it under `ignore`"
    )


def _npz_layout(path: Path, key: KeyKind, ignore: tuple[str, ...]) -> Layout:
    rows = read_rows(path, key, ignore)
    with _open_npz(path) as arrays:
        return Layout(_npz_key(arrays.files, key), rows.values.shape[1])


def _npz_key(names: list[str], key: KeyKind) -> str:
    wanted = _KEYS if key == "auto" else (key,)
    return next((name for name in wanted if name in names and _VALUES in names), "")


def _open_npz(path: Path) -> Any:
    try:
        arrays = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as NPZ: {error}") from None
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise InputError(f"{path} is a single array; expected an NPZ, as `np.savez` writes it")
    return arrays


def _npz_rows(path: Path, key: KeyKind, ignore: tuple[str, ...]) -> KeyedRows:
    with _open_npz(path) as arrays:
        try:
            named = _npz_key(arrays.files, key)
            if named:
                return _npz_with_keys(path, arrays[named], arrays[_VALUES])
            found = {name: arrays[name] for name in arrays.files if name not in ignore}
        except (OSError, ValueError, zipfile.BadZipFile) as error:  # ValueError: an array of Python objects
            raise InputError(f"{path} cannot be read as arrays of numbers: {error}") from None
    if not found:
        raise InputError(f"{path} has no arrays; expected one for each key, or `{_VALUES}` beside {' or '.join(_KEYS)}")
    rows: dict[str, list[int]] = {}
    blocks: list[NDArray[np.float32]] = []
    begin = 0
    for name, array in found.items():
        block = array[None] if array.ndim == 1 else array
        first = blocks[0].shape[1] if blocks else block.shape[-1]
        if block.ndim != 2 or block.shape[1] != first or not _numeric(array):
            raise InputError(
                f"{path}: the array {name!r} is {' x '.join(map(str, array.shape))} of {array.dtype}; expected "
                f"numbers, ({first},) for one row or (rows, {first}) for many"
            )
        if _plain(name) in rows:
            raise InputError(f"{path} has the key {_plain(name)!r} more than once; expected one array for each key")
        blocks.append(_single(block))
        rows[_plain(name)] = list(range(begin, begin + len(block)))
        begin += len(block)
    return KeyedRows(np.concatenate(blocks), rows)


def _npz_with_keys(path: Path, keys: NDArray[Any], values: NDArray[Any]) -> KeyedRows:
    if values.ndim != 2 or len(keys) != len(values) or keys.ndim != 1 or not _numeric(values):
        raise InputError(
            f"{path}: `{_VALUES}` is {' x '.join(map(str, values.shape))} of {values.dtype} for "
            f"{counted(keys.size, 'key')}; expected numbers, a row for each key"
        )
    return KeyedRows(_single(values), _positions(path, keys.tolist()))


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which extraction counts
        return values.astype(np.float32)


def _numeric(array: NDArray[Any]) -> bool:
    return bool(np.issubdtype(array.dtype, np.number) and not np.iscomplexobj(array)) and array.size > 0
