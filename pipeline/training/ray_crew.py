"""A Ray cluster that trains runs: the same function on keys and paths, wherever Ray finds room for it.

Driver and nodes see one file system, where repository and run store lie; Ray carries no tensors. `RAY_ADDRESS` names
the cluster, as everywhere in Ray; without it Ray starts on this machine alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.training.crew import Event, WorkerDied
from pipeline.training.fitting import runs_per_gpu, step_memory
from pipeline.training.identity import RunSpec
from pipeline.training.runner import RunDone
from pipeline.training.worker import Trainer

RETRIES = 3
"""How often Ray itself starts a run again whose node or process died."""


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
            InputError: Ray is not installed, or `execution.device` is no device of the cluster.
        """
        self._ray = _import_ray()
        self._started = not self._ray.is_initialized()
        if self._started:
            self._ray.init(include_dashboard=False, log_to_driver=False)
        gpus = self._ray.cluster_resources().get("GPU", 0)
        device = params.execution.device
        if device == "auto":
            device = "cuda" if gpus else "cpu"
        if device != "cpu" and not gpus:
            raise InputError(
                f"execution.device is {device!r}, and the Ray cluster has no GPU; expected 'auto' or 'cpu'"
            )
        share = 0.0 if device == "cpu" else self._share(params)
        options = {"num_cpus": params.train.threads, "num_gpus": share, "max_retries": RETRIES}
        self._task = self._ray.remote(**options)(_train)
        self._arguments = (
            self._ray.put(params),
            device,
            str(Path.cwd()),
            str(store.absolute()),
            round(1 / (share or 1)),
        )
        self._at_work: dict[Any, RunSpec] = {}

    def has_room(self) -> bool:
        """Always: Ray keeps what waits."""
        return True

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

    def _share(self, params: Params) -> float:
        """The part of a GPU that a run takes, from what a step needs on one."""
        if params.execution.workers != "auto":
            return 1 / params.execution.workers
        task = self._ray.remote(num_cpus=1, num_gpus=1)(_measure)
        step, total = self._ray.get(task.remote(params))
        return 1 / runs_per_gpu(step, total)


_trainer: Trainer | None = None
"""Of this Ray worker process: the next run that it gets learns from the same features."""


def _train(spec: RunSpec, params: Params, device: str, root: str, store: str, processes: int) -> RunDone:
    """One run, in a process of Ray's on any node."""
    global _trainer
    os.chdir(root)
    if _trainer is None or _trainer.params != params:
        _trainer = Trainer(params, device, Path(store), processes)
    return _trainer.train(spec)


def _measure(params: Params) -> tuple[int, int]:
    return step_memory(params, torch.device("cuda")), torch.cuda.get_device_properties(0).total_memory
