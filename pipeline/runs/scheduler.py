"""The runs of an experiment, over worker processes of this machine or a Ray cluster."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tqdm import tqdm

from pipeline.core.errors import InputError
from pipeline.core.workers import WorkerDied
from pipeline.runs.identity import RunSpec, data_of, distinct, split_hashes
from pipeline.runs.local import LocalWorkers, Workers
from pipeline.runs.params import RunSections
from pipeline.runs.placement import warnings_of, worker_devices
from pipeline.runs.ray import RayWorkers
from pipeline.runs.run import RunDone
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import EpochDone
from pipeline.training.data import refuse_unsound_split

LOCKED_SECONDS = 2.0
"""Seconds between two looks at runs that other processes train."""

DEATHS = 2
"""Number of workers that may die while training a run before it counts as failed; the other runs continue."""


def plan(
    params: RunSections, model: str, data: Sequence[str], splits: Sequence[Mapping[int, str]] = ()
) -> list[RunSpec]:
    """The runs of one model: every trained fold of every partition, with the hash of its data, and every seed.

    Args:
        params: sections of the experiment.
        model: key of the model.
        data: the hash of the data of each partition, from `data_of`.
        splits: the hashes of its folds, from `split_hashes`.
    """
    train = params.train_of(model)
    epochs = train.epochs if params.family_of(model).by_epochs else 1
    return [
        RunSpec(model, fold, seed, epochs, params, hashed, repeat, splits[repeat - 1].get(fold, "") if splits else "")
        for repeat, hashed in enumerate(data, 1)
        for fold in train.folds
        for seed in train.seeds
    ]


def plan_all(params: RunSections, models: Iterable[str], root: Path = Path()) -> list[RunSpec]:
    """The runs of several models on the present data.

    Raises:
        InputError: features or folds do not exist, or the folds are no partition.
    """
    repeats = range(1, params.partition.repeats + 1)
    specs: list[RunSpec] = []
    splits: list[dict[int, str]] = []
    for model in models:
        data = [data_of(params, model, root, repeat) for repeat in repeats]
        splits = splits or [split_hashes(root, repeat) for repeat in repeats]
        specs += plan(params, model, data, splits)
    for repeat in repeats:
        refuse_unsound_split(root, params.partition.folds, repeat, plain=params.partition.plain)
    return specs


@dataclass(frozen=True)
class Filled:
    """The result of `fill_store`; each run is counted once.

    Attributes:
        trained: number of runs that were trained or continued here.
        locked: runs left to other processes, which train them.
    """

    trained: int
    locked: tuple[RunSpec, ...] = ()


def fill_store(specs: Sequence[RunSpec], params: RunSections, store: Path, *, wait: bool = True) -> Filled:
    """Train the runs that the store lacks; one that fails does not stop the others.

    Args:
        specs: the requested runs.
        params: sections of the experiment; `execution.engine` says where the runs are trained.
        store: the run store.
        wait: whether to wait for runs that other processes train; else they are left to processes that are alive.

    Raises:
        InputError: some runs failed; the message lists them with the reasons. The others are in the store.
    """
    missing = distinct(spec for spec in specs if lacks(store, spec))
    if not missing:
        return Filled(0)
    for warning in warnings_of(params, sorted({spec.model for spec in missing})):
        print(warning, file=sys.stderr)
    failures: dict[str, str] = {}
    trained, locked = 0, []
    with _workers(missing, params, store) as workers, _Progress(missing) as progress:
        for spec, outcome in _train_all(workers, missing, store, progress, wait=wait):
            progress.end(spec, outcome)
            if outcome.failure is not None:
                failures[spec.name] = outcome.failure
            elif outcome.held_by is not None:
                locked.append(spec)
            else:
                trained += outcome.trained
    if failures:
        lines = [f"  {name}: {reason}" for name, reason in sorted(failures.items())]
        summary = (
            f"{len(failures)} of {len(missing)} runs failed; the others are kept. "
            "Running it again tries these alone, from their last checkpoints:"
        )
        raise InputError("\n".join([summary, *lines]))
    return Filled(trained, tuple(locked))


def lacks(store: Path, spec: RunSpec) -> bool:
    """Whether the run is missing; one that cannot be read counts, and is reported as failed when it is trained."""
    try:
        return not RunFolder(store, spec).finished()
    except InputError:
        return True


@contextmanager
def _workers(runs: Sequence[RunSpec], params: RunSections, store: Path) -> Iterator[Workers]:
    """Workers that end with the block, whatever happens in it: runs continue from their checkpoints another time."""
    models = sorted({spec.model for spec in runs})
    if params.execution.engine == "ray":
        workers: Workers = RayWorkers(params, store, models)
    else:
        workers = LocalWorkers(worker_devices(params, models)[: len(runs)], params, store)
    try:
        yield workers
    except BaseException:
        workers.stop()
        raise
    workers.close()


def _train_all(
    workers: Workers, specs: Sequence[RunSpec], store: Path, progress: _Progress, *, wait: bool
) -> Iterator[tuple[RunSpec, RunDone]]:
    """Train runs; yields each as it ends, with its result."""
    waiting, locked = deque(specs), deque[RunSpec]()
    running = 0
    deaths: Counter[str] = Counter()
    beats: dict[str, float | None] = {}
    look_again = 0.0
    while waiting or running or locked:
        # Runs that other processes train are tried again when nothing else is left: those processes may have died.
        if locked and not waiting and time.monotonic() >= look_again:
            waiting, locked = locked, deque()
            look_again = time.monotonic() + LOCKED_SECONDS
        while waiting and workers.has_room():
            workers.start(waiting.popleft())
            running += 1
        if not running:
            time.sleep(max(0.0, look_again - time.monotonic()))
            continue
        for spec, event in workers.events(LOCKED_SECONDS):
            if isinstance(event, EpochDone):
                progress.show(spec, event)
                continue
            running -= 1
            if isinstance(event, WorkerDied):
                deaths[spec.name] += 1
                if deaths[spec.name] < DEATHS:
                    waiting.append(spec)
                else:
                    reason = f"its worker process died {DEATHS} times (the last time: {event.reason})"
                    RunFolder(store, spec).note_failure(reason)
                    yield spec, RunDone(failure=reason)
            elif event.held_by is not None:
                beat = RunFolder(store, spec).lock.touched()
                if wait:
                    progress.report_locked(spec, event.held_by)
                # The lock may belong to a dead process on another host: only a heartbeat shows that it is alive.
                if wait or beats.setdefault(spec.name, beat) == beat:
                    locked.append(spec)
                else:
                    yield spec, event
            else:
                yield spec, event


class _Progress:
    """One progress bar over the epochs of all runs; for a run that continues, only the remaining epochs count."""

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._last = {spec.name: 0 for spec in specs}
        self._total = sum(spec.epochs for spec in specs)
        models = list(dict.fromkeys(spec.model for spec in specs))
        self._reported: set[str] = set()
        self._bar = tqdm(
            total=self._total,
            unit="epoch",
            desc=models[0] if len(models) == 1 else f"{len(models)} models",
            file=sys.stderr,
            mininterval=1,
        )

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

    def end(self, spec: RunSpec, outcome: RunDone) -> None:
        """Count the epochs of a run that were not reported one by one, or will not be trained here."""
        left = spec.epochs - self._last[spec.name]
        if outcome.trained:
            self._bar.update(left)
        else:
            self._total -= left
            self._bar.total = self._total

    def report_locked(self, spec: RunSpec, owner: str) -> None:
        """Say once that another process trains a run."""
        if spec.name not in self._reported:
            self._reported.add(spec.name)
            self._bar.write(f"{spec.name}: {owner} trains it; waiting for it", file=sys.stderr)
