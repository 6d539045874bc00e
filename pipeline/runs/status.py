"""The content of the run store: the progress of each run of an experiment, and runs that params.yaml does not name."""

from __future__ import annotations

import math
import re
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.models.options import ModelParams
from pipeline.runs.identity import RunSpec, described_identity
from pipeline.runs.lock import RunLock
from pipeline.runs.records import read_object
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.runs.store import RunFolder

STUDIES = "studies"
"""The folder of the store in which studies keep their checkpoints."""

_FOLDER = re.compile(r"([0-9a-f]{20})(?:\.[0-9a-f]{8}\.(?:dropped|replaced))*")
"""The name of a run's folder, or of one that was put aside."""

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
    """A folder of the store that params.yaml does not name.

    Attributes:
        folder: path of the folder.
        model: layout (or family) of the model, and its options that have no default value.
        what: fold and seed.
        epochs: number of trained epochs, as far as is known.
        size: size in bytes.
        held_by: name of the process that trains it now; empty if there is none.
        refusal: reason why it is not a run of this software and is never deleted; empty for a run.
    """

    folder: Path
    model: str
    what: str
    epochs: int
    size: int
    held_by: str
    refusal: str = ""


def run_status(spec: RunSpec, store: Path) -> RunStatus:
    """The status of a run."""
    folder = RunFolder(store, spec)
    progress = folder.progress()
    ua, speed = (progress.valid_ua, progress.seconds_per_epoch) if progress else (math.nan, math.nan)
    try:
        run = folder.load() if folder.finished() else None
        kept = [epoch for epoch in checkpoint_epochs(folder.checkpoints) if epoch <= spec.epochs]
        owner = folder.lock.owner()
        held = owner is not None and not folder.lock.is_dead(owner)
    except InputError as error:
        return RunStatus(spec, "failed", 0, math.nan, math.nan, str(error))
    except OSError as error:
        return RunStatus(spec, "failed", 0, math.nan, math.nan, f"{error.filename}: {error.strerror}")
    if run is not None:
        if run.status == "diverged":
            return RunStatus(spec, "diverged", run.diverged_epoch or 0, math.nan, speed)
        note = "" if run.has_digests else "without digests, of an earlier version"
        return RunStatus(spec, "done", run.history[-1].epoch, run.history[-1].valid_score, speed, note)
    reached = max([*kept, *([progress.epoch] if progress and progress.epoch <= spec.epochs else [])], default=0)
    if owner is not None and held:
        return RunStatus(spec, "running", reached, ua, speed, owner.name)
    if (reason := folder.failure()) is not None:
        return RunStatus(spec, "failed", reached, ua, speed, reason)
    # What was trained beyond the last checkpoint is trained again.
    return RunStatus(spec, "stopped" if kept else "missing", max(kept, default=0), ua if kept else math.nan, speed)


def leftovers(store: Path, named: Collection[str]) -> Iterator[Leftover]:
    """The folders of the store whose identity is not among `named`, in the order of their models.

    Links are not followed. The checkpoints of studies are no runs of params.yaml, and not listed.

    Raises:
        InputError: the store cannot be read.
    """
    try:
        names = sorted(path.name for path in store.iterdir())
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise InputError(f"the run store cannot be read: {store}: {error.strerror}; give yourself permission") from None
    folders = [store / name for name in names if name not in {*named, STUDIES} and (store / name).is_dir()]
    return iter(sorted(map(_leftover, folders), key=lambda one: (one.model, one.what, one.folder.name)))


def _leftover(folder: Path) -> Leftover:
    """The facts about a folder that are known without following a link."""
    refusal = refused(folder)
    if folder.is_symlink():
        return Leftover(folder, "?", "?", 0, 0, "", refusal)
    described = _read(folder / "run.json")
    epochs, held = 0, ""
    try:
        epochs = max(checkpoint_epochs(folder / "checkpoints"), default=0)
        lock = RunLock(folder / "lock")
        owner = lock.owner()
        held = "" if owner is None or lock.is_dead(owner) else owner.name
    except InputError as error:
        refusal = refusal or str(error)
    except OSError as error:
        refusal = refusal or f"{error.filename}: {error.strerror}"
    repeat = f"repeat {_word(described['repeat'])} " if "repeat" in described else ""
    what = f"{repeat}fold {_word(described.get('fold', '?'))} seed {_word(described.get('seed', '?'))}"
    return Leftover(folder, _model_text(described.get("model")), what, epochs, _size(folder), held, refusal)


def refused(folder: Path) -> str:
    """The reason why a folder of the store is not that of a run; empty if its name and its description agree.

    The name is the identity, the hash of the description in `run.json`, or begins with it if the folder was put aside.
    After a cleaning that was killed, the folder may contain only a lock.
    """
    if folder.is_symlink():
        return "it is a link"
    match = _FOLDER.fullmatch(folder.name)
    if match is None:
        return "its name is not that of a run"
    try:
        if folder.name.endswith(".dropped") and all(path.name.startswith("lock") for path in folder.iterdir()):
            return ""
        described = read_object(folder / "run.json")
    except FileNotFoundError:
        return "it has no run.json"
    except (OSError, ValueError) as error:
        return f"its run.json cannot be read ({error})"
    if described_identity(described) != match[1]:
        return "its name is not the hash of its run.json"
    return ""


def drop(leftover: Leftover) -> bool:
    """Delete a run for good, unless another process trains it; returns whether it is gone.

    Only folders whose name and description agree are deleted, and no link is followed.

    Raises:
        InputError: the folder is not that of a run, or cannot be deleted.
    """
    folder = leftover.folder
    if reason := refused(folder):
        raise InputError(f"{printable(str(folder))} is not deleted: {reason}")
    with RunLock(folder / "lock").acquire() as other:
        if other is not None:
            return False
        if reason := refused(folder):
            raise InputError(f"{printable(str(folder))} is not deleted: {reason}")
        try:
            # Renamed first, so that no process finds a half-deleted run. The next cleaning deletes what is left of it.
            aside = folder.with_name(f"{folder.name.split('.')[0]}.{secrets.token_hex(4)}.dropped")
            folder.rename(aside)
            _delete(aside)
        except OSError as error:
            raise InputError(
                f"{printable(str(folder))} cannot be deleted: {error.strerror}; give yourself permission, and "
                "clean again"
            ) from None
    return True


def _delete(folder: Path) -> None:
    """Delete a folder, its description last, by which the next cleaning recognises it as a run."""
    description = folder / "run.json"
    for path in folder.iterdir():
        if path == description:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    description.unlink(missing_ok=True)
    folder.rmdir()


def _size(folder: Path) -> int:
    """Bytes of all files in a folder; files that a worker replaces meanwhile, or that cannot be read, are left out."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
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
        if name != first and value not in (None, 1.0, "none") and value != defaults.get(name)
    }
    return printable(", ".join([str(model.get(first, "?")), *(f"{name} {value}" for name, value in others.items())]))


def _word(value: object) -> str:
    return printable(str(value))[:40]


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except (OSError, ValueError):
        return {}
