"""The processes of one machine that train runs: one per group of cores, or several per GPU."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol, cast

from pipeline.params import Params
from pipeline.runs.identity import RunSpec
from pipeline.runs.run import RunDone
from pipeline.runs.worker import EpochDone, work


@dataclass(frozen=True)
class WorkerDied:
    """The process that trained the run is gone."""


Event = EpochDone | RunDone | WorkerDied


class Crew(Protocol):
    """Those who train runs, wherever they are; `RunDone` and `WorkerDied` end a run, `EpochDone` does not."""

    def has_room(self) -> bool:
        """Whether another run may be started now."""

    def start(self, spec: RunSpec) -> None:
        """Begin a run."""

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """What happened, as soon as something has, or nothing within `timeout` seconds."""

    def dismiss(self) -> None:
        """End in order, when no run is at work."""

    def stop(self) -> None:
        """End at once; runs at work continue from their checkpoints another time."""


class LocalCrew:
    """Worker processes of this machine, hired as they are needed."""

    def __init__(self, devices: list[str], params: Params, store: Path) -> None:
        """Prepare.

        Args:
            devices: where each worker trains; a GPU named twice is shared by two.
            params: the experiment's.
            store: the run store.
        """
        self._devices, self._params, self._store = devices, params, store
        self._free = list(reversed(devices))
        self._processes: dict[Connection, tuple[BaseProcess, str]] = {}
        self._idle: list[Connection] = []
        self._at_work: dict[Connection, RunSpec] = {}

    def has_room(self) -> bool:
        """Whether a worker is idle or may be hired."""
        return len(self._at_work) < len(self._devices)

    def start(self, spec: RunSpec) -> None:
        """Hand a run to an idle worker, or to a new one."""
        connection = self._idle.pop() if self._idle else self._hire()
        self._at_work[connection] = spec
        with suppress(ConnectionError):  # a worker that died idle: `events` finds its connection closed
            connection.send(spec)

    def events(self, timeout: float) -> Iterator[tuple[RunSpec, Event]]:
        """See `Crew`."""
        for connection in cast("list[Connection]", wait(list(self._at_work), timeout)):
            spec = self._at_work[connection]
            try:
                event = connection.recv()
            except (EOFError, ConnectionError):
                del self._at_work[connection]
                self._lose(connection)
                event = WorkerDied()
            if isinstance(event, RunDone):
                self._idle.append(connection)
                del self._at_work[connection]
            yield spec, event

    def dismiss(self) -> None:
        """See `Crew`."""
        for connection in list(self._processes):
            with suppress(ConnectionError):
                connection.send(None)
            self._lose(connection)

    def stop(self) -> None:
        """See `Crew`."""
        for process, _ in self._processes.values():
            process.kill()
        for connection in list(self._processes):
            self._lose(connection)

    def _hire(self) -> Connection:
        device = self._free.pop()
        # Spawned, not forked: a fork of a process that has used torch's threads can hang.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, self._params, device, self._store, self._devices.count(device))
        # Not a daemon, which might have no processes of its own; it ends with this one all the same.
        process = context.Process(target=work, args=arguments)
        process.start()
        theirs.close()
        self._processes[ours] = process, device
        return ours

    def _lose(self, connection: Connection) -> None:
        process, device = self._processes.pop(connection)
        process.join()
        connection.close()
        self._free.append(device)
