"""Tables that stages write and read: kinds of columns, checks on every write and read, and the tables of data."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from pipeline.core.errors import InputError
from pipeline.core.files import replacing

KEY = r"^[A-Za-z0-9][!-~]*$"
"""Utterance and segment keys: printable ASCII without blanks, as Kaldi's tables need."""

REASONS = (
    "other emotion", "excluded actor", "excluded", "duplicate", "unreadable", "too short", "not finite", "silent",
    "not a recording", "system file", "unlabelled", "misplaced",
)  # fmt: skip
"""Reasons why a file under a corpus root is not an utterance; a detail may follow after a colon."""


def text(pattern: str | None = None, expected: str = "", *, unique: bool = False) -> pa.Column:
    """A column of texts.

    Args:
        pattern: regular expression that every text matches.
        expected: description of the pattern, for the message about a text that does not match.
        unique: whether each text occurs only once.
    """
    checks = [pa.Check.str_matches(pattern, error=expected)] if pattern else []
    return pa.Column(str, checks, unique=unique)


def key(*, unique: bool = False) -> pa.Column:
    """A column of utterance or segment keys."""
    return text(KEY, "printable ASCII without blanks, a letter or digit first", unique=unique)


def actor() -> pa.Column:
    """A column of actors' names."""
    return text(r".*[^\W\d_]", "at least one letter, so that no CSV reader takes it for a number")


def integer(least: int) -> pa.Column:
    """A column of whole numbers, none below `least`."""
    return pa.Column("int64", pa.Check.ge(least, error=f"at least {least}"))


def number(*, least: float | None = None, empty: bool = False) -> pa.Column:
    """A column of numbers, none below `least`; with `empty`, cells may be empty (NaN)."""
    checks = [] if least is None else [pa.Check.ge(least, error=f"at least {least}")]
    return pa.Column("float64", checks, nullable=empty)


def probability(*, empty: bool = False) -> pa.Column:
    """A column of numbers from 0 to 1; with `empty`, cells may be empty (NaN)."""
    return pa.Column("float64", pa.Check.in_range(0, 1, error="a probability"), nullable=empty)


def one_of(*values: str) -> pa.Column:
    """A column of texts that are each one of `values`."""
    return pa.Column(str, pa.Check.isin(values, error=f"one of {', '.join(values)}"))


UTTERANCES = pa.DataFrameSchema({
    "utterance": key(unique=True), "corpus": text(), "path": text(r"^[^\\]+$", "forward slashes"),
    "emotion": text(), "actor": actor(), "gender": one_of("F", "M", "X"), "duration_s": number(least=0),
    "group": text(),
    # The number of frames is computed from these; `duration_s` is rounded and not exact enough.
    "sample_rate": integer(1), "num_samples": integer(1),
    # SHA-256 of the decoded sound, by which copies in other corpora are found.
    "digest": text(r"^[0-9a-f]{64}$", "64 hexadecimal digits"),
})  # fmt: skip
"""One row per usable recording of the configured classes; `path` is relative to the corpus path."""

REJECTED = pa.DataFrameSchema({
    "corpus": text(), "path": text(), "reason": text(
        rf"^({'|'.join(REASONS)})(: .+)?$", f"one of {', '.join(REASONS)}, and a detail after a colon"
    ),
})  # fmt: skip
"""Every other file found under the corpus path."""

SEGMENTS = pa.DataFrameSchema({
    "segment": key(unique=True), "utterance": key(), "corpus": text(), "emotion": text(),
    "actor": actor(), "gender": one_of("F", "M", "X"), "group": text(),
    "start_frame": integer(0), "num_frames": integer(1),
})  # fmt: skip
"""One row per segment; frames of 10 ms."""

FOLDS = pa.DataFrameSchema({
    "corpus": text(), "actor": actor(), "gender": one_of("F", "M", "X"), "group": text(), "fold": integer(1),
})  # fmt: skip
"""One row per actor; a fold holds the actors that its runs validate on. Several partitions have a column `repeat`."""


PARTS = pa.DataFrameSchema({
    "repeat": integer(1), "fold": integer(1), "utterance": key(),
    "part": one_of("train", "valid", "dev", "test", "unused"),
})  # fmt: skip
"""The part of every recording in the runs of each repeat and fold; no rows where `FOLDS` says everything."""


def number_types(schema: pa.DataFrameSchema) -> dict[str, str]:
    """The types of the columns of numbers (`int64` or `float64`), by column: what `DataFrame.astype` takes."""
    types = {name: str(column.dtype) for name, column in schema.columns.items()}
    return {name: dtype for name, dtype in types.items() if dtype in ("int64", "float64")}


def write_table(table: pd.DataFrame, path: Path, schema: pa.DataFrameSchema) -> None:
    """Check `table` against `schema` and write it as CSV (UTF-8, unix line ends), atomically.

    Columns of the schema come first, in its order; further ones stay to their right.

    Raises:
        InputError: a column is missing or a value breaks its rule.
    """
    extra = [name for name in table.columns if name not in schema.columns]
    checked = _validate(table, path, schema)
    with replacing(path) as temporary:
        ordered = checked[[*schema.columns, *extra]]
        # The csv module does not quote a lone carriage return (as in macOS's `Icon\r`), and readers end the line there.
        texts = ordered.select_dtypes(include=["str", "object"])
        returns = any(texts[name].astype(str).str.contains("\r").any() for name in texts)
        ordered.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL,
        )


def read_table(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a CSV table and check it against `schema`. Text stays text: an actor `1e5` or `NA` is not a number.

    Raises:
        InputError: the file is missing or not CSV, or a value breaks its rule (reported with its line).
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `dvc repro` makes it") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} cannot be read as a CSV table: {error}") from None
    for name, dtype in number_types(schema).items():
        if name in table:
            table[name] = _numbers(table[name], path, integers=dtype == "int64")
    return _validate(table, path, schema)


def read_folds(path: Path, folds: int | None = None, repeat: int = 1, *, by_actor: bool = True) -> pd.DataFrame:
    """Read `FOLDS` of one partition, and check that it is one: everyone in one fold, and someone in every fold.

    Args:
        path: the file.
        folds: `partition.folds`; by default the highest fold of the file.
        repeat: number of the partition, from 1; a file without the column `repeat` holds the first alone.
        by_actor: whether an actor is in one fold; else, as where sentences are divided, an actor may be in several.

    Raises:
        InputError: as `read_table`; the partition is not in the file; an actor stands twice, or a group is in two
            folds; or a fold is beyond `folds`, or has no actor.
    """
    table = _of_repeat(read_table(path, FOLDS), path, repeat)
    if by_actor:
        _refuse_repeated_actor(table, path)
        _refuse_divided_group(table, path)
    last = folds or int(table["fold"].max() if len(table) else 1)
    beyond = table["fold"] > last
    if beyond.any():
        line = int(beyond.to_numpy().argmax())
        raise InputError(
            f"{path} line {table.index[line] + 2}: fold is {table['fold'].iloc[line]} for actor "
            f"{table['actor'].iloc[line]} of {table['corpus'].iloc[line]}; expected 1 to {last}, which is "
            f"partition.folds. {PARTITION_AGAIN}"
        )
    if empty := sorted(set(range(1, last + 1)) - set(table["fold"])):
        raise InputError(
            f"{path}: fold {empty[0]} has no actor; expected at least one in each of the folds 1 to {last}. "
            f"{PARTITION_AGAIN}"
        )
    return table.reset_index(drop=True)


def read_parts(path: Path, folds: int, repeat: int = 1) -> pd.DataFrame:
    """Read `PARTS` of one partition.

    Args:
        path: the file; one that does not exist has no rows.
        folds: `partition.folds`.
        repeat: number of the partition, from 1.

    Returns:
        One row for each utterance, its key as the index, and one column for each fold, 1 to `folds`; no rows where
        `FOLDS` says everything.

    Raises:
        InputError: as `read_table`; or an utterance has no part in a fold, or two.
    """
    if not path.exists():
        return pd.DataFrame()
    table = read_table(path, PARTS)
    table = table[table["repeat"].astype(int) == repeat]
    if table.empty:
        return pd.DataFrame()
    twice = table.duplicated(["fold", "utterance"])
    if twice.any():
        line = int(twice.to_numpy().argmax())
        raise InputError(
            f"{path} line {table.index[line] + 2}: {table['utterance'].iloc[line]} is there twice for fold "
            f"{table['fold'].iloc[line]}; expected once. {PARTITION_AGAIN}"
        )
    parts = table.pivot(index="utterance", columns="fold", values="part")
    if sorted(map(int, parts.columns)) != list(range(1, folds + 1)) or parts.isna().to_numpy().any():
        raise InputError(
            f"{path}: it has folds {', '.join(map(str, parts.columns))}, or not every utterance in each; expected "
            f"every utterance in each of the folds 1 to {folds}. {PARTITION_AGAIN}"
        )
    return parts


PARTITION_AGAIN = "`dvc repro partition` makes the file again"


def _of_repeat(table: pd.DataFrame, path: Path, repeat: int) -> pd.DataFrame:
    """The rows of one partition, without the column `repeat`, at their places in the file."""
    present = table["repeat"] if "repeat" in table else pd.Series("1", index=table.index)
    chosen = table[present == str(repeat)].drop(columns="repeat", errors="ignore")
    if chosen.empty and (repeat > 1 or len(table)):
        raise InputError(
            f"{path}: no row of repeat {repeat}; expected repeats 1 to partition.repeats. {PARTITION_AGAIN}"
        )
    return chosen


def _refuse_repeated_actor(table: pd.DataFrame, path: Path) -> None:
    second = table.duplicated(["corpus", "actor"])
    if second.any():
        at = int(second.to_numpy().argmax())
        row = table.iloc[at]
        first = int(((table["corpus"] == row["corpus"]) & (table["actor"] == row["actor"])).to_numpy().argmax())
        raise InputError(
            f"{path} line {table.index[at] + 2}: actor {row['actor']} of {row['corpus']} is there with fold "
            f"{row['fold']}, and on line {table.index[first] + 2} with fold {table['fold'].iloc[first]}; expected each "
            f"actor once, so that no one is in training and validation. {PARTITION_AGAIN}"
        )


def _refuse_divided_group(table: pd.DataFrame, path: Path) -> None:
    divided = table.groupby(["corpus", "group"])["fold"].transform("nunique") > 1
    if divided.any():
        at = int(divided.to_numpy().argmax())
        first = table.iloc[at]
        same = (table["corpus"] == first["corpus"]) & (table["group"] == first["group"])
        away = int((same & (table["fold"] != first["fold"])).to_numpy().argmax())
        other = table.iloc[away]
        raise InputError(
            f"{path} line {table.index[away] + 2}: actor {other['actor']} of {other['corpus']} is in fold "
            f"{other['fold']}, and {first['actor']} of the same group {first['group']} on line {table.index[at] + 2} "
            f"in fold {first['fold']}; expected a group in one fold, since its actors speak in the same recordings. "
            f"{PARTITION_AGAIN}"
        )


def _numbers(column: pd.Series, path: Path, *, integers: bool) -> pd.Series:
    numbers = pd.to_numeric(column.mask(column == ""), errors="coerce")
    wrong = numbers.isna() & (column != "")
    if integers:
        wrong |= numbers.isna() | (numbers % 1 != 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        expected = "a whole number" if integers else "a number"
        raise InputError(f"{path} line {row + 2}: {column.name} is {column.iloc[row]!r}; expected {expected}")
    return numbers.astype("int64" if integers else "float64")


def _validate(table: pd.DataFrame, path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    missing = [name for name in schema.columns if name not in table]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; found {', '.join(table.columns)}")
    if table.empty:
        return table
    try:
        return schema.validate(table.reset_index(drop=True))
    except pandera.errors.SchemaError as error:
        raise InputError(f"{path}: {_broken(error)}") from None


def _broken(error: pandera.errors.SchemaError) -> str:
    """The first value that breaks a rule, with its line in the file."""
    cases = error.failure_cases
    if not isinstance(cases, pd.DataFrame) or "index" not in cases or cases["index"].isna().all():
        return str(error).splitlines()[0]
    first = cases.iloc[0]
    value = first["failure_case"]
    shown = repr(value) if isinstance(value, str) else str(value)
    expected = getattr(error.check, "error", None)
    if expected is None:
        expected = "each value once" if "unique" in str(error.check) else "a value"
    return f"line {int(first['index']) + 2}: {error.schema.name} is {shown}; expected {expected}"
