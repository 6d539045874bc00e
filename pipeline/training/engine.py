"""Spreading runs over the processes of one machine."""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self, cast

import torch
from tqdm import tqdm

from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.processes import available_cores
from pipeline.training.device import resolve_device
from pipeline.training.identity import RunSpec
from pipeline.training.store import RunFolder
from pipeline.training.worker import EpochDone, work

DEATHS = 2
"""A run at which this many workers died is given up; the others go on."""


def plan(params: Params, model: str, data: str) -> list[RunSpec]:
    """The runs of one model: every trained fold with every seed."""
    train = params.train
    return [RunSpec(model, fold, seed, train.epochs, params, data) for fold in train.folds for seed in train.seeds]


def fill_store(specs: Sequence[RunSpec], params: Params, store: Path) -> int:
    """Train the runs that the store lacks; one that fails does not stop the others.

    Returns:
        How many were trained (or continued).

    Raises:
        InputError: some runs failed; the message says which and why. The others are in the store.
    """
    missing = [spec for spec in specs if not RunFolder(store, spec).finished()]
    if not missing:
        return 0
    device = resolve_device(params.execution.device)
    failures: dict[str, str] = {}
    workers = min(len(missing), worker_count(params, device))
    with _crew(workers, (params, str(device), store)) as crew, _Progress(missing) as progress:
        for spec, failure in _train_all(crew, missing, progress):
            if failure is not None:
                failures[spec.name] = failure
    if failures:
        lines = [f"  {name}: {reason}" for name, reason in sorted(failures.items())]
        summary = (
            f"{len(failures)} of {len(missing)} runs failed; the others are kept. "
            "`dvc repro` again tries these alone, from their last checkpoints:"
        )
        raise InputError("\n".join([summary, *lines]))
    return len(missing)


def worker_count(params: Params, device: torch.device) -> int:
    """Runs at a time: as many as cores carry `train.threads` threads each; one on a GPU unless told otherwise."""
    if params.execution.workers != "auto":
        return params.execution.workers
    if device.type == "cuda":
        return 1
    return max(1, available_cores() // params.train.threads)


@dataclass
class _Crew:
    """Worker processes by the connection to each."""

    size: int
    arguments: tuple[Params, str, Path]
    processes: dict[Connection, BaseProcess] = field(default_factory=dict)

    def hire(self) -> Connection:
        """Start a worker."""
        # Spawned, not forked: a fork of a process that has used torch's threads can hang.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, *self.arguments), daemon=True)
        process.start()
        theirs.close()
        self.processes[ours] = process
        return ours

    def lose(self, connection: Connection) -> None:
        """Take leave of a worker that died."""
        self.processes.pop(connection).join()
        connection.close()


@contextmanager
def _crew(size: int, arguments: tuple[Params, str, Path]) -> Iterator[_Crew]:
    """A crew that is gone afterwards, whatever happened: its runs continue from their checkpoints another time."""
    crew = _Crew(size, arguments)
    try:
        yield crew
        for connection in crew.processes:
            connection.send(None)
    except BaseException:
        for process in crew.processes.values():
            process.kill()
        raise
    finally:
        for connection in list(crew.processes):
            crew.lose(connection)


def _train_all(crew: _Crew, specs: Sequence[RunSpec], progress: _Progress) -> Iterator[tuple[RunSpec, str | None]]:
    """Each run as it ends, with the reason if it failed."""
    waiting = deque(specs)
    idle: list[Connection] = []
    at_work: dict[Connection, RunSpec] = {}
    deaths: Counter[str] = Counter()
    while waiting or at_work:
        while waiting and len(at_work) < crew.size:
            connection = idle.pop() if idle else crew.hire()
            at_work[connection] = waiting.popleft()
            with suppress(ConnectionError):  # a worker that died idle: what follows finds its connection closed
                connection.send(at_work[connection])
        for connection in cast("list[Connection]", wait(list(at_work))):
            spec = at_work[connection]
            try:
                message = connection.recv()
            except (EOFError, ConnectionError):
                del at_work[connection]
                crew.lose(connection)
                deaths[spec.name] += 1
                if deaths[spec.name] < DEATHS:
                    waiting.append(spec)
                else:
                    yield spec, f"its worker process died {DEATHS} times (killed, or out of memory?)"
                continue
            if isinstance(message, EpochDone):
                progress.show(spec, message)
            else:
                idle.append(connection)
                del at_work[connection]
                yield spec, message.failure


class _Progress:
    """One bar over the epochs of all runs, with the time left; a run that continues starts further on."""

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._last = {spec.name: 0 for spec in specs}
        self._total = sum(spec.epochs for spec in specs)
        self._bar = tqdm(total=self._total, unit="epoch", desc=specs[0].model, file=sys.stderr, mininterval=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def show(self, spec: RunSpec, done: EpochDone) -> None:
        """Count an epoch."""
        ahead = done.epoch - self._last[spec.name] - 1
        if ahead > 0:
            self._total -= ahead
            self._bar.total = self._total
        self._last[spec.name] = done.epoch
        self._bar.set_postfix_str(
            f"{spec.name}: train UA {done.train_ua:.1f} %, valid UA {done.valid_ua:.1f} %", refresh=False
        )
        self._bar.update(1)
