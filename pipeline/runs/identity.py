"""What a run is: a hash of everything that its numbers depend on, and of nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import InputError
from pipeline.params import ModelParams, Params

SCIENCE = (
    "pipeline/training/accuracy.py",
    "pipeline/models/collective.py",
    "pipeline/models/configured.py",
    "pipeline/models/convolution.py",
    "pipeline/models/layouts.py",
    "pipeline/models/mixing.py",
    "pipeline/models/normalisation.py",
    "pipeline/models/resnext.py",
    "pipeline/models/shakedrop.py",
    "pipeline/models/shaking.py",
    "pipeline/models/variance_constancy.py",
    "pipeline/frontends/spectrogram.py",
    "pipeline/training/batches.py",
    "pipeline/training/checkpoints.py",
    "pipeline/training/data.py",
    "pipeline/runs/identity.py",
    "pipeline/training/loop.py",
    "pipeline/training/mixup.py",
    "pipeline/runs/run.py",
    "pipeline/training/tensors.py",
    "pipeline/runs/together.py",
)
"""The source that computes a run's numbers. Comments, docstrings and layout of the code do not count."""


@dataclass(frozen=True)
class RunSpec:
    """One run: a model, the fold it is validated on, and its seed; `data` is the hash of what it learns from."""

    model: str
    fold: int
    seed: int
    epochs: int
    params: Params
    data: str

    @property
    def model_params(self) -> ModelParams:
        """The run's entry under `models`."""
        return self.params.model(self.model)

    def description(self) -> dict[str, Any]:
        """What the identity is the hash of: readable, in a stable order, saved beside the run."""
        params = self.params
        train = params.train.model_dump(mode="json", exclude={"epochs", "seeds", "folds"})
        return {
            "model": self.model_params.model_dump(mode="json", exclude={"label"}),
            "network": params.network.model_dump(mode="json"),
            "train": train,
            "features": params.features.model_dump(mode="json"),
            "classes": list(params.classes),
            "folds": params.partition.folds,
            "fold": self.fold,
            "seed": self.seed,
            "data": self.data,
            "source": self.source,
        }

    @property
    def source(self) -> str:
        """Hash of the code that computes it."""
        return science_hash()

    @property
    def identity(self) -> str:
        """20 hexadecimal digits; runs of one identity give the same numbers."""
        text = json.dumps(self.description(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    @property
    def name(self) -> str:
        """For people: `PreAct fold 1 seed 2`."""
        return f"{self.model} fold {self.fold} seed {self.seed}"

    def stream(self, purpose: str) -> int:
        """The seed of one of the run's random streams: `initialisation`, `order` or `noise`.

        It depends on seed and fold but not on the model, so that compared models share their batches.
        """
        purposes = ("initialisation", "order", "noise")
        sequence = np.random.SeedSequence([self.seed, self.fold, purposes.index(purpose)])
        return int(sequence.generate_state(1)[0])


def data_hash(inputs: Path, folds: Path) -> str:
    """Hash of the content that training reads: features and segments of the configured corpora, and the folds.

    Raises:
        InputError: a file is missing.
    """
    digest = hashlib.sha256()
    for path in (inputs, folds):
        try:
            digest.update(path.read_bytes())
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; `dvc repro` makes it") from None
    return digest.hexdigest()[:20]


@cache
def science_hash() -> str:
    """Hash of the code in `SCIENCE`, as it parses: the same after an edit of comments, docstrings or layout."""
    root = files("pipeline")
    return source_hash({name: root.joinpath(name.removeprefix("pipeline/")).read_text("utf-8") for name in SCIENCE})


def source_hash(sources: Mapping[str, str]) -> str:
    """Hash of Python sources by file name, blind to comments, docstrings and layout."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        tree = ast.parse(sources[name], filename=name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = list(_without_docstrings(node.body))
        digest.update(f"{name}\n{_syntax(tree)}\n".encode())
    return digest.hexdigest()[:20]


def _syntax(node: object) -> str:
    """A syntax tree as text, without empty fields: later Pythons add some, and the hash shall not follow."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_syntax(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_syntax, node))}]"
    return repr(node)


def _without_docstrings(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """Statements that are not a bare string: docstrings of modules, classes, functions and attributes."""
    for statement in body:
        bare = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (bare and isinstance(statement.value.value, str)):  # type: ignore[attr-defined]
            yield statement
