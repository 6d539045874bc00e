"""`params.yaml` as frozen, typed objects. A wrong key, type or value is refused with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from pipeline.core.errors import InputError
from pipeline.core.settings import Count, Key, Size, Strict, Text, listed_mistakes, read_settings
from pipeline.core.wording import did_you_mean

Share = Annotated[float, Field(ge=0, le=1)]
Level = Literal["frame", "segment", "batch"]

ReaderName = Literal["enterface", "ravdess", "iemocap", "emodb", "emovo", "savee", "custom"]
Layout = Literal["PreAct", "PreActBN", "RPreAct", "PostAct", "BN-Shake"]
Selection = Literal["last", "best", "crossval"]

SELECTIONS: tuple[Selection, ...] = get_args(Selection)
"""Which epoch of a run is reported, see `protocol` in the docs; all three come from one training."""


PAPER_TABLES = frozenset(f"table{number}" for number in range(2, 11))
"""Keys that a table of the user's own cannot have."""


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
    """Shake-Shake (equations 4 to 9; `bands` 1 is Full, 2 is Both, up to one a frequency bin).

    `backward` M1 to M5 are Gastaldi's rules (2017, table 3), `interval` is that of the first of two branches' weight.
    """

    bands: Annotated[int, Field(ge=1, le=256)] = 1
    forward: Literal["shake", "even"] = "shake"
    backward: Literal["shake", "even", "keep", "M1", "M2", "M3", "M4", "M5"] = "shake"
    level: Level = "frame"
    interval: tuple[Share, Share] = (0.0, 1.0)

    @model_validator(mode="after")
    def _makes_sense(self) -> ShakeParams:
        if self.forward == "even" and self.backward == "even":
            raise ValueError("forward and backward are even, so nothing is shaken; expected `shake: null`")
        if self.forward == "even" and self.backward != "shake":
            raise ValueError(
                f"backward is {self.backward!r}, which follows the forward weights, and these are even; expected "
                "backward 'shake', or forward 'shake'"
            )
        if self.interval[0] >= self.interval[1]:
            raise ValueError(f"interval is {list(self.interval)}; expected the lower end first")
        return self


class ShakeDropParams(Strict):
    """ShakeDrop (arXiv 1802.02375): `last_keep` is the probability that the last block is left as it is."""

    last_keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    level: Level = "frame"


class MixupParams(Strict):
    """Mixup (arXiv 1710.09412): shares from Beta(alpha, alpha); `manifold` mixes before a random layer (1806.05236)."""

    alpha: Annotated[float, Field(gt=0)]
    manifold: bool = False


class VclParams(Strict):
    """Variance constancy loss (Littwin & Wolf 2018): two samples of `samples` segments, `weight` in the loss."""

    samples: Annotated[int, Field(ge=2)] = 4
    weight: Annotated[float, Field(gt=0)] = 0.01


class ModelParams(Strict):
    """One model of the tables."""

    label: Text
    layout: Layout
    gamma0: Annotated[float, Field(ge=0)] | Literal["uniform"] = 1.0
    shake: ShakeParams | None = None
    shakedrop: ShakeDropParams | None = None
    mixup: MixupParams | None = None
    vcl: VclParams | None = None


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
    tables: dict[Key, TableParams] = Field(default_factory=dict)


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
    params = read_settings(path, Params)
    if lines := _disagreements(params):
        raise InputError(listed_mistakes(path, lines))
    return params


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
        lines += [f"models.{key}.{mistake}" for mistake in _senseless(model, params)]
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


def _senseless(model: ModelParams, params: Params) -> Iterator[str]:
    """What a model asks for in vain, with the reason."""
    branches, shake = params.network.branches, model.shake
    if shake is not None and branches < 2:
        yield "shake: shaking mixes branches, and network.branches is 1; expected at least 2"
    if shake is not None and branches > 2:
        if shake.backward.startswith("M"):
            yield f"shake.backward: {shake.backward!r} is a rule for two branches, and network.branches is {branches}"
        if shake.interval != (0.0, 1.0):
            yield f"shake.interval: it is that of two branches' weights, and network.branches is {branches}"
    if shake is not None and model.shakedrop is not None:
        yield "shakedrop: it and shake both replace the gradient of the same sum of branches; expected one of them"
    if model.vcl is not None and model.mixup is not None:
        yield "vcl: it compares samples of the data, and mixup leaves none as they are; expected one of them"
    if model.vcl is not None and 2 * model.vcl.samples > params.train.batch_segments:
        yield (
            f"vcl.samples: two samples of {model.vcl.samples} segments do not fit into a batch of "
            f"{params.train.batch_segments} (train.batch_segments); expected at most {params.train.batch_segments // 2}"
        )
    for name in ("mixup", "vcl"):
        if getattr(model, name) is not None and params.execution.devices_per_run > 1:
            yield (
                f"{name}: it needs a whole batch on one device, and execution.devices_per_run is "
                f"{params.execution.devices_per_run}; expected 1"
            )
