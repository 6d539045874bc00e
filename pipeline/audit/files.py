"""The text of a list from elsewhere: only regular files of limited size, in UTF-8, with lines of limited length."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.wording import printable

LARGEST = 512 * 1024 * 1024
"""Bytes; a list of ten million recordings is smaller."""

LONGEST = 1024 * 1024
"""Characters of a line."""


def shown(path: Path) -> str:
    """A path for messages."""
    return printable(str(path))


def read_text(path: Path) -> str:
    """The text of a list.

    Raises:
        InputError: it is not a regular file, cannot be read, is larger than `LARGEST`, is not UTF-8, is empty, or has a
            line longer than `LONGEST`.
    """
    name = shown(path)
    try:
        if not path.exists():
            raise InputError(f"{name} does not exist; expected a split list: CSV, jsonl, or Kaldi's utt2spk")
        if not path.is_file():
            # Opening a pipe would wait for ever.
            raise InputError(f"{name} is not a regular file; expected a split list; save its output in a file first")
        if (size := path.stat().st_size) > LARGEST:
            raise InputError(
                f"{name} has {size / 2**20:.0f} MiB; expected a list of at most {LARGEST // 2**20} MiB: this is "
                "probably no list"
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}; expected a split list that you may read") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name} line {line} is not UTF-8 text (byte {error.start}); expected a list in UTF-8; save it again so"
        ) from None
    if not text.strip():
        raise InputError(f"{name} is empty; expected one row for each recording")
    for number, row in enumerate(text.split("\n"), start=1):
        if len(row) > LONGEST:
            raise InputError(
                f"{name} line {number} has {len(row)} characters; expected at most {LONGEST}: this is probably no list"
            )
    return text


def refuse_controls(value: str, where: str) -> None:
    """Refuse a value with control characters, which a terminal would obey.

    Raises:
        InputError: `value` has some.
    """
    if value.isprintable():
        return
    try:
        safe = printable(value)
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON can write it
        safe = ascii(value)
    if safe != value:
        raise InputError(f"{where} is {safe!r}, with a control character; expected printable text; correct the list")
