"""EmoBox's lists: one JSON object a line with `key`, `dataset`, `wav`, `emo`, or one object of objects by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.audit.columns import guess
from pipeline.audit.entries import ROLES, Entry, Listing
from pipeline.audit.files import refuse_controls, shown
from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.corpora.tabular import GENDERS

PREFERRED = {"wav": "name", "emo": "label", "dataset": "corpus", "start_time": "start", "end_time": "end"}
"""EmoBox's own names; `key` names recordings that have no `wav`."""


def read_jsonl(path: Path, text: str, named: Mapping[str, str]) -> Listing:
    """Read a list of JSON objects.

    Args:
        path: the file, for messages.
        text: its text.
        named: column of each role that the user names.

    Raises:
        InputError: a line is no JSON object, is nested too deeply, or names no recording; a value has a control
            character or is no text or number.
    """
    where = shown(path)
    rows = list(_objects(text, where))
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    for name in names:
        refuse_controls(name, f"{where}: the name")
    roles = {name: role for name, role in PREFERRED.items() if name in names and role not in named}
    free = [name for name in names if name not in roles]
    roles |= {
        name: role for name, role in guess(free, named).items() if role in named or role not in roles.values()
    }  # fmt: skip
    if "name" not in roles.values():
        raise InputError(
            f"{where} has objects with {', '.join(map(printable, names[:20]))}, and none of these names recordings; "
            "expected wav or key, as EmoBox has them; say which one is it with --column name=..."
        )
    entries = tuple(_entry(row, roles, f"{where} {place}") for place, row in rows)
    unused = tuple(printable(name) for name in names if name not in roles)
    return Listing(path, "EmoBox's jsonl", entries, roles, unused)


def _objects(text: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects with their places for messages."""
    whole = None
    first = text.lstrip().split("\n", 1)[0].strip()
    if first in ("{", "["):
        whole = _parsed(text, where)
    elif text.strip().count("\n") == 0:
        only = _parsed(text, f"{where} line 1")
        nested = isinstance(only, dict) and only and all(isinstance(value, dict) for value in only.values())
        whole = only if nested or isinstance(only, list) else None
    if isinstance(whole, dict) and all(isinstance(value, dict) for value in whole.values()):
        for key, value in whole.items():
            refuse_controls(key, f"{where}: a key")
            yield f"{printable(key)!r}", {"key": key, **value}
        return
    if isinstance(whole, list):
        for number, value in enumerate(whole, start=1):
            yield f"entry {number}", _object(value, f"{where} entry {number}")
        return
    if whole is not None:
        raise InputError(f"{where} is one JSON value; expected an object for each recording, one a line")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _object(_parsed(line, f"{where} line {number}"), f"{where} line {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{where} is nested too deeply; expected an object with plain values") from None
    except ValueError as error:
        raise InputError(f"{where} is not JSON ({error}); expected an object for each recording, one a line") from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is a {type(value).__name__}; expected a JSON object with key, dataset, wav and emo")
    return value


def _entry(row: Mapping[str, Any], roles: Mapping[str, str], where: str) -> Entry:
    values = dict.fromkeys(ROLES, "")
    for name, role in roles.items():
        values[role] = _text(row.get(name), f"{where}: {printable(name)}") or values[role]
    values["name"] = values["name"] or _text(row.get("key"), f"{where}: key")
    if not values["name"]:
        raise InputError(f"{where} names no recording; expected wav or key")
    values["gender"] = GENDERS.get(values["gender"].lower(), "")
    return Entry(**values)


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"{where} is a {type(value).__name__}; expected a text or a number")
    text = str(value).strip()
    refuse_controls(text, where)
    return text
