"""Checkpoints of a run: everything it continues from, in safetensors, verified when read.

A checkpoint's file name ends in the first digits of its content's SHA-256, so a damaged one is told by its name: it
is set aside, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection
from dataclasses import astuple
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.training.loop import Epoch, RunState
from pipeline.training.tensors import below, read_tensors, snapshot_tensors, snapshots_of, write_tensors

FORMAT = 1
"""Version of what a checkpoint holds; a later one is refused, never guessed at."""


def save_checkpoint(state: RunState, folder: Path, keep: Collection[int]) -> Path:
    """Write a checkpoint of `state` atomically, then drop older ones but the newest before it.

    Args:
        state: the run, between two epochs.
        folder: where the run's checkpoints lie.
        keep: epochs whose checkpoints are never dropped.
    """
    tensors = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in values.items()}
    tensors["generator/order"] = state.order.get_state()
    tensors["generator/noise"] = state.noise.get_state()
    tensors["history"] = torch.tensor([astuple(row) for row in state.history], dtype=torch.float64)
    snapshots = state.snapshots
    tensors |= snapshot_tensors(snapshots)
    header = {
        "format": FORMAT,
        "snapshot_epochs": {name: snapshot.epoch for name, snapshot in snapshots.items()},
        "diverged_epoch": state.diverged_epoch,
        "machines": state.machines,
        "noise_device": state.noise.device.type,
    }
    # The run's claim is held, so the name is nobody else's; what a killed process left there is written over.
    written = folder / "writing"
    write_tensors(tensors, written, {"run": json.dumps(header)})
    path = folder / f"epoch{state.epoch:06d}-{_digest(written)}.safetensors"
    written.replace(path)
    # A longer run's checkpoints stay where they are when a shorter one is trained again.
    rolling = [old for old in _newest_first(folder) if _epoch(old) <= state.epoch]
    for old in rolling[2:]:
        if _epoch(old) not in keep:
            old.unlink(missing_ok=True)
    return path


def load_checkpoint(state: RunState, folder: Path, most_epochs: int) -> int:
    """Bring a fresh `state` to the newest sound checkpoint of at most `most_epochs` epochs.

    Returns:
        The epochs done; 0 when there is no checkpoint to continue from.

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


def kept_epochs(folder: Path) -> list[int]:
    """Epochs of the checkpoints in a folder, ascending."""
    return sorted({_epoch(path) for path in _newest_first(folder)})


def _restore(state: RunState, path: Path) -> None:
    try:
        tensors, stored = read_tensors(path)
        header = json.loads(stored["run"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no checkpoint of this software ({error}); move it away and run again") from None
    if header["format"] != FORMAT:
        raise InputError(
            f"{path} has format {header['format']}, this software reads {FORMAT}: it was written by another version; "
            "use that version, or move the file away to train the run again"
        )
    state.network.load_state_dict(below(tensors, "network"))
    if optimiser := below(tensors, "optimiser"):
        parameters = list(state.network.parameters())
        values: dict[int, dict[str, Tensor]] = {}
        for key, tensor in optimiser.items():
            index, name = key.split("/")
            # Moments in the memory layout of their parameter, so that the next step computes the same bits.
            like = parameters[int(index)]
            restored = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
            values.setdefault(int(index), {})[name] = restored
        state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": values})
    state.order.set_state(tensors["generator/order"])
    if header["noise_device"] == state.noise.device.type:
        state.noise.set_state(tensors["generator/noise"])
    else:
        print(
            f"{path}: its shaking and dropout were drawn on {header['noise_device']}; on {state.noise.device.type} "
            "they go on with draws of their own, so the run is not what one device alone would have given",
            file=sys.stderr,
        )
        state.noise.manual_seed(state.noise.initial_seed() + _epoch(path))
    state.machines = header["machines"]
    state.history = [Epoch(int(row[0]), *row[1:]) for row in tensors["history"].tolist()]
    snapshots = snapshots_of(tensors, header["snapshot_epochs"])
    state.best, state.last = snapshots.get("best"), snapshots.get("last")
    state.diverged_epoch = header["diverged_epoch"]


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch*.safetensors"), key=lambda path: (_epoch(path), path.name), reverse=True)


def _epoch(path: Path) -> int:
    return int(path.stem.removeprefix("epoch").split("-")[0])


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
