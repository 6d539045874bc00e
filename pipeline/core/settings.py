"""A YAML file as frozen, typed objects. A wrong key, type or value is refused with its place in the file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean

KEY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""Keys of corpora, models and tables: they name files and DVC stages, so they have no `@`, `.` or blank."""

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""A seed; tables of results keep it as a 64-bit number."""


class Strict(BaseModel):
    """Frozen values; unknown keys and silent conversions ('8' for 8) are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Sections(Strict):
    """Some sections of a file that has others too; a stage reads its own sections and depends on no others."""

    model_config = ConfigDict(extra="ignore")

    def mistakes(self) -> list[str]:
        """Conflicts between keys that are each valid alone, as `place: reason`."""
        return []


class Variants:
    """Marks an entry whose class depends on one of its keys, such as that of a model on its `family`."""

    def __init__(self, key: str, choose: Callable[[str], type[Strict]], default: str | None = None) -> None:
        """Prepare.

        Args:
            key: key whose value decides.
            choose: function that returns the class for a value of the key; raises `InputError` if there is none.
            default: value of an entry without the key; None if the key has no default.
        """
        self.key = key
        self.choose = choose
        self.default = default

    def class_of(self, entry: Mapping[str, Any]) -> type[Strict]:
        """The class of an entry.

        Raises:
            InputError: there is no class for its value.
            ValidationError: the key is missing, or its value is not a string; other keys cannot be judged then.
        """
        value = entry.get(self.key, self.default)
        if isinstance(value, str):
            return self.choose(value)
        given = self.key in entry
        mistake = InitErrorDetails(
            type="string_type" if given else "missing", loc=(self.key,), input=value if given else entry
        )
        raise ValidationError.from_exception_data("entry", [mistake])

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_wrap_validator_function(self._validated, handler(source))

    def _validated(self, value: Any, handler: Callable[[Any], Any], info: core_schema.ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return handler(value)
        try:
            kind = self.class_of(value)
        except InputError as error:
            raise PydanticCustomError("value_error", "{error}", {"error": str(error)}) from None
        # JSON has no tuples, so entries within a JSON text must be read as JSON too.
        return kind.model_validate(value) if info.mode == "python" else kind.model_validate_json(json.dumps(value))


PARAMS = Path("params.yaml")

Classes = Annotated[tuple[Key, ...], Field(min_length=2)]
"""Emotions to classify, in the order of every table and column."""

Settings = TypeVar("Settings", bound=Strict)
Entry = TypeVar("Entry")


def read_settings(path: Path, model: type[Settings]) -> Settings:
    """Read a file and check every key, type and value alone, then conflicts between its sections.

    Raises:
        InputError: the file is missing or not YAML; or some key, type or value is wrong. The message lists all
            mistakes, each with its path in the file, its line, the value and what is allowed.
    """
    document = _parse(path, model)
    try:
        settings = model.model_validate(_plain(document))
    except ValidationError as error:
        lines = [_explain(details, document, model) for details in _first_mistakes(error)]
        raise InputError(listed_mistakes(path, lines)) from None
    if isinstance(settings, Sections) and (lines := settings.mistakes()):
        raise InputError(listed_mistakes(path, lines))
    return settings


def merged(base: Settings, changes: Mapping[str, Any] | None, place: str = "") -> Settings:
    """A section with other values for some of its keys.

    Raises:
        ValueError: a key is unknown, or a value is not allowed; the message has a line for each, `place.key: reason`.
    """
    if not changes:
        return base
    model = type(base)
    try:
        return model.model_validate({**base.model_dump(), **changes})
    except ValidationError as error:
        document = CommentedMap(changes)
        lines = [_explain(details, document, model, place) for details in _first_mistakes(error)]
        raise ValueError("\n".join(lines)) from None


def _first_mistakes(error: ValidationError) -> list[ErrorDetails]:
    """The mistakes without those that follow from others: a list is not too short where its items are wrong."""
    every = error.errors()
    wrong = {details["loc"][:-1] for details in every}
    return [details for details in every if details["type"] != "too_short" or details["loc"] not in wrong]


def entry_of(entries: Mapping[str, Entry], key: str, what: str) -> Entry:
    """The configured entry of a key.

    Args:
        entries: section of params.yaml.
        key: key of the wanted entry.
        what: word for an entry in the message: `corpus`.

    Raises:
        InputError: there is no such entry.
    """
    if key not in entries:
        hint = did_you_mean(key, entries)
        raise InputError(f"{key!r} is not a {what} in params.yaml; {hint}expected one of {', '.join(entries)}")
    return entries[key]


def class_mistakes(classes: Sequence[str]) -> list[str]:
    """Mistakes in the names of classes."""
    return [
        *repeated("classes", classes),
        *(
            f"classes: {name!r} would collide with the probability columns; choose another name"
            for name in classes
            if name.startswith("p_")
        ),
    ]


def repeated(place: str, values: Sequence[object]) -> list[str]:
    """One line if a list names a value twice, else none."""
    if len(set(values)) == len(values):
        return []
    return [f"{place}: {list(values)} names one value twice; expected each once"]


def _parse(path: Path, model: type[BaseModel]) -> CommentedMap:
    try:
        # The round-trip loader reads YAML 1.2, as DVC does, and knows the line of every key.
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; run in the folder that has it, or make one with `shaking-emotions init DIR`"
        ) from None
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
    """Ruamel's containers and scalars as plain Python values; lists become tuples."""
    if isinstance(value, dict):
        return {key if not isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def listed_mistakes(path: Path, lines: list[str]) -> str:
    """The message for all mistakes of a file, one on each line."""
    return "\n  ".join([f"{path}: {len(lines)} mistake{'s' if len(lines) > 1 else ''}", *lines])


def _explain(details: ErrorDetails, document: CommentedMap, model: type[BaseModel], above: str = "") -> str:
    """One pydantic error as one line: place (below `above`), line number, value, what is allowed."""
    place = _place(details["loc"], document)
    where = ".".join(filter(None, [above, *map(str, place)])) or "the file"
    if line := _line(place, document):
        where += f" (line {line})"
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _siblings(place, model, document)
        return f"{where}: unknown key; {did_you_mean(str(place[-1]), known)}known here: {', '.join(known)}"
    if kind == "missing":
        return f"{where}: missing; this key has no default"
    if kind == "string_pattern_mismatch" and "[key]" in details["loc"]:
        return f"{where}: {value!r} cannot be a key; expected a letter, then letters, digits, '-' or '_'"
    if kind == "value_error":
        return f"{where}: {context['error']}"
    message = re.sub(r" or instance of \w+", "", details["msg"][:1].lower() + details["msg"][1:])
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


def _siblings(place: tuple[int | str, ...], model: type[BaseModel], document: CommentedMap) -> list[str]:
    """The keys allowed beside the last part of `place`."""
    node: Any = document
    variants: Variants | None = None
    for part in place[:-1]:
        node = node[part] if isinstance(node, dict) and part in node else None
        if variants is not None and isinstance(node, dict):
            model, variants = variants.class_of(node), None
        if not isinstance(part, str) or part not in model.model_fields:
            continue
        field = model.model_fields[part]
        if isinstance(node, dict) and (own := next((one for one in field.metadata if isinstance(one, Variants)), None)):
            model = own.class_of(node)
            continue
        kinds: list[Any] = [field.annotation]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, Variants):
                variants = kind
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
                break
            kinds.extend(get_args(kind))
    return list(model.model_fields)
