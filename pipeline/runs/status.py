"""The content of the run store: the progress of each run of an experiment, and runs that params.yaml does not name."""

from __future__ import annotations

import json
import math
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core.errors import InputError
from pipeline.models.options import ModelParams
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import RunLock
from pipeline.runs.store import RunFolder
from pipeline.training.checkpoints import kept_epochs

State = Literal["done", "diverged", "running", "failed", "stopped", "missing"]


@dataclass(frozen=True)
class RunStatus:
    """The status of one run.

    Attributes:
        spec: the run.
        state: its state; `stopped` has a checkpoint to continue from, `missing` has none.
        epoch: last known epoch: the last one of a finished run, else that of its progress or newest checkpoint; 0 if
            none.
        valid_ua: validation UA of that epoch in percent, NaN where unknown.
        seconds_per_epoch: duration of an epoch, NaN where unknown.
        note: name of the process that trains it, or the reason of its failure; of a finished run, whether it has no
            digests by which it could be verified.
    """

    spec: RunSpec
    state: State
    epoch: int
    valid_ua: float
    seconds_per_epoch: float
    note: str = ""


@dataclass(frozen=True)
class Leftover:
    """A folder of the store with a run that params.yaml does not name.

    Attributes:
        folder: path of the folder.
        model: layout (or family) of the model, and its options that have no default value.
        what: fold and seed.
        epochs: number of trained epochs, as far as is known.
        size: size in bytes.
        held_by: name of the process that trains it now; empty if there is none.
    """

    folder: Path
    model: str
    what: str
    epochs: int
    size: int
    held_by: str


def run_status(spec: RunSpec, store: Path) -> RunStatus:
    """The status of a run."""
    folder = RunFolder(store, spec)
    progress = folder.progress()
    ua, speed = (progress.valid_ua, progress.seconds_per_epoch) if progress else (math.nan, math.nan)
    try:
        run = folder.load() if folder.finished() else None
    except InputError as error:
        return RunStatus(spec, "failed", 0, math.nan, math.nan, str(error))
    if run is not None:
        if run.status == "diverged":
            return RunStatus(spec, "diverged", run.diverged_epoch or 0, math.nan, speed)
        note = "" if run.has_digests else "without digests, of an earlier version"
        return RunStatus(spec, "done", run.history[-1].epoch, run.history[-1].valid_score, speed, note)
    kept = [epoch for epoch in kept_epochs(folder.checkpoints) if epoch <= spec.epochs]
    reached = max([*kept, *([progress.epoch] if progress and progress.epoch <= spec.epochs else [])], default=0)
    owner = folder.lock.owner()
    if owner is not None and not folder.lock.is_dead(owner):
        return RunStatus(spec, "running", reached, ua, speed, owner.name)
    if (reason := folder.failure()) is not None:
        return RunStatus(spec, "failed", reached, ua, speed, reason)
    # What was trained beyond the last checkpoint is trained again.
    return RunStatus(spec, "stopped" if kept else "missing", max(kept, default=0), ua if kept else math.nan, speed)


def leftovers(store: Path, named: Collection[str]) -> Iterator[Leftover]:
    """The runs in the store whose identity is not among `named`, in the order of their models."""
    folders = [path for path in sorted(store.glob("*")) if path.is_dir() and path.name not in named]
    found = []
    for folder in folders:
        described = _read(folder / "run.json")
        lock = RunLock(folder / "lock")
        owner = lock.owner()
        found.append(
            Leftover(
                folder=folder,
                model=_model_text(described.get("model")),
                what=f"fold {described.get('fold', '?')} seed {described.get('seed', '?')}",
                epochs=max(kept_epochs(folder / "checkpoints"), default=0),
                size=_size(folder),
                held_by="" if owner is None or lock.is_dead(owner) else owner.name,
            )
        )
    return iter(sorted(found, key=lambda one: (one.model, one.what, one.folder.name)))


def drop(leftover: Leftover) -> bool:
    """Delete a run for good, unless another process trains it; returns whether it is gone."""
    with RunLock(leftover.folder / "lock").acquire() as other:
        if other is None:
            # Renamed first, so that nobody meets a half-deleted run. If killed here, the next cleaning finds the rest.
            aside = leftover.folder.with_name(f"{leftover.folder.name}.{secrets.token_hex(4)}.dropped")
            leftover.folder.rename(aside)
            shutil.rmtree(aside)
    return other is None


def _size(folder: Path) -> int:
    """Bytes of all files in a folder; files that a worker replaces meanwhile are left out."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def _model_text(model: object) -> str:
    """The options of a model that have no default: its layout, or its family where that has none, stands first."""
    if not isinstance(model, dict):
        return "?"
    defaults = {name: field.default for name, field in ModelParams.model_fields.items()}
    first = "layout" if "layout" in model else "family"
    others = {
        name: value
        for name, value in model.items()
        if name != first and value not in (None, 1.0) and value != defaults.get(name)
    }
    return ", ".join([str(model.get(first, "?")), *(f"{name} {value}" for name, value in others.items())])


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
