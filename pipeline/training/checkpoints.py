"""Checkpoints of a run: everything that it continues from, in safetensors, verified when read.

A checkpoint's file name ends in the first digits of its content's SHA-256. A damaged one does not match its name: it is
set aside, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.training.state import Epoch, RunState, Snapshot, restored_optimiser_state
from pipeline.training.tensors import below, read_tensors, write_tensors

FORMAT = 2
"""Version of the content of a checkpoint; any other version is refused."""

COLUMNS = len(fields(Epoch))


def save_checkpoint(state: RunState, folder: Path, keep: Collection[int]) -> Path:
    """Write a checkpoint of `state` atomically, then delete older ones except the newest before it.

    Args:
        state: state of the run between two epochs.
        folder: folder of the run's checkpoints.
        keep: epochs whose checkpoints are never deleted.
    """
    tensors = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    optimiser = {} if state.optimiser is None else state.optimiser.state_dict()["state"]
    for index, values in optimiser.items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in values.items() if value is not None}
    tensors["generator/order"] = state.order.get_state()
    tensors["generator/noise"] = state.noise.get_state()
    tensors["history"] = torch.tensor([astuple(row) for row in state.history], dtype=torch.float64).reshape(-1, COLUMNS)
    snapshots = state.snapshots
    tensors |= snapshot_tensors(snapshots)
    header = {
        "format": FORMAT,
        "snapshot_epochs": {name: snapshot.epoch for name, snapshot in snapshots.items()},
        "diverged_epoch": state.diverged_epoch,
        "machines": state.machines,
        "noise_device": state.noise.device.type,
        "notes": state.notes,
    }
    # The lock of the run is held, so no other process uses the name; the rest of a killed process is overwritten.
    written = folder / "writing"
    write_tensors(tensors, written, {"run": json.dumps(header)})
    path = folder / f"epoch{state.epoch:06d}-{_digest(written)}.safetensors"
    written.replace(path)
    # A longer run's checkpoints stay when a shorter one is trained again.
    rolling = [old for old in _newest_first(folder) if _epoch(old) <= state.epoch and old != path]
    # There may be an older checkpoint of this epoch, written before the next epoch diverged.
    for old in rolling if state.diverged_epoch is not None else rolling[1:]:
        if _epoch(old) not in keep:
            old.unlink(missing_ok=True)
    return path


def load_checkpoint(state: RunState, folder: Path, most_epochs: int) -> int:
    """Bring a fresh `state` to the newest sound checkpoint of at most `most_epochs` epochs.

    Returns:
        The number of epochs done; 0 when there is no checkpoint to continue from.

    Raises:
        InputError: a checkpoint was written by a later version of this software.
    """
    for path in _newest_first(folder):
        if _epoch(path) > most_epochs:
            continue
        if not path.stem.endswith(f"-{_digest(path)}"):
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            print(f"checkpoint {path.name} is damaged, set aside as {aside}; using the one before", file=sys.stderr)
            continue
        _restore(state, path)
        return state.epoch
    return 0


def _restore(state: RunState, path: Path) -> None:
    try:
        tensors, stored = read_tensors(path)
        header = json.loads(stored["run"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is not a checkpoint of this software ({error}); move it away, run again") from None
    if header["format"] != FORMAT:
        raise InputError(
            f"{path} has format {header['format']}, this software reads {FORMAT}: it was written by another version; "
            "use that version, or move the file away to train the run again"
        )
    state.network.load_state_dict(below(tensors, "network"))
    if state.optimiser is not None and (optimiser := below(tensors, "optimiser")):
        values = restored_optimiser_state(state.network.parameters(), optimiser)
        state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": values})
    state.order.set_state(tensors["generator/order"])
    if header["noise_device"] == state.noise.device.type:
        state.noise.set_state(tensors["generator/noise"])
    else:
        print(
            f"{path}: its shaking and dropout were drawn on {header['noise_device']}; on {state.noise.device.type} "
            "they continue with other draws, so the results differ from those of one device alone",
            file=sys.stderr,
        )
        state.noise.manual_seed(state.noise.initial_seed() + _epoch(path))
    state.machines = header["machines"]
    state.history = [_row(values) for values in tensors["history"].tolist()]
    snapshots = snapshots_of(tensors, header["snapshot_epochs"])
    state.best, state.last, state.dev = (snapshots.get(name) for name in ("best", "last", "dev"))
    state.diverged_epoch, state.notes = header["diverged_epoch"], header["notes"]


def _row(values: Sequence[float]) -> Epoch:
    """A row of the history; what was not measured of held-out items has the default, so that equal rows are equal."""
    dev = [value for value in values[7:] if not math.isnan(value)]
    return Epoch(int(values[0]), *values[1:7], *dev)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch*.safetensors"), key=lambda path: (_epoch(path), path.name), reverse=True)


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch").split("-")[0])


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def snapshot_tensors(snapshots: Mapping[str, Snapshot]) -> dict[str, Tensor]:
    """Snapshots as named tensors; the caller must keep their epochs."""
    tensors: dict[str, Tensor] = {}
    for name, snapshot in snapshots.items():
        tensors |= {f"{name}/weights/{key}": tensor for key, tensor in snapshot.weights.items()}
        tensors[f"{name}/probabilities"] = snapshot.probabilities
        apart = {"dev": snapshot.dev, "test": snapshot.test}
        tensors |= {f"{name}/{part}": scored for part, scored in apart.items() if scored is not None}
    return tensors


def snapshots_of(tensors: Mapping[str, Tensor], epochs: Mapping[str, int]) -> dict[str, Snapshot]:
    """The snapshots from their named tensors (see `snapshot_tensors`), given the names and epochs.

    Raises:
        KeyError: one of them is not among the tensors.
    """
    return {
        name: Snapshot(
            epoch,
            below(tensors, f"{name}/weights"),
            tensors[f"{name}/probabilities"],
            tensors.get(f"{name}/dev"),
            tensors.get(f"{name}/test"),
        )
        for name, epoch in epochs.items()
    }
