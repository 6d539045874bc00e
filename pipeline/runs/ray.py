"""A Ray cluster that trains runs: the same function on keys and paths, wherever Ray finds room for it.

Driver and nodes see one file system, where repository and run store lie; Ray carries no tensors. `RAY_ADDRESS` names
the cluster, as everywhere in Ray; without it Ray starts on this machine alone.
"""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch

from pipeline.core.errors import InputError
from pipeline.params import ExecutionParams, Params
from pipeline.runs.identity import RunSpec
from pipeline.runs.local import Event, WorkerDied
from pipeline.runs.placement import runs_per_gpu, step_memory
from pipeline.runs.run import RunDone
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer

RETRIES = 3
"""How often Ray itself starts a run again whose node or process died."""

CONNECT_SECONDS = 10.0
"""Longest wait for the cluster's head: Ray's own is minutes, and ends the process."""


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError(
            "execution.engine is ray, and Ray is not installed; `pip install '.[ray]'` installs it; or set "
            "engine: local"
        ) from None
    return ray


class RayCrew:
    """Runs as tasks of a Ray cluster."""

    def __init__(self, params: Params, store: Path) -> None:
        """Join the cluster, or start one on this machine.

        Raises:
            InputError: Ray is not installed, its head does not answer, or `execution.device` is no device of the
                cluster.
        """
        self._ray = _import_ray()
        self._started = not self._ray.is_initialized()
        if self._started:
            _refuse_unreachable(os.environ.get("RAY_ADDRESS", ""))
            self._ray.init(include_dashboard=False, log_to_driver=False)
        self._store = store.absolute()
        self._most = math.inf if params.execution.workers == "auto" else params.execution.workers
        self._at_work: dict[Any, RunSpec] = {}
        resources, root = self._ray.cluster_resources(), str(Path.cwd())
        device = cluster_device(params.execution.device, resources.get("GPU", 0))
        cpus = params.train.threads * params.execution.devices_per_run
        most_cpus = max(node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"])
        if most_cpus < cpus:
            print(
                f"a run takes {cpus} CPUs, and no node of the Ray cluster has more than {most_cpus:g}; runs wait for a "
                "larger node, or set train.threads lower (another result)",
                file=sys.stderr,
            )
        if device == "cpu":
            gpus, processes = 0.0, max(1, int(most_cpus // cpus))
        else:

            def measured() -> tuple[int, int]:
                step: tuple[int, int] = self._ray.get(self._ray.remote(num_gpus=1)(_measure).remote(params, root))
                return step

            gpus = gpus_per_run(params.execution, resources["GPU"], measured)
            processes = max(1, round(1 / gpus))
        self._task = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_train)
        self._arguments = (self._ray.put(params), device, root, str(self._store), processes)

    def has_room(self) -> bool:
        """Up to `execution.workers`; without that always, since Ray keeps what waits."""
        return len(self._at_work) < self._most

    def start(self, spec: RunSpec) -> None:
        """Hand a run to Ray."""
        self._at_work[self._task.remote(spec, *self._arguments)] = spec

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """See `Crew`; Ray tells of ended runs alone."""
        ended, _ = self._ray.wait(list(self._at_work), timeout=timeout)
        for task in ended:
            spec = self._at_work.pop(task)
            try:
                yield spec, self._ray.get(task)
            except self._ray.exceptions.RayTaskError as error:
                cause = error.cause
                reason = str(cause) if isinstance(cause, InputError) else f"{type(cause).__name__}: {cause}"
                RunFolder(self._store, spec).note_failure(reason, str(error))
                yield spec, RunDone(failure=reason)
            except self._ray.exceptions.RayError:
                yield spec, WorkerDied()

    def dismiss(self) -> None:
        """Leave the cluster."""
        if self._started:
            self._ray.shutdown()

    def stop(self) -> None:
        """Cancel what is at work, and leave."""
        for task in self._at_work:
            self._ray.cancel(task, force=True)
        self.dismiss()


def cluster_device(name: str, gpus: float) -> str:
    """`execution.device` as a task sees it: Ray shows every task its own GPUs, counted from 0.

    Raises:
        InputError: a GPU is named, or there is none.
    """
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name == "cpu" or (name == "cuda" and gpus):
        return name
    if gpus:
        raise InputError(f"execution.device is {name!r}, and Ray chooses the GPUs; expected 'auto', 'cpu' or 'cuda'")
    raise InputError(f"execution.device is {name!r}, and the Ray cluster has no GPU; expected 'auto' or 'cpu'")


def gpus_per_run(execution: ExecutionParams, gpus: float, measured: Callable[[], tuple[int, int]]) -> float:
    """How many GPUs, or what part of one, a run takes.

    Args:
        execution: how runs are executed; `devices_per_run` and then `workers` come first.
        gpus: of the whole cluster.
        measured: bytes that a training step takes on a GPU, and that the GPU has.
    """
    if execution.devices_per_run > 1:
        return float(execution.devices_per_run)
    if execution.workers != "auto":
        return 1 / math.ceil(execution.workers / gpus)
    return 1 / runs_per_gpu(*measured())


def _refuse_unreachable(address: str) -> None:
    """Raise an `InputError` when nothing answers at HOST:PORT; other forms are Ray's to understand."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        if parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"RAY_ADDRESS is {address}, and no Ray cluster answers there ({error}); start its head, or unset "
            "RAY_ADDRESS to use this machine alone"
        ) from None


_trainer: tuple[tuple[object, ...], Trainer] | None = None
"""Of this Ray worker process, with what it was made of: its next run learns from the same features."""


def _train(spec: RunSpec, params: Params, device: str, root: str, store: str, processes: int) -> RunDone:
    """One run, in a process of Ray's on any node."""
    global _trainer
    _enter(root)
    made_of = (params, device, root, store, processes)
    if _trainer is None or _trainer[0] != made_of:
        _trainer = made_of, Trainer(params, device, Path(store), processes)
    return _trainer[1].train(spec)


def _enter(root: str) -> None:
    try:
        os.chdir(root)
    except OSError as error:
        raise InputError(
            f"node {socket.gethostname()} has no folder {root} ({error.strerror}); every node of the cluster must see "
            "the repository at the same path"
        ) from None


def _measure(params: Params, root: str) -> tuple[int, int]:
    _enter(root)
    return step_memory(params, torch.device("cuda")), torch.cuda.get_device_properties(0).total_memory
