"""The worker processes of one machine that train runs: one per group of cores, or several per GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from pipeline.core.workers import TRAINING_LIBRARIES, Progress, Raised, WorkerDied, WorkerPool
from pipeline.runs.identity import RunSpec
from pipeline.runs.params import RunSections
from pipeline.runs.run import RunDone
from pipeline.runs.worker import EpochDone, trainer_of_worker

Event = EpochDone | RunDone | WorkerDied


class Workers(Protocol):
    """Processes that train runs, here or elsewhere; `RunDone` and `WorkerDied` end a run, `EpochDone` does not."""

    def has_room(self) -> bool:
        """Whether another run may be started now."""

    def start(self, spec: RunSpec) -> None:
        """Begin a run."""

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """Wait for events and yield them; none when `timeout` seconds pass without one."""

    def close(self) -> None:
        """End the workers in order, when no run is running."""

    def stop(self) -> None:
        """End the workers at once; runs that are running continue from their checkpoints another time."""


class LocalWorkers:
    """Worker processes of this machine, started as they are needed."""

    def __init__(self, devices: list[str], params: RunSections, store: Path) -> None:
        """Prepare.

        Args:
            devices: device of each worker; a GPU named twice is shared by two workers.
            params: sections of the experiment.
            store: the run store.
        """
        arguments = [(params, device, store, devices.count(device)) for device in devices]
        # No daemons, which may not start the other processes of a run over several devices.
        self._pool = WorkerPool[RunSpec, RunSpec, RunDone](
            trainer_of_worker, arguments, daemon=False, libraries=TRAINING_LIBRARIES
        )
        self.has_room, self.close, self.stop = self._pool.has_room, self._pool.close, self._pool.stop

    def start(self, spec: RunSpec) -> None:
        """See `Workers`."""
        self._pool.start(spec, spec)

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """See `Workers`."""
        for spec, event in self._pool.events(timeout):
            if isinstance(event, WorkerDied):
                yield spec, event
            elif isinstance(event, Progress):
                yield spec, cast("EpochDone", event.message)
            elif isinstance(event, Raised):
                yield spec, RunDone(failure=f"{type(event.error).__name__}: {event.error}")
            else:
                yield spec, event.outcome
