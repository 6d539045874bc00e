"""The tables that stages hand to each other: their columns, checked on every write and every read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from pipeline.core.errors import InputError
from pipeline.core.files import replacing

KEY = r"^[A-Za-z0-9][!-~]*$"
"""Utterance and segment keys: printable ASCII without blanks, as Kaldi's tables need."""

REASONS = (
    "other emotion", "excluded actor", "duplicate", "unreadable", "too short", "not finite", "silent",
    "not a recording", "system file", "unlabelled", "misplaced",
)  # fmt: skip
"""Why a file under a corpus root is no utterance; a detail may follow after a colon."""


def _text(pattern: str | None = None, expected: str = "", *, unique: bool = False) -> pa.Column:
    checks = [pa.Check.str_matches(pattern, error=expected)] if pattern else []
    return pa.Column(str, checks, unique=unique)


def _key(*, unique: bool = False) -> pa.Column:
    return _text(KEY, "printable ASCII without blanks, a letter or digit first", unique=unique)


def _actor() -> pa.Column:
    return _text(r".*[^\W\d_]", "at least one letter, so that no CSV reader takes it for a number")


def _integer(least: int) -> pa.Column:
    return pa.Column("int64", pa.Check.ge(least, error=f"at least {least}"))


def _number(*, least: float | None = None, empty: bool = False) -> pa.Column:
    checks = [] if least is None else [pa.Check.ge(least, error=f"at least {least}")]
    return pa.Column("float64", checks, nullable=empty)


def _probability() -> pa.Column:
    return pa.Column("float64", pa.Check.in_range(0, 1, error="a probability"))


def _chance() -> pa.Column:
    return pa.Column("float64", pa.Check.in_range(0, 1, error="a probability"), nullable=True)


def _one_of(*values: str) -> pa.Column:
    return pa.Column(str, pa.Check.isin(values, error=f"one of {', '.join(values)}"))


UTTERANCES = pa.DataFrameSchema({
    "utterance": _key(unique=True), "corpus": _text(), "path": _text(r"^[^\\]+$", "forward slashes"),
    "emotion": _text(), "actor": _actor(), "gender": _one_of("F", "M"), "duration_s": _number(least=0),
    "group": _text(),
    # What the frame count is made of; `duration_s` is rounded and would lose it.
    "sample_rate": _integer(1), "num_samples": _integer(1),
    # SHA-256 of the decoded sound, by which copies in other corpora are found.
    "digest": _text(r"^[0-9a-f]{64}$", "64 hexadecimal digits"),
})  # fmt: skip
"""One row per usable recording of the configured classes; `path` is relative to the corpus path."""

REJECTED = pa.DataFrameSchema({
    "corpus": _text(), "path": _text(), "reason": _text(
        rf"^({'|'.join(REASONS)})(: .+)?$", f"one of {', '.join(REASONS)}, and a detail after a colon"
    ),
})  # fmt: skip
"""Every other file found under the corpus path."""

SEGMENTS = pa.DataFrameSchema({
    "segment": _key(unique=True), "utterance": _key(), "corpus": _text(), "emotion": _text(),
    "actor": _actor(), "gender": _one_of("F", "M"), "group": _text(),
    "start_frame": _integer(0), "num_frames": _integer(1),
})  # fmt: skip
"""One row per segment; frames of 10 ms."""

FOLDS = pa.DataFrameSchema({
    "corpus": _text(), "actor": _actor(), "gender": _one_of("F", "M"), "group": _text(), "fold": _integer(1),
})  # fmt: skip
"""One row per actor; a fold holds the actors that its runs validate on."""

RUNS = pa.DataFrameSchema({
    "model": _text(), "fold": _integer(1), "seed": _integer(0), "selection": _one_of("last", "best", "crossval"),
    "epoch": _integer(1), "valid_ua": _number(empty=True), "train_ua": _number(empty=True),
    "train_ua_eval": _number(empty=True), "gap": _number(empty=True), "gap_eval": _number(empty=True),
    "status": _one_of("done", "diverged"),
})  # fmt: skip
"""One row per run and selection; accuracies and gaps in percent."""

HISTORY = pa.DataFrameSchema({
    "model": _text(), "fold": _integer(1), "seed": _integer(0), "epoch": _integer(1),
    "train_loss": _number(empty=True), "train_ua": _number(empty=True), "train_loss_eval": _number(empty=True),
    "train_ua_eval": _number(empty=True), "valid_loss": _number(empty=True), "valid_ua": _number(empty=True),
})  # fmt: skip
"""One row per run and epoch; eval-mode training columns are empty between `train.eval_train_every`."""

COMPARISONS = pa.DataFrameSchema({
    "table": _text(), "model_a": _text(), "model_b": _text(), "metric": _one_of("valid_ua", "gap", "gap_eval"),
    "selection": _one_of("last", "best", "crossval"), "n": _integer(0), "mean_difference": _number(empty=True),
    "t": _number(empty=True), "df": _number(empty=True), "p": _chance(),
    "p_corrected": _chance(), "p_seed_mean": _chance(), "p_corrected_seed_mean": _chance(), "p_wilcoxon": _chance(),
    "p_holm": _chance(), "prob_worse": _chance(), "prob_equal": _chance(), "prob_better": _chance(),
    "effect_size": _number(empty=True), "ci_low": _number(empty=True), "ci_high": _number(empty=True), "note": _text(),
})  # fmt: skip
"""One row per table, pair, metric and selection; `model_a` is the one claimed better, differences in points."""


INTERVALS = pa.DataFrameSchema({
    "model": _text(), "selection": _one_of("last", "best"), "corpus": _text(), "gender": _one_of("all", "F", "M"),
    "actors": _integer(1), "ua": _number(least=0), "ci_low": _number(empty=True), "ci_high": _number(empty=True),
})  # fmt: skip
"""One row per model, selection and group (`all` and `all`, or the women or men of a corpus): UA in percent and its 95 %
interval over actors."""


def predictions_schema(classes: Sequence[str]) -> pa.DataFrameSchema:
    """Columns of `results/predictions/<model>.csv`: one row per run, selection and validation segment."""
    return pa.DataFrameSchema({
        "model": _text(), "fold": _integer(1), "seed": _integer(0), "selection": _one_of("last", "best"),
        "segment": _key(), "emotion": _one_of(*classes), "predicted": _one_of(*classes),
        **{f"p_{name}": _probability() for name in classes},
    })  # fmt: skip


def measures_schema(classes: Sequence[str]) -> pa.DataFrameSchema:
    """Columns of `results/measures.csv`: one row per run, selection, level and group; accuracies in percent.

    `level` is `segment`, or `utterance` (the mean of its segments' probabilities). `corpus` and `gender` are a key
    and a letter for the rows of that group alone, else `all`. A recall is empty where the group lacks the class.
    """
    return pa.DataFrameSchema({
        "model": _text(), "fold": _integer(1), "seed": _integer(0), "selection": _one_of("last", "best"),
        "level": _one_of("segment", "utterance"), "corpus": _text(), "gender": _one_of("all", "F", "M"),
        "n": _integer(1), "ua": _number(least=0), "wa": _number(least=0), "macro_f1": _number(least=0),
        "ece": _number(least=0), **{f"recall_{name}": _number(least=0, empty=True) for name in classes},
        **{f"count_{true}_{said}": _integer(0) for true in classes for said in classes},
    })  # fmt: skip


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
        # The csv module leaves a lone carriage return (macOS names a file so) bare, and readers end the line there.
        texts = ordered.select_dtypes(include=["str", "object"])
        returns = any(texts[name].astype(str).str.contains("\r").any() for name in texts)
        ordered.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL,
        )


def read_table(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a CSV table and check it against `schema`. Text stays text: an actor `1e5` or `NA` is no number.

    Raises:
        InputError: the file is missing, no CSV, or a value breaks its rule (named with its line).
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `dvc repro` makes it") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} cannot be read as a CSV table: {error}") from None
    for name, column in schema.columns.items():
        if name in table and str(column.dtype) in ("int64", "float64"):
            table[name] = _numbers(table[name], path, integers=str(column.dtype) == "int64")
    return _validate(table, path, schema)


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
