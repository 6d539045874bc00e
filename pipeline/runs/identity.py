"""The identity of a run: a hash of everything that its numbers depend on, and of nothing else."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import torch

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.core.settings import Strict
from pipeline.core.source import ROOT, import_closure, source_hash, source_hashes
from pipeline.core.wording import counted, run_words
from pipeline.features.described import described_shape
from pipeline.folds.people import Source, people_of, source_of
from pipeline.models.family import Design, Family
from pipeline.models.options import ModelParams
from pipeline.models.registry import FAMILIES
from pipeline.runs.params import RunSections
from pipeline.runs.tables import SPLIT_DIGITS
from pipeline.training.data import Experiment, load_experiment
from pipeline.training.params import BY_EPOCHS, Reading, TrainParams
from pipeline.training.run import Seeds

ROOMS = ("pipeline/models", "pipeline/training")
"""Packages with the code that computes the numbers of a run; the front end counts through the features it makes."""

ENTRIES = ("pipeline.training.run", "pipeline.training.checkpoints")
"""Modules that begin the training of a run, and that continue it from a checkpoint."""

INPUTS, FOLDS_FILE, PARTS_FILE = Path("data/inputs.json"), Path("data/folds.csv"), Path("data/parts.csv")


@dataclass(frozen=True)
class RunSpec:
    """One run: a model, the fold that it is validated on, its seed, and the partition that the fold is of.

    Attributes:
        model: key of the model.
        fold: fold that it is validated on, from 1.
        seed: seed of the run.
        epochs: number of epochs; 1 for a model that is not trained by epochs.
        params: sections of the experiment.
        data: hash of the data that it learns from, from `data_hash`.
        repeat: number of the partition, from 1.
        split: hash of the parts of its own fold, from `split_hashes`; empty where `data/folds.csv` says everything.
        sources: the hash of each file of the code that computes it, by path, taken when the run is planned. It is sent
            with the run, so that the process that trains it has the identity that was planned, and is saved beside
            the run, to show later which files changed.
    """

    model: str
    fold: int
    seed: int
    epochs: int
    params: RunSections
    data: str
    repeat: int = 1
    split: str = ""
    sources: dict[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", dict(science_sources(self._modules)))

    @property
    def model_params(self) -> ModelParams:
        """The run's entry under `models`."""
        return self.params.model(self.model)

    @property
    def family(self) -> Family:
        """The family of its classifier."""
        return self.params.family_of(self.model)

    @property
    def train(self) -> TrainParams:
        """The section `train` with the model's own values."""
        return self.params.train_of(self.model).model_copy(update={"epochs": self.epochs})

    @property
    def reading(self) -> Reading:
        """The form in which its classifier reads the data."""
        return self.params.reading_of(self.model)

    def design(self, shape: Shape) -> Design:
        """Everything that its classifier is built from; `shape` is that of its features."""
        return self.params.design_of(self.model, shape)

    def load_experiment(self, device: torch.device, processes: int = 1) -> Experiment:
        """The data that it learns from, on a device on which `processes` processes keep a copy each.

        Raises:
            InputError: as `load_experiment`; or the data are others than when the run was planned.
        """
        params, reading = self.params, self.reading
        experiment = load_experiment(
            params.corpora, params.classes, reading, device,
            where=params.execution.features, processes=processes, folds=params.partition.folds, repeat=self.repeat,
            plain=params.partition.plain,
        )  # fmt: skip
        # Features and segments were compared with inputs.json; this compares inputs.json and the folds with the plan.
        found = data_of(params, self.model, repeat=self.repeat)
        if found != self.data:
            changed = (
                INPUTS
                if found[:SPLIT_DIGITS] == self.data[:SPLIT_DIGITS]
                else f"{FOLDS_FILE}, {PARTS_FILE} or {INPUTS}"
            )
            raise InputError(
                f"{changed} changed since this run was planned (the hash of the data is {found}; expected "
                f"{self.data}). Nothing was trained; run the command again, which plans the run on the present data"
            )
        segments = experiment.segments
        return replace(experiment, segments=segments.assign(person=people_of(segments, self._people)))

    @property
    def _people(self) -> dict[str, Source]:
        """The source of the actors' names of each corpus: a reader, or the corpus itself."""
        corpora = self.params.corpora.items()
        return {
            key: source_of(key, entry.model_dump() if isinstance(entry, Strict) else entry) for key, entry in corpora
        }

    def _one_people(self) -> list[list[str]]:
        """The corpora of each reader that has several, for runs that learn or standardise by speaker."""
        if self.family.by_epochs and getattr(self.model_params, "standardise", "none") != "speaker":
            return []
        found: dict[str, list[str]] = {}
        for corpus, source in sorted(self._people.items()):
            found.setdefault(source.people, []).append(corpus)
        return sorted(corpora for corpora in found.values() if len(corpora) > 1)

    def description(self, defaults: bool = True) -> dict[str, Any]:
        """The values that the identity is the hash of, readable and in a stable order; saved beside the run.

        Args:
            defaults: whether options that have their default value are listed too.
        """
        params, family, design = self.params, self.family, self.design(Shape(dims=1))
        # The key of the front end and its normalisation count through the content of the features, in `data`.
        apart = {"label", "frontend", "network", "features", "train"}
        # Variants count through the content of their features too.
        without = {"seeds", "folds", "variants"} | (set() if family.by_epochs else BY_EPOCHS)
        # A run continues a shorter one, unless the rates of both differ from the first epoch on.
        if not (family.by_epochs and self.train.follows_epochs):
            without.add("epochs")

        def values(options: Strict, exclude: set[str] | None = None) -> dict[str, Any]:
            return options.model_dump(mode="json", exclude=exclude, exclude_defaults=not defaults)

        return {
            "model": {"family": family.name, **values(self.model_params, apart)},
            "network": values(design.network) if family.network else None,
            "train": values(self.train, without),
            "features": values(design.features, {"cmvn"}) if family.reads == "spliced" else None,
            "classes": list(params.classes),
            # Where runs have parts of their own, other folds than its own do not count.
            **({} if self.split else {"folds": params.partition.folds}),
            # Only of further partitions, so that the runs of the first are the same with and without them.
            **({"repeat": self.repeat} if self.repeat > 1 else {}),
            "fold": self.fold,
            "seed": self.seed if family.stochastic else None,
            "data": self.split + self.data[SPLIT_DIGITS:] if self.split else self.data,
            # Only where people may be in several corpora, so that all others are what they were.
            **({"people": people} if (people := self._one_people()) else {}),
            "source": self.source,
        }

    @property
    def source(self) -> str:
        """Hash of the code that computes it."""
        return source_hash(self.sources)

    @property
    def _modules(self) -> tuple[str, ...]:
        return (*ENTRIES, FAMILIES[self.model_params.family])

    def refuse_edited_code(self) -> None:
        """Make sure that this process computes the run with the code that it was planned with.

        All files of that code are imported before they are hashed: an edit after the hashes cannot reach this process,
        and an edit between planning and importing is in them.

        Raises:
            InputError: a file differs.
        """
        for file in self.sources:
            import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        here = science_sources(self._modules)
        if edited := sorted(file for file in {*self.sources, *here} if self.sources.get(file) != here.get(file)):
            more = f" and {counted(len(edited) - 1, 'other file')}" if len(edited) > 1 else ""
            raise InputError(
                f"{edited[0]}{more} changed between the planning of this run and the start of the process that trains "
                "it; expected the same code, which the run is stored under. Nothing was trained; run the command "
                "again, which plans the run with the present code"
            )

    @property
    def identity(self) -> str:
        """20 hexadecimal digits; runs of one identity give the same numbers."""
        return described_identity(self.description())

    @property
    def name(self) -> str:
        """For people: `PreAct fold 1 seed 2`, of a further partition `PreAct repeat 2 fold 1 seed 2`."""
        return f"{self.model} {run_words(self.repeat, self.fold, self.seed)}"

    @property
    def seeds(self) -> Seeds:
        """The seeds of its random streams."""
        return Seeds.of(self.seed if self.family.stochastic else 0, self.fold, self.repeat)


def described_identity(description: Mapping[str, Any]) -> str:
    """The identity of the run that a description is of, also of one that was read from `run.json`."""
    text = json.dumps({key: description[key] for key in description if key != "sources"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def distinct(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """The runs without repetitions: of models that differ only in their key, the first one's run stands for all.

    Epochs are not part of the identity, since a run continues a shorter one, but the results of both are requested.
    """
    first: dict[tuple[str, int], RunSpec] = {}
    for spec in specs:
        first.setdefault((spec.identity, spec.epochs), spec)
    return list(first.values())


def hashes_shape(family: Family) -> bool:
    """Whether the hash of the data is of the shape too: networks of frames are built by more of it than the columns."""
    return family.reads == "frames"


def data_of(params: RunSections, model: str, root: Path = Path(), repeat: int = 1) -> str:
    """The hash of the present data that a model learns from, see `data_hash`.

    Raises:
        InputError: features or folds do not exist.
    """
    reading = params.reading_of(model)
    shape = described_shape(reading.frontend, root) if hashes_shape(params.family_of(model)) else None
    return data_hash(root / INPUTS, root / FOLDS_FILE, reading.frontend, reading.variants, shape, repeat)


def data_hash(
    inputs: Path,
    folds: Path,
    frontend: str,
    variants: Sequence[str] = (),
    shape: Shape | None = None,
    repeat: int = 1,
) -> str:
    """Hash of the content that training reads: a front end's features, the segments, and the folds.

    Its first half is the hash of segments and folds alone, which all runs of an experiment share.

    Args:
        inputs: path of `data/inputs.json`.
        folds: path of `data/folds.csv`; `parts.csv` beside it counts in its place if it has rows of the partition.
        frontend: key of the front end that the model reads.
        variants: keys of those that stand for it in training.
        shape: shape of the features, for families that build a classifier by more of it than the number of columns.
        repeat: number of the partition; the others do not count.

    Raises:
        InputError: a file is missing, or has no entry of the front end.
    """
    try:
        known = json.loads(inputs.read_text("utf-8"))
        segments = {corpus: entry["segments"] for corpus, entry in known.items()}
        features = {corpus: entry["features"][frontend] for corpus, entry in known.items()}
        more = [] if shape is None else [asdict(shape)]
        others = [{corpus: entry["features"][key] for corpus, entry in known.items()} for key in variants]
        read = [features, *others, *more] if others or more else features
        parts = (json.dumps(segments, sort_keys=True).encode() + split_rows(folds, repeat),
                 json.dumps(read, sort_keys=True).encode())  # fmt: skip
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} does not exist; `dvc repro` makes it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{inputs} has no features of the front end {', '.join((frontend, *variants))} ({type(error).__name__}: "
            f"{error}); `dvc repro inputs` makes it again"
        ) from None
    return "".join(hashlib.sha256(part).hexdigest()[:SPLIT_DIGITS] for part in parts)


def split_rows(folds: Path, repeat: int) -> bytes:
    """The rows that training reads of one partition, from `data/parts.csv`, else from `data/folds.csv`."""
    folds_text, parts = folds.read_bytes(), folds.with_name("parts.csv")
    lines = parts.read_bytes().splitlines(keepends=True) if parts.exists() else []
    # The repeat is the first column.
    return b"".join(line for line in lines if line.startswith(f"{repeat},".encode())) or repeat_rows(folds_text, repeat)


def split_hashes(root: Path, repeat: int) -> dict[int, str]:
    """By fold, the hash of the segments and of its rows of `data/parts.csv`; empty if the partition has no rows there.

    In the identity of a run it replaces the first half of `data_hash`, so that folds which are added later, as
    `partition.leave_one_out` does, do not change the identity.

    Args:
        root: the folder with `data/`, whose `inputs.json` was read before.
        repeat: number of the partition.
    """
    path = root / FOLDS_FILE.with_name("parts.csv")
    if not path.exists():
        return {}
    segments = {corpus: entry["segments"] for corpus, entry in json.loads((root / INPUTS).read_text("utf-8")).items()}
    start = json.dumps(segments, sort_keys=True).encode()
    found: dict[bytes, Any] = {}
    # The repeat is the first column, and the fold the second.
    for line in path.read_bytes().splitlines(keepends=True):
        number, fold, _ = (*line.split(b",", 2), b"", b"")[:3]
        if number == str(repeat).encode():
            found.setdefault(fold, hashlib.sha256(start)).update(line)
    return {int(fold): rows.hexdigest()[:SPLIT_DIGITS] for fold, rows in found.items() if fold.isdigit()}


def repeat_rows(folds: bytes, repeat: int) -> bytes:
    """The rows of one partition as the file of a single partition has them: a further repeat changes no other."""
    table = pd.read_csv(io.BytesIO(folds), dtype=str, keep_default_na=False)
    if "repeat" not in table:
        return folds
    return (
        table[table["repeat"] == str(repeat)].drop(columns="repeat").to_csv(index=False, lineterminator="\n").encode()
    )


@cache
def science_sources(modules: tuple[str, ...], root: Path = ROOT) -> Mapping[str, str]:
    """Hashes of the code that computes a run's numbers, by path; no messages, comments or layout (`syntax_hash`).

    It is the code in `ROOMS` that `modules` import, directly or not, and the modules themselves. Code that no module of
    the run imports, such as another family of classifiers, is not part of it. A `registry.py` lists everything that can
    be configured and computes nothing, so it does not count.

    Args:
        modules: dotted names: the entries of training, and the run's family of classifiers.
        root: the folder in which dotted names begin.
    """
    own = tuple(f"{module.replace('.', '/')}.py" for module in modules)
    code = import_closure(modules, (*ROOMS, *own), root)
    return MappingProxyType(source_hashes((file for file in code if not file.endswith("/registry.py")), root))
