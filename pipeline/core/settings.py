"""A YAML file as frozen, typed objects. A wrong key, type or value is refused with its place in the file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean

KEY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""Corpus, model and table keys: they name files and DVC stages, so neither `@` nor `.` nor a blank."""

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Frozen values; unknown keys and silent conversions ('8' for 8) are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Settings = TypeVar("Settings", bound=Strict)


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read a file and check every key, type and value alone.

    Raises:
        InputError: the file is missing or no YAML; or some key, type or value is wrong. All mistakes are listed,
            each with its path in the file, its line, the value and what is allowed.
    """
    document = _parse(path, model)
    try:
        return model.model_validate(_plain(document))
    except ValidationError as error:
        lines = [_explain(details, document, model) for details in error.errors()]
        raise InputError(listed_mistakes(path, lines)) from None


def _parse(path: Path, model: type[BaseModel]) -> CommentedMap:
    try:
        # The round-trip loader speaks YAML 1.2, as DVC does, and knows the line of every key.
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run from the repository root") from None
    except DuplicateKeyError as error:
        line = "" if error.problem_mark is None else f" line {error.problem_mark.line + 1}"
        name = re.search(r'duplicate key "(.*?)"', str(error.problem))
        raise InputError(
            f"{path}{line}: the key {name[1] if name else '?'} is there twice; expected each key once; remove or "
            "rename one of the two"
        ) from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path} cannot be read as YAML: {error}") from None
    if not isinstance(document, CommentedMap):
        raise InputError(f"{path} holds no mapping of keys; expected {', '.join(model.model_fields)}")
    return document


def _plain(value: Any) -> Any:
    """Ruamel's containers and scalars as plain frozen-able ones: lists become tuples."""
    if isinstance(value, dict):
        return {key if not isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def listed_mistakes(path: Path, lines: list[str]) -> str:
    """The message for all mistakes of a file, one a line."""
    return "\n  ".join([f"{path}: {len(lines)} mistake{'s' if len(lines) > 1 else ''}", *lines])


def _explain(details: ErrorDetails, document: CommentedMap, model: type[BaseModel]) -> str:
    """One pydantic error as one line: place, line, value, what is allowed."""
    place = _place(details["loc"], document)
    where = ".".join(str(part) for part in place) or "the file"
    if line := _line(place, document):
        where += f" (line {line})"
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _siblings(place, model)
        return f"{where}: unknown key; {did_you_mean(str(place[-1]), known)}known here: {', '.join(known)}"
    if kind == "missing":
        return f"{where}: missing; this key has no default"
    if kind == "string_pattern_mismatch" and "[key]" in details["loc"]:
        return f"{where}: {value!r} cannot be a key; expected a letter, then letters, digits, '-' or '_'"
    if kind == "value_error":
        return f"{where}: {context['error']}"
    message = details["msg"][:1].lower() + details["msg"][1:]
    shown = ".nan or .inf" if isinstance(value, float) and not math.isfinite(value) else repr(value)
    return f"{where}: {shown}: {message.replace('valid tuple', 'list').replace('Tuple', 'list')}"


def _place(location: tuple[int | str, ...], document: CommentedMap) -> tuple[int | str, ...]:
    """The part of a pydantic location that is a path in the file (unions and key checks add parts of their own)."""
    place: list[int | str] = []
    node: Any = document
    for position, part in enumerate(location):
        if part == "[key]":
            continue
        inside = isinstance(node, CommentedMap) or (isinstance(node, CommentedSeq) and isinstance(part, int))
        if not inside and position:
            break
        place.append(part)
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = None
    return tuple(place)


def _line(place: tuple[int | str, ...], document: CommentedMap) -> int | None:
    """The line (from 1) of the deepest part of `place` that is in the file."""
    node: Any = document
    line = None
    for part in place:
        try:
            position = node.lc.key(part) if isinstance(node, CommentedMap) else node.lc.item(part)
            line, node = position[0] + 1, node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def _siblings(place: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys allowed beside the last part of `place`."""
    for part in place[:-1]:
        if not isinstance(part, str) or part not in model.model_fields:
            continue
        kinds = [model.model_fields[part].annotation]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
                break
            kinds.extend(get_args(kind))
    return list(model.model_fields)
