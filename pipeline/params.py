"""`params.yaml` as frozen, typed objects. A wrong key, type or value is refused with its place in the file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from pipeline.errors import InputError
from pipeline.wording import did_you_mean

KEY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""Corpus, model and table keys: they name files and DVC stages, so neither `@` nor `.` nor a blank."""

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]

ReaderName = Literal["enterface", "ravdess", "iemocap", "emodb", "emovo", "savee", "custom"]
Layout = Literal["PreAct", "PreActBN", "RPreAct", "PostAct", "BN-Shake"]
Selection = Literal["last", "best", "crossval"]

SELECTIONS: tuple[Selection, ...] = get_args(Selection)
"""Which epoch of a run is reported, see `protocol` in the docs; all three come from one training."""


PAPER_TABLES = frozenset(f"table{number}" for number in range(2, 11))
"""Keys that a table of the user's own cannot have."""


class Strict(BaseModel):
    """Frozen values; unknown keys and silent conversions ('8' for 8) are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CorpusParams(Strict):
    """One corpus: where its files lie and how they are read."""

    path: Text
    reader: ReaderName | None = None
    complete: bool = False
    segment: bool = True
    exclude_actors: tuple[Text, ...] = ()
    table: Text | None = None
    emotions: dict[Text, Text] | None = None
    split_group: Literal["actor", "session"] = "actor"


class SegmentParams(Strict):
    """Sub-utterance sampling (section 5)."""

    seconds: Annotated[float, Field(ge=0.1)]


class FeatureParams(Strict):
    """Splicing and normalisation of spectrogram frames (section 5)."""

    left: Size
    right: Size
    every: Count
    cmvn: Literal["segment", "utterance"]

    @property
    def context(self) -> int:
        """Spectrogram frames in one model frame (16 in the paper)."""
        return self.left + 1 + self.right


class PartitionParams(Strict):
    """Actor-disjoint folds (Table 4)."""

    folds: Annotated[int, Field(ge=2)]
    seed: Size
    balance_classes: bool = True


class NetworkParams(Strict):
    """What all models share: ResNeXt of Table 5 or a smaller one.

    `widths[0]` belongs to the preliminary convolution, `widths[1:]` to the stages, each of `blocks[i]` blocks.
    """

    kernel: tuple[Count, Count]
    widths: Annotated[tuple[Count, ...], Field(min_length=2)]
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)]
    branches: Annotated[int, Field(ge=1)]
    pooling: Literal["bands", "bins"]
    padding: Literal["paired", "same"]
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _stages_agree(self) -> NetworkParams:
        if len(self.widths) != len(self.blocks) + 1:
            raise ValueError(
                f"widths names {len(self.widths)} widths (the preliminary convolution's and one a stage) "
                f"and blocks names {len(self.blocks)} stages; expected {len(self.blocks) + 1} widths"
            )
        return self


class ShakeParams(Strict):
    """Shake-Shake (equations 4 to 9; `bands` 1 is Full, 2 is Both, up to one a frequency bin)."""

    bands: Annotated[int, Field(ge=1, le=256)] = 1
    forward: Literal["shake", "even"] = "shake"
    backward: Literal["shake", "even", "keep"] = "shake"
    level: Literal["frame", "segment", "batch"] = "frame"


class ModelParams(Strict):
    """One model of the tables."""

    label: Text
    layout: Layout
    gamma0: Annotated[float, Field(ge=0)] | Literal["uniform"] = 1.0
    shake: ShakeParams | None = None


class TrainParams(Strict):
    """The recipe of section 5."""

    epochs: Count
    seeds: Annotated[tuple[Size, ...], Field(min_length=1)]
    folds: Annotated[tuple[Count, ...], Field(min_length=1)]
    batch_segments: Annotated[int, Field(ge=2)]
    learning_rate: Annotated[float, Field(gt=0)]
    precision: Literal["fp32", "bf16"]
    threads: Count
    eval_train_every: Count


class TableParams(Strict):
    """A table of the user's own: its models in order, and the pairs tested, the one claimed better first."""

    title: Text
    models: Annotated[tuple[Key, ...], Field(min_length=1)]
    pairs: tuple[tuple[Key, Key], ...] = ()


class ReportParams(Strict):
    """What the tables print first."""

    selection: Selection
    gap: Literal["train_mode", "eval_mode"]
    rope: Annotated[float, Field(ge=0)]
    tables: dict[Key, TableParams] = {}


class ExecutionParams(Strict):
    """How runs are executed: never what they compute."""

    engine: Literal["local", "ray"] = "local"
    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    workers: Count | Literal["auto"] = "auto"
    features: Literal["auto", "resident", "streamed"] = "auto"
    devices_per_run: Count = 1
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0


class Params(Strict):
    """All of `params.yaml`."""

    classes: Annotated[tuple[Key, ...], Field(min_length=2)]
    corpora: Annotated[dict[Key, CorpusParams], Field(min_length=1)]
    segment: SegmentParams
    features: FeatureParams
    partition: PartitionParams
    network: NetworkParams
    models: Annotated[dict[Key, ModelParams], Field(min_length=1)]
    train: TrainParams
    report: ReportParams
    execution: ExecutionParams = ExecutionParams()

    def corpus(self, key: str) -> CorpusParams:
        """A configured corpus.

        Raises:
            InputError: `params.yaml` names no such corpus.
        """
        if key not in self.corpora:
            raise InputError(f"{key!r} is no corpus of params.yaml; expected one of {', '.join(self.corpora)}")
        return self.corpora[key]

    def model(self, key: str) -> ModelParams:
        """A configured model.

        Raises:
            InputError: `params.yaml` names no such model.
        """
        if key not in self.models:
            hint = did_you_mean(key, self.models)
            raise InputError(f"{key!r} is no model of params.yaml; {hint}expected one of {', '.join(self.models)}")
        return self.models[key]

    def reader(self, corpus: str) -> ReaderName:
        """The reader of a configured corpus: the one it names, else the one of its own name."""
        name = self.corpora[corpus].reader or corpus
        return next(known for known in get_args(ReaderName) if known == name)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check a params file.

    Raises:
        InputError: the file is missing or no YAML; or some key, type or value is wrong. All mistakes are listed,
            each with its path in the file, its line, the value and what is allowed.
    """
    document = _parse(path)
    try:
        params = Params.model_validate(_plain(document))
    except ValidationError as error:
        lines = [_explain(details, document) for details in error.errors()]
        raise InputError(_listed(path, lines)) from None
    if lines := _disagreements(params):
        raise InputError(_listed(path, lines))
    return params


def _parse(path: Path) -> CommentedMap:
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
        raise InputError(f"{path} holds no mapping of keys; expected {', '.join(Params.model_fields)}")
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


def _disagreements(params: Params) -> list[str]:
    """Mistakes between keys that are each fine alone."""
    lines = []
    for section, values in (
        ("classes", params.classes), ("train.seeds", params.train.seeds), ("train.folds", params.train.folds)
    ):  # fmt: skip
        if len(set(values)) != len(values):
            lines.append(f"{section}: {list(values)} names one value twice; expected each once")
    lines += [
        f"classes: {name!r} would collide with the probability columns; choose another name"
        for name in params.classes
        if name.startswith("p_")
    ]
    for key, corpus in params.corpora.items():
        if corpus.reader is None and key not in get_args(ReaderName):
            lines.append(
                f"corpora.{key}.reader: missing, and {key!r} is no reader's name; "
                f"expected one of {', '.join(get_args(ReaderName))}"
            )
            continue
        custom = params.reader(key) == "custom"
        for option in ("table", "emotions"):
            given = getattr(corpus, option) is not None
            if given and not custom:
                lines.append(f"corpora.{key}.{option}: only the reader custom takes it; remove it")
        if custom and corpus.table is None:
            lines.append(f"corpora.{key}.table: missing; the reader custom needs the CSV that lists the recordings")
        if corpus.split_group == "session" and params.reader(key) != "iemocap":
            lines.append(f"corpora.{key}.split_group: 'session' is known to the reader iemocap only; expected 'actor'")
    if wrong := [fold for fold in params.train.folds if fold > params.partition.folds]:
        lines.append(f"train.folds: {wrong} beyond partition.folds = {params.partition.folds}")
    if params.network.kernel[0] > params.features.context:
        lines.append(
            f"network.kernel: {params.network.kernel[0]} frames high, but features.left + 1 + features.right "
            f"gives model frames of {params.features.context} spectrogram frames; expected at most that"
        )
    for key, model in params.models.items():
        if model.shake is not None and params.network.branches < 2:
            lines.append(f"models.{key}.shake: shaking mixes branches, and network.branches is 1; expected at least 2")
    for key, table in params.report.tables.items():
        if key in PAPER_TABLES:
            lines.append(f"report.tables.{key}: the paper's own table has this name; choose another key")
        named = (*table.models, *(model for pair in table.pairs for model in pair))
        lines += [
            f"report.tables.{key}: {unknown!r} is no model; expected one of {', '.join(params.models)}"
            for unknown in sorted({name for name in named if name not in params.models})
        ]
        lines += [
            f"report.tables.{key}: {better!r} is compared with itself; expected two models"
            for better, reference in table.pairs
            if better == reference
        ]
    return lines


def _listed(path: Path, lines: list[str]) -> str:
    return "\n  ".join([f"{path}: {len(lines)} mistake{'s' if len(lines) > 1 else ''}", *lines])


def _explain(details: ErrorDetails, document: CommentedMap) -> str:
    """One pydantic error as one line: place, line, value, what is allowed."""
    place = _place(details["loc"], document)
    where = ".".join(str(part) for part in place) or "the file"
    if line := _line(place, document):
        where += f" (line {line})"
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _siblings(place)
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


def _siblings(place: tuple[int | str, ...]) -> list[str]:
    """The keys allowed beside the last part of `place`."""
    model: type[BaseModel] = Params
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
