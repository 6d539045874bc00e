"""What the run store holds: how far each run of an experiment is, and what no experiment here asks for."""

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
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import Claim
from pipeline.runs.store import RunFolder
from pipeline.training.checkpoints import kept_epochs

State = Literal["done", "diverged", "running", "failed", "stopped", "missing"]


@dataclass(frozen=True)
class RunStatus:
    """One run.

    Attributes:
        spec: the run.
        state: `stopped` has a checkpoint to continue from, `missing` has none.
        epoch: the last one known: of a finished run its end, else of its progress or newest checkpoint; 0 if none.
        valid_ua: of that epoch in percent, NaN where unknown.
        seconds_per_epoch: NaN where unknown.
        note: who trains it, or why it failed.
    """

    spec: RunSpec
    state: State
    epoch: int
    valid_ua: float
    seconds_per_epoch: float
    note: str = ""


@dataclass(frozen=True)
class Leftover:
    """A folder of the store that the params do not name.

    Attributes:
        folder: where it lies.
        model: its layout and what else tells it apart.
        what: fold and seed.
        epochs: trained, as far as is known.
        size: in bytes.
        held_by: who trains it at this moment; empty if nobody.
    """

    folder: Path
    model: str
    what: str
    epochs: int
    size: int
    held_by: str


def run_status(spec: RunSpec, store: Path) -> RunStatus:
    """How far a run is."""
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
        return RunStatus(spec, "done", run.history[-1].epoch, run.history[-1].valid_ua, speed)
    kept = [epoch for epoch in kept_epochs(folder.checkpoints) if epoch <= spec.epochs]
    reached = max([*kept, *([progress.epoch] if progress and progress.epoch <= spec.epochs else [])], default=0)
    owner = folder.claim.owner()
    if owner is not None and not folder.claim.is_dead(owner):
        return RunStatus(spec, "running", reached, ua, speed, owner.shown)
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
        claim = Claim(folder / "claim")
        owner = claim.owner()
        found.append(
            Leftover(
                folder=folder,
                model=_shown_model(described.get("model")),
                what=f"fold {described.get('fold', '?')} seed {described.get('seed', '?')}",
                epochs=max(kept_epochs(folder / "checkpoints"), default=0),
                size=_size(folder),
                held_by="" if owner is None or claim.is_dead(owner) else owner.shown,
            )
        )
    return iter(sorted(found, key=lambda one: (one.model, one.what, one.folder.name)))


def drop(leftover: Leftover) -> bool:
    """Delete a run for good, unless somebody has begun to train it; whether it is gone."""
    with Claim(leftover.folder / "claim").held() as other:
        if other is None:
            # At once out of the way of who wants to train it from now on. Killed here, the next cleaning finds it.
            aside = leftover.folder.with_name(f"{leftover.folder.name}.{secrets.token_hex(4)}.dropped")
            leftover.folder.rename(aside)
            shutil.rmtree(aside)
    return other is None


def _size(folder: Path) -> int:
    """Bytes of the files below; those that a trainer replaces meanwhile count for nothing."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            size += path.lstat().st_size
    return size


def _shown_model(model: object) -> str:
    if not isinstance(model, dict):
        return "?"
    changed = {name: value for name, value in model.items() if name != "layout" and value not in (None, 1.0)}
    return ", ".join([str(model.get("layout", "?")), *(f"{name} {value}" for name, value in changed.items())])


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
