"""The run store: one folder for each run, named by its identity, outside every DVC output.

    .runs/<identity>/run.json                  the values that the identity is the hash of, and hashes of its code
    .runs/<identity>/adopted.json              the run it was adopted from, if an earlier version of the code trained it
    .runs/<identity>/lock                      the process that trains it
    .runs/<identity>/progress.json             its progress
    .runs/<identity>/failure.txt               the reason of its failure, if it failed
    .runs/<identity>/checkpoints/epoch...      the states that the run can continue from
    .runs/<identity>/finished/<epochs>.safetensors   weights and probabilities of `last` and `best`
    .runs/<identity>/finished/<epochs>.json          history, status, device and versions; written last;
                                                     `<epoch>.diverged.json` for a run that diverged

A run is finished for a number of epochs when its JSON exists. Training for more epochs continues from the newest
checkpoint; for fewer, from the newest one within them.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from pipeline.core.errors import InputError
from pipeline.core.files import write_text
from pipeline.core.wording import printable
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import RunLock
from pipeline.runs.records import OWN, Record, read_object, records_in, sealed, verified
from pipeline.runs.resuming import checkpoint_epochs, refuse_unusable, restore
from pipeline.training.checkpoints import save_checkpoint, snapshot_tensors, snapshots_of
from pipeline.training.loop import reported_history
from pipeline.training.state import Epoch, RunState, Snapshot
from pipeline.training.tensors import read_tensors, write_tensors

STORE = Path(".runs")

FAILURE = "failure.txt"
"""The reason, in one line, why the last attempt failed; then the place in the code."""

ADOPTED = "adopted.json"
"""The earlier version of the code that the run was adopted from, and `from_epoch`: the first epoch adopted."""

DIVERGED = ".diverged.json"
"""End of the name of a diverged run's record, after the epoch in which it diverged."""


@dataclass(frozen=True)
class FinishedRun:
    """The outcome of a run.

    Attributes:
        spec: the run.
        status: `diverged` when a loss was not finite.
        history: one row for each epoch.
        diverged_epoch: epoch of the first loss that was not finite.
        snapshots: `last` and `best`; empty when diverged.
        device: hardware and version of torch that computed it; more than one where a run was continued elsewhere.
        versions: versions of Python and of the libraries that computed the run.
        chosen: what a classifier without epochs chose within its training folds, by name.
        adopted: record of its adoption from an earlier version of the code, if it was adopted; see `runs.adoption`.
        has_digests: whether its files were compared with digests; runs of earlier versions have none.
    """

    spec: RunSpec
    status: Literal["done", "diverged"]
    history: list[Epoch]
    diverged_epoch: int | None
    snapshots: dict[str, Snapshot]
    device: str
    versions: dict[str, str]
    chosen: dict[str, float] = field(default_factory=dict)
    adopted: dict[str, Any] | None = None
    has_digests: bool = True


@dataclass(frozen=True)
class Progress:
    """The progress of a run, kept after its end; `valid_ua` in percent."""

    epoch: int
    epochs: int
    valid_ua: float
    seconds_per_epoch: float

    def checked(self) -> Progress:
        """The same, if all values are numbers; a damaged file may hold anything.

        Raises:
            TypeError: one is not.
        """
        for value in (self.epoch, self.epochs):
            if type(value) is not int:
                raise TypeError(value)
        for number in (self.valid_ua, self.seconds_per_epoch):
            if type(number) not in (int, float):
                raise TypeError(number)
        return self


class RunFolder:
    """One run's folder in the store, or with `identity` the folder of a run that differs only in its code."""

    def __init__(self, store: Path, spec: RunSpec, identity: str | None = None) -> None:
        self.spec = spec
        self.folder = store / (identity or spec.identity)
        self.checkpoints = self.folder / "checkpoints"
        self.lock = RunLock(self.folder / "lock")

    def finished(self) -> bool:
        """Whether the run is already trained for `spec.epochs`, or diverged before.

        Raises:
            InputError: the store cannot be read.
        """
        return self._record() is not None

    def load(self) -> FinishedRun:
        """The finished run.

        Raises:
            InputError: it is not finished, or its files are damaged.
        """
        found = self._record()
        if found is None:
            raise InputError(f"{self.spec.name}: not trained for {self.spec.epochs} epochs ({self.folder})")
        path = found.path
        weights = path.with_suffix(".safetensors")
        try:
            record = verified(found, weights)
            tensors = {} if found.diverged else read_tensors(weights)[0]
            snapshots = snapshots_of(tensors, record["snapshot_epochs"])
            history = [_row(values) for values in record["history"]]
            return FinishedRun(
                self.spec, record["status"], history, record["diverged_epoch"], snapshots, record["device"],
                record["versions"], record.get("chosen", {}), self.adopted(), has_digests=OWN in record,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, SafetensorError) as error:
            raise InputError(
                f"{path} or the file beside it is damaged ({error}); delete both to train the run again from its "
                "last checkpoint"
            ) from None

    def adopted(self) -> dict[str, Any] | None:
        """The record of the adoption that gave the run of `spec.epochs` epochs, if it was adopted.

        Raises:
            OSError: it cannot be read.
            ValueError: it is damaged.
        """
        try:
            record = read_object(self.folder / ADOPTED)
        except FileNotFoundError:
            return None
        # A run shorter than every adopted one was trained with this code, from its first epoch.
        return record if self.spec.epochs >= record["from_epoch"] else None

    def note_progress(self, state: RunState, seconds_per_epoch: float) -> None:
        """Write the progress of the run for `python -m pipeline runs`, if it can be written.

        Nothing is computed from it.
        """
        row = state.history[-1]
        progress = Progress(row.epoch, self.spec.epochs, row.valid_score, seconds_per_epoch)
        with suppress(OSError):
            write_text(self.folder / "progress.json", json.dumps(asdict(progress)) + "\n")

    def progress(self) -> Progress | None:
        """The progress that was noted last."""
        try:
            return Progress(**read_object(self.folder / "progress.json")).checked()
        except (OSError, ValueError, TypeError):
            return None

    def note_failure(self, reason: str, details: str = "") -> None:
        """Write the reason why the run failed, if the disk allows it."""
        with suppress(OSError):
            write_text(self.folder / FAILURE, f"{reason}\n\n{details}")
            if not (self.folder / "run.json").exists():
                self.describe()  # so that cleaning knows the folder

    def failure(self) -> str | None:
        """The reason, in one line, why the last attempt failed; None if it did not fail."""
        path = self.folder / FAILURE
        try:
            return printable(path.read_text("utf-8").partition("\n")[0]) if path.is_file() else None
        except (OSError, ValueError):
            return None

    def resume(self, state: RunState) -> int:
        """Bring a fresh state to the newest checkpoint that `spec.epochs` allows; returns the epochs done.

        The lock of the run must be held: files that killed processes left half written are deleted.

        Raises:
            InputError: the run's folders cannot be used, or its checkpoints are not of this version.
        """
        for folder in (self.folder, self.checkpoints, self.folder / "finished"):
            refuse_unusable(folder)
        self._clear()
        self.describe()
        done = restore(state, self.checkpoints, self.spec.epochs)
        beyond = self._beyond()
        if beyond:
            print(
                f"{self.spec.name}: trained for {max(beyond)} epochs before, now {self.spec.epochs} are requested; "
                f"training again from epoch {done}, the longer run is kept",
                file=sys.stderr,
            )
        return done

    def _clear(self) -> None:
        """Delete what earlier attempts left."""
        (self.folder / FAILURE).unlink(missing_ok=True)
        for unfinished in self.folder.rglob(".*"):
            with suppress(OSError):  # `.nfs...`, which a network file system keeps as long as it must
                unfinished.unlink()
        if not (self.folder / "finished").exists():
            (self.folder / ADOPTED).unlink(missing_ok=True)  # of an adoption that was killed

    def describe(self) -> None:
        """Write the description of the run and the hashes of the code that it is trained with."""
        description = self.spec.description() | {"sources": self.spec.sources}
        write_text(self.folder / "run.json", json.dumps(description, indent=2, sort_keys=True) + "\n")

    def follow(self, state: RunState, done: int) -> None:
        """Bring a fresh state to the epoch from which the process that holds the lock has resumed the run.

        Raises:
            InputError: the checkpoint cannot be read here.
        """
        if restore(state, self.checkpoints, done) != done:
            raise InputError(f"{self.checkpoints} holds no sound checkpoint of epoch {done}; run again")

    def save_checkpoint(self, state: RunState) -> None:
        """Write a checkpoint; those at the ends of finished runs are kept."""
        ends = [record.epochs for record in self.records()]
        save_checkpoint(state, self.checkpoints, keep=[*ends, *self._beyond()])

    def finish(self, state: RunState) -> None:
        """Record the outcome of a run that is done or diverged."""
        epochs = self.spec.epochs if state.diverged_epoch is None else state.diverged_epoch
        history = reported_history(state.history, epochs, self.spec.train.eval_train_every)
        snapshots = state.snapshots if state.diverged_epoch is None else {}
        path = self.folder / "finished" / (f"{epochs:06d}.json" if snapshots else f"{epochs:06d}{DIVERGED}")
        weights = path.with_suffix(".safetensors") if snapshots else None
        if weights is not None:
            write_tensors(snapshot_tensors(snapshots), weights, {})
        record = {
            "status": "done" if state.diverged_epoch is None else "diverged",
            "diverged_epoch": state.diverged_epoch,
            "snapshot_epochs": {name: snapshot.epoch for name, snapshot in snapshots.items()},
            "history": [_values(row) for row in history],
            # Only where training ended early, so that the records of other runs stay as they are.
            **({"stopped_epoch": len(history)} if snapshots and len(history) < epochs else {}),
            "device": ", then ".join(state.machines),
            "versions": library_versions(self.spec.family.libraries),
            **({"chosen": {name: values[0] for name, values in state.notes.items()}} if state.notes else {}),
        }
        write_text(path, json.dumps(sealed(record, weights), indent=1) + "\n")

    def records(self) -> list[Record]:
        """The records of the run for any number of epochs.

        Raises:
            InputError: the store cannot be read.
        """
        return records_in(self.folder / "finished")

    def _record(self) -> Record | None:
        """The record of the run at `spec.epochs`, or of its divergence at or before them."""
        records = self.records()
        for record in records:
            if record.diverged and record.epochs <= self.spec.epochs:
                return record
        return next((one for one in records if not one.diverged and one.epochs == self.spec.epochs), None)

    def _beyond(self) -> list[int]:
        return [epoch for epoch in checkpoint_epochs(self.checkpoints) if epoch > self.spec.epochs]


def library_versions(further: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of the libraries that compute a run; `further` are those of its family."""
    known = {"python": platform.python_version(), "torch": torch.__version__, "numpy": version("numpy")}
    return known | {name: version(name) for name in further}


class Timer:
    """Reports, once for each interval, that it has passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def passed(self) -> bool:
        """Whether the interval has passed since the last time that this was true."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


def _values(row: Epoch) -> dict[str, Any]:
    """A history row as JSON: floats in full, NaN as null; columns of held-out items only where there are any."""
    values = {name: None if math.isnan(value) else value for name, value in asdict(row).items()}
    return {name: value for name, value in values.items() if value is not None or not name.startswith("dev_")}


def _row(values: dict[str, Any]) -> Epoch:
    measures = {name: math.nan if value is None else float(value) for name, value in values.items() if name != "epoch"}
    return Epoch(epoch=values["epoch"], **measures)
