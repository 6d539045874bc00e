"""A Ray cluster that trains runs: the same function on keys and paths, on any node that has room for it.

Driver and nodes share a file system with the repository and the run store; Ray carries no tensors. `RAY_ADDRESS` names
the cluster, as everywhere in Ray; without it Ray starts on this machine alone.
"""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch

from pipeline.core.errors import InputError
from pipeline.core.source import refuse_other_code
from pipeline.core.workers import WorkerDied
from pipeline.runs.identity import RunSpec
from pipeline.runs.local import Event
from pipeline.runs.params import ExecutionParams, RunSections
from pipeline.runs.placement import cores_per_run, runs_per_gpu, step_memory
from pipeline.runs.run import RunDone
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer

RETRIES = 3
"""Number of times that Ray itself starts a run again after its node or process died."""

CONNECT_SECONDS = 10.0
"""Longest wait for the cluster's head: Ray itself waits for minutes, and then ends the process."""


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError(
            "execution.engine is ray, and Ray is not installed; `pip install '.[ray]'` installs it; or set "
            "engine: local"
        ) from None
    return ray


class RayWorkers:
    """Runs as tasks of a Ray cluster."""

    def __init__(self, params: RunSections, store: Path, models: Collection[str] = ()) -> None:
        """Join the cluster, or start one on this machine.

        Args:
            params: sections of the experiment.
            store: the run store.
            models: keys of the models to train; by default all.

        Raises:
            InputError: Ray is not installed, its head does not answer, or the cluster has no `execution.device`.
        """
        self._ray = _import_ray()
        self._started = not self._ray.is_initialized()
        if self._started:
            _refuse_unreachable(os.environ.get("RAY_ADDRESS", ""))
            self._ray.init(include_dashboard=False, log_to_driver=False)
        self._store = store.absolute()
        self._most = math.inf if params.execution.workers == "auto" else params.execution.workers
        self._running: dict[Any, RunSpec] = {}
        resources, root = self._ray.cluster_resources(), str(Path.cwd())
        device = cluster_device(params.execution.device, resources.get("GPU", 0))
        cpus = cores_per_run(params, models)
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
                step: tuple[int, int] = self._ray.get(
                    self._ray.remote(num_gpus=1)(_measure).remote(params, models, root)
                )
                return step

            gpus = gpus_per_run(params.execution, resources["GPU"], measured)
            processes = max(1, round(1 / gpus))
        self._task = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_train)
        self._arguments = (self._ray.put(params), device, root, str(self._store), processes)

    def has_room(self) -> bool:
        """Whether fewer than `execution.workers` runs are running; always with `auto`, since Ray has its own queue."""
        return len(self._running) < self._most

    def start(self, spec: RunSpec) -> None:
        """Hand a run to Ray."""
        self._running[self._task.remote(spec, *self._arguments)] = spec

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """See `Workers`; Ray reports only the ends of runs."""
        ended, _ = self._ray.wait(list(self._running), timeout=timeout)
        for task in ended:
            spec = self._running.pop(task)
            try:
                yield spec, self._ray.get(task)
            except self._ray.exceptions.RayTaskError as error:
                cause = error.cause
                reason = str(cause) if isinstance(cause, InputError) else f"{type(cause).__name__}: {cause}"
                RunFolder(self._store, spec).note_failure(reason, str(error))
                yield spec, RunDone(failure=reason)
            except self._ray.exceptions.RayError as error:
                yield spec, WorkerDied(type(error).__name__)

    def close(self) -> None:
        """Leave the cluster."""
        if self._started:
            self._ray.shutdown()

    def stop(self) -> None:
        """Cancel the runs that are running, and leave."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self.close()


def cluster_device(name: str, gpus: float) -> str:
    """`execution.device` as a task sees it: for every task, Ray numbers its GPUs from 0.

    Raises:
        InputError: one GPU is named by its number, or the cluster has none.
    """
    if name == "auto":
        return "cuda" if gpus else "cpu"
    if name == "cpu" or (name == "cuda" and gpus):
        return name
    if gpus:
        raise InputError(f"execution.device is {name!r}, and Ray chooses the GPUs; expected 'auto', 'cpu' or 'cuda'")
    raise InputError(f"execution.device is {name!r}, and the Ray cluster has no GPU; expected 'auto' or 'cpu'")


def gpus_per_run(execution: ExecutionParams, gpus: float, measured: Callable[[], tuple[int, int]]) -> float:
    """The number of GPUs, or the part of one, that a run takes.

    Args:
        execution: section `execution`; `devices_per_run` decides first, then `workers`.
        gpus: number of GPUs of the whole cluster.
        measured: function that returns the bytes that a training step takes on a GPU, and those that the GPU has.
    """
    if execution.devices_per_run > 1:
        return float(execution.devices_per_run)
    if execution.workers != "auto":
        return 1 / math.ceil(execution.workers / gpus)
    return 1 / runs_per_gpu(*measured())


def _refuse_unreachable(address: str) -> None:
    """Raise an `InputError` when nothing answers at HOST:PORT; other forms of an address are left to Ray."""
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
"""The trainer of this Ray worker process and its arguments, kept because the next run reads the same features."""


def _train(spec: RunSpec, params: RunSections, device: str, root: str, store: str, processes: int) -> RunDone:
    """Train one run in a Ray process on any node."""
    global _trainer
    _enter(root)
    arguments = (params, device, root, store, processes)
    if _trainer is None or _trainer[0] != arguments:
        _trainer = arguments, Trainer(params, device, Path(store), processes)
    return _trainer[1].train(spec)


def _enter(root: str) -> None:
    try:
        os.chdir(root)
    except OSError as error:
        raise InputError(
            f"node {socket.gethostname()} has no folder {root} ({error.strerror}); every node of the cluster must see "
            "the repository at the same path"
        ) from None
    refuse_other_code(Path(root))


def _measure(params: RunSections, models: Collection[str], root: str) -> tuple[int, int]:
    _enter(root)
    return step_memory(params, models, torch.device("cuda")), torch.cuda.get_device_properties(0).total_memory
