"""Checkpoints of a study's runs: a killed stage continues, and a finished run is not trained again.

They lie outside DVC's outputs, which DVC removes before it runs a stage, and hold no pickle.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from pipeline.runs.identity import source_hash
from pipeline.training.tensors import below, read_tensors, write_tensors
from studies.training.fit import Epoch, Fit

STORE = Path(".runs/studies")


def checkpoint_path(study: str, run: Mapping[str, Any], store: Path = STORE) -> Path:
    """Where a run's checkpoint lies.

    Args:
        study: its name.
        run: everything that the run's numbers depend on, as JSON can hold it; the code is added here.
        store: the folder of all studies.
    """
    text = json.dumps({"run": dict(run), "source": _source()}, sort_keys=True)
    return store / study / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.safetensors"


def saver(path: Path, epochs: int, seconds: float = 60.0) -> Callable[[Fit], None]:
    """What `fit` calls after each epoch: saves at most every so many seconds, and when the run has ended."""
    last = time.monotonic()

    def save(state: Fit) -> None:
        nonlocal last
        if state.epoch == epochs or state.status == "diverged" or time.monotonic() - last >= seconds:
            save_checkpoint(state, path)
            last = time.monotonic()

    return save


def save_checkpoint(state: Fit, path: Path) -> None:
    """Write `state`, atomically."""
    tensors = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in values.items() if value is not None}
    tensors["generator/order"] = state.order.get_state()
    tensors["generator/noise"] = state.noise.get_state()
    tensors["history"] = torch.tensor([astuple(row) for row in state.history], dtype=torch.float64).reshape(-1, 5)
    write_tensors(
        tensors,
        path,
        {
            "diverged_epoch": json.dumps(state.diverged_epoch),
            "device": state.noise.device.type,
            "notes": json.dumps(state.notes),
        },
    )


def load_checkpoint(state: Fit, path: Path) -> None:
    """Bring a fresh `state` to where the checkpoint stands; it stays fresh without one.

    So it does with a damaged one, or one of another kind of device, which is said.
    """
    try:
        tensors, header = read_tensors(path)
    except FileNotFoundError:
        return
    except (OSError, SafetensorError) as error:
        print(f"checkpoint {path} cannot be read ({error}); training that run from its beginning", file=sys.stderr)
        return
    if header["device"] != state.noise.device.type:
        print(
            f"checkpoint {path} was trained on {header['device']}, where other random numbers are drawn; training that "
            f"run on {state.noise.device.type} from its beginning",
            file=sys.stderr,
        )
        return
    state.network.load_state_dict(below(tensors, "network"))
    parameters = [one for group in state.optimiser.param_groups for one in group["params"]]
    values: dict[int, dict[str, Tensor]] = {}
    for key, tensor in below(tensors, "optimiser").items():
        index, name = key.split("/")
        # Moments in the memory layout of their parameter, so that the next step computes the same bits.
        like = parameters[int(index)]
        restored = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        values.setdefault(int(index), {})[name] = restored
    if values:
        state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": values})
    state.order.set_state(tensors["generator/order"])
    state.noise.set_state(tensors["generator/noise"])
    state.history = [Epoch(int(row[0]), *row[1:]) for row in tensors["history"].tolist()]
    state.notes = json.loads(header["notes"])
    diverged = json.loads(header["diverged_epoch"])
    state.diverged_epoch = None if diverged is None else math.trunc(diverged)


@cache
def _source() -> str:
    """Hash of the code that may compute a run: all of the studies but stages and figures, networks, batches, Mixup."""
    sources: dict[str, str] = {}
    for package in ("studies", "pipeline.models"):
        _collect(files(package), package, sources)
    for name in ("batches.py", "mixup.py"):
        sources[f"pipeline.training/{name}"] = files("pipeline.training").joinpath(name).read_text("utf-8")
    return source_hash(sources)


def _collect(folder: Traversable, name: str, sources: dict[str, str]) -> None:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            if entry.name not in ("stages", "figures", "results", "__pycache__"):
                _collect(entry, path, sources)
        elif entry.name.endswith(".py"):
            sources[path] = entry.read_text("utf-8")
