"""The run store: one folder a run, named by its identity, outside every DVC output.

    .runs/<identity>/run.json                  what the identity is the hash of
    .runs/<identity>/claim                     who trains it
    .runs/<identity>/progress.json             how far it is
    .runs/<identity>/failure.txt               why it failed, if it did
    .runs/<identity>/checkpoints/epoch...      what the run continues from
    .runs/<identity>/finished/<epochs>.safetensors   weights and probabilities of `last` and `best`
    .runs/<identity>/finished/<epochs>.json          history, status, device and versions; written last;
                                                     `<epoch>.diverged.json` of a run that ended so

A run is finished for a number of epochs when its JSON is there. More epochs continue from the newest checkpoint;
fewer from the newest one that is not past them.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from pipeline.core.errors import InputError
from pipeline.core.files import write_text
from pipeline.runs.identity import RunSpec
from pipeline.runs.lock import Claim
from pipeline.training.checkpoints import kept_epochs, load_checkpoint, save_checkpoint
from pipeline.training.loop import Epoch, RunState, Snapshot, reported_history
from pipeline.training.tensors import read_tensors, snapshot_tensors, snapshots_of, write_tensors

STORE = Path(".runs")

FAILURE = "failure.txt"
"""In one line why the run failed when it was last tried, then where in the code."""

DIVERGED = ".diverged.json"
"""Ending of the record of a run that diverged, after the epoch at which it did."""


@dataclass(frozen=True)
class FinishedRun:
    """The outcome of a run.

    Attributes:
        spec: the run.
        status: `diverged` when a loss was not finite.
        history: one row an epoch.
        diverged_epoch: the epoch of the first loss that was not finite.
        snapshots: `last` and `best`; empty when diverged.
        device: what computed it: hardware and version of torch; more than one where a run was continued elsewhere.
        versions: of Python and the libraries that computed the run.
    """

    spec: RunSpec
    status: Literal["done", "diverged"]
    history: list[Epoch]
    diverged_epoch: int | None
    snapshots: dict[str, Snapshot]
    device: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Progress:
    """How far a run is, or was when it ended; `valid_ua` in percent."""

    epoch: int
    epochs: int
    valid_ua: float
    seconds_per_epoch: float


class RunFolder:
    """One run's folder in the store."""

    def __init__(self, store: Path, spec: RunSpec) -> None:
        self.spec = spec
        self.folder = store / spec.identity
        self.checkpoints = self.folder / "checkpoints"
        self.claim = Claim(self.folder / "claim")

    def finished(self) -> bool:
        """Whether the run need not be trained for `spec.epochs`.

        Raises:
            InputError: the store cannot be read.
        """
        return self._record() is not None

    def load(self) -> FinishedRun:
        """The finished run.

        Raises:
            InputError: it is not finished, or its files are damaged.
        """
        path = self._record()
        if path is None:
            raise InputError(f"{self.spec.name}: not trained for {self.spec.epochs} epochs ({self.folder})")
        try:
            record = json.loads(path.read_text("utf-8"))
            diverged = record["status"] == "diverged"
            tensors = {} if diverged else read_tensors(path.with_suffix(".safetensors"))[0]
            snapshots = snapshots_of(tensors, record["snapshot_epochs"])
            history = [_row(values) for values in record["history"]]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(
                f"{path} or the file beside it is damaged ({error}); delete both to train the run again from its "
                "last checkpoint"
            ) from None
        return FinishedRun(
            self.spec, record["status"], history, record["diverged_epoch"], snapshots, record["device"],
            record["versions"],
        )  # fmt: skip

    def note_progress(self, state: RunState, seconds_per_epoch: float) -> None:
        """Say how far the run is, for `python -m pipeline runs`; nothing is computed from it."""
        row = state.history[-1]
        progress = Progress(row.epoch, self.spec.epochs, row.valid_ua, seconds_per_epoch)
        write_text(self.folder / "progress.json", json.dumps(asdict(progress)) + "\n")

    def progress(self) -> Progress | None:
        """What was noted last."""
        try:
            return Progress(**json.loads((self.folder / "progress.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def note_failure(self, reason: str, details: str = "") -> None:
        """Keep why the run failed, as far as the disk allows."""
        with suppress(OSError):
            write_text(self.folder / FAILURE, f"{reason}\n\n{details}")

    def failure(self) -> str | None:
        """Why the run failed when it was last tried, in one line; None if it did not."""
        try:
            return (self.folder / FAILURE).read_text("utf-8").partition("\n")[0]
        except OSError:
            return None

    def resume(self, state: RunState) -> int:
        """Bring a fresh state to the newest checkpoint that `spec.epochs` allows; returns the epochs done.

        The run's claim must be held: what killed processes left half written is deleted.
        """
        (self.folder / FAILURE).unlink(missing_ok=True)
        for unfinished in self.folder.rglob(".*"):
            with suppress(OSError):  # `.nfs...`, which a network file system keeps as long as it must
                unfinished.unlink()
        description = json.dumps(self.spec.description(), indent=2, sort_keys=True)
        write_text(self.folder / "run.json", description + "\n")
        done = load_checkpoint(state, self.checkpoints, self.spec.epochs)
        beyond = [epoch for epoch in kept_epochs(self.checkpoints) if epoch > self.spec.epochs]
        if beyond:
            print(
                f"{self.spec.name}: trained for {max(beyond)} epochs before, now {self.spec.epochs} are asked for; "
                f"training again from epoch {done}, the longer run is kept",
                file=sys.stderr,
            )
        return done

    def follow(self, state: RunState, done: int) -> None:
        """Bring a fresh state to where the process that holds the run has resumed it.

        Raises:
            InputError: the checkpoint cannot be read here.
        """
        if load_checkpoint(state, self.checkpoints, done) != done:
            raise InputError(f"{self.checkpoints} holds no sound checkpoint of epoch {done}; run again")

    def save_checkpoint(self, state: RunState) -> None:
        """Write a checkpoint; those at the ends of finished runs are kept, to continue or return to."""
        ends = [_epochs(path) for path in (self.folder / "finished").glob("*.json")]
        save_checkpoint(state, self.checkpoints, keep=[*ends, *self._beyond()])

    def finish(self, state: RunState) -> None:
        """Record the outcome of a run that is done or diverged."""
        epochs = self.spec.epochs if state.diverged_epoch is None else state.diverged_epoch
        history = reported_history(state.history, epochs, self.spec.params.train.eval_train_every)
        snapshots = state.snapshots if state.diverged_epoch is None else {}
        path = self.folder / "finished" / (f"{epochs:06d}.json" if snapshots else f"{epochs:06d}{DIVERGED}")
        if snapshots:
            write_tensors(snapshot_tensors(snapshots), path.with_suffix(".safetensors"), {})
        record = {
            "status": "done" if state.diverged_epoch is None else "diverged",
            "diverged_epoch": state.diverged_epoch,
            "snapshot_epochs": {name: snapshot.epoch for name, snapshot in snapshots.items()},
            "history": [_values(row) for row in history],
            "device": ", then ".join(state.machines),
            "versions": library_versions(),
        }
        write_text(path, json.dumps(record, indent=1) + "\n")

    def _record(self) -> Path | None:
        """The JSON of the run at `spec.epochs`, or of its divergence at or before them."""
        folder = self.folder / "finished"
        try:
            records = {path.name: path for path in folder.iterdir() if path.suffix == ".json" and path.name[0] != "."}
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputError(
                f"the run store cannot be read: {folder}: {error.strerror}; give yourself permission, and run again"
            ) from None
        for name, path in sorted(records.items()):
            if name.endswith(DIVERGED) and _epochs(path) <= self.spec.epochs:
                return path
        return records.get(f"{self.spec.epochs:06d}.json")

    def _beyond(self) -> list[int]:
        return [epoch for epoch in kept_epochs(self.checkpoints) if epoch > self.spec.epochs]


def library_versions() -> dict[str, str]:
    """Versions of what computes a run."""
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": version("numpy")}


class Interval:
    """True once every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def passed(self) -> bool:
        """Whether the interval has passed since this was last true."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


def _epochs(record: Path) -> int:
    return int(record.name.split(".")[0])


def _values(row: Epoch) -> dict[str, Any]:
    """A history row as JSON: floats in full, NaN as null."""
    return {name: None if math.isnan(value) else value for name, value in asdict(row).items()}


def _row(values: dict[str, Any]) -> Epoch:
    measures = {name: math.nan if value is None else float(value) for name, value in values.items() if name != "epoch"}
    return Epoch(epoch=values["epoch"], **measures)
