"""The runs of an experiment, over whoever trains them: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tqdm import tqdm

from pipeline.core.errors import InputError
from pipeline.params import Params
from pipeline.runs.identity import RunSpec
from pipeline.runs.local import Crew, LocalCrew, WorkerDied
from pipeline.runs.placement import worker_devices
from pipeline.runs.ray import RayCrew
from pipeline.runs.run import RunDone
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import EpochDone

HELD_SECONDS = 2.0
"""Between two looks at runs that other processes are at."""

DEATHS = 2
"""A run at which this many workers died is given up; the others go on."""


def plan(params: Params, model: str, data: str) -> list[RunSpec]:
    """The runs of one model: every trained fold with every seed."""
    train = params.train
    return [RunSpec(model, fold, seed, train.epochs, params, data) for fold in train.folds for seed in train.seeds]


@dataclass(frozen=True)
class Filled:
    """What became of the runs that were asked for, each once.

    Attributes:
        trained: trained or continued here.
        held: left to other processes, which are at them.
    """

    trained: int
    held: tuple[RunSpec, ...] = ()


def fill_store(specs: Sequence[RunSpec], params: Params, store: Path, *, wait: bool = True) -> Filled:
    """Train the runs that the store lacks; one that fails does not stop the others.

    Args:
        specs: the runs.
        params: the experiment's; `execution.engine` says where they are trained.
        store: the run store.
        wait: for runs that other processes are at; else they are left to those that are seen to be alive.

    Raises:
        InputError: some runs failed; the message says which and why. The others are in the store.
    """
    # By identity: models that differ in their key alone are one run.
    missing = list({spec.identity: spec for spec in specs if _lacks(store, spec)}.values())
    if not missing:
        return Filled(0)
    failures: dict[str, str] = {}
    trained, held = 0, []
    with _crew(len(missing), params, store) as crew, _Progress(missing) as progress:
        for spec, outcome in _train_all(crew, missing, store, progress, wait=wait):
            progress.end(spec, outcome)
            if outcome.failure is not None:
                failures[spec.name] = outcome.failure
            elif outcome.held_by is not None:
                held.append(spec)
            else:
                trained += outcome.trained
    if failures:
        lines = [f"  {name}: {reason}" for name, reason in sorted(failures.items())]
        summary = (
            f"{len(failures)} of {len(missing)} runs failed; the others are kept. "
            "Running it again tries these alone, from their last checkpoints:"
        )
        raise InputError("\n".join([summary, *lines]))
    return Filled(trained, tuple(held))


def _lacks(store: Path, spec: RunSpec) -> bool:
    """Whether the run is not there; one that cannot be read will be named as failed by who tries to train it."""
    try:
        return not RunFolder(store, spec).finished()
    except InputError:
        return True


@contextmanager
def _crew(runs: int, params: Params, store: Path) -> Iterator[Crew]:
    """A crew that is gone afterwards, whatever happened: its runs continue from their checkpoints another time."""
    if params.execution.engine == "ray":
        crew: Crew = RayCrew(params, store)
    else:
        crew = LocalCrew(worker_devices(params)[:runs], params, store)
    try:
        yield crew
    except BaseException:
        crew.stop()
        raise
    crew.dismiss()


def _train_all(
    crew: Crew, specs: Sequence[RunSpec], store: Path, progress: _Progress, *, wait: bool
) -> Iterator[tuple[RunSpec, RunDone]]:
    """Each run as it ends."""
    waiting, held = deque(specs), deque[RunSpec]()
    at_work = 0
    deaths: Counter[str] = Counter()
    beats: dict[str, float | None] = {}
    look_again = 0.0
    while waiting or at_work or held:
        # What others are at comes back when there is nothing else to do: they may have died.
        if held and not waiting and time.monotonic() >= look_again:
            waiting, held = held, deque()
            look_again = time.monotonic() + HELD_SECONDS
        while waiting and crew.has_room():
            crew.start(waiting.popleft())
            at_work += 1
        if not at_work:
            time.sleep(max(0.0, look_again - time.monotonic()))
            continue
        for spec, event in crew.events(HELD_SECONDS):
            if isinstance(event, EpochDone):
                progress.show(spec, event)
                continue
            at_work -= 1
            if isinstance(event, WorkerDied):
                deaths[spec.name] += 1
                if deaths[spec.name] < DEATHS:
                    waiting.append(spec)
                else:
                    reason = f"its worker process died {DEATHS} times (killed, or out of memory?)"
                    RunFolder(store, spec).note_failure(reason)
                    yield spec, RunDone(failure=reason)
            elif event.held_by is not None:
                beat = RunFolder(store, spec).claim.touched()
                if wait:
                    progress.tell_held(spec, event.held_by)
                # Its claim may be that of a dead process on another host: only a heartbeat tells.
                if wait or beats.setdefault(spec.name, beat) == beat:
                    held.append(spec)
                else:
                    yield spec, event
            else:
                yield spec, event


class _Progress:
    """One bar over the epochs of all runs, with the time left; a run that continues starts further on."""

    def __init__(self, specs: Sequence[RunSpec]) -> None:
        self._last = {spec.name: 0 for spec in specs}
        self._total = sum(spec.epochs for spec in specs)
        models = list(dict.fromkeys(spec.model for spec in specs))
        self._told: set[str] = set()
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
        """Count the epochs of a run that were not told one by one, or will not be trained here."""
        left = spec.epochs - self._last[spec.name]
        if outcome.trained:
            self._bar.update(left)
        else:
            self._total -= left
            self._bar.total = self._total

    def tell_held(self, spec: RunSpec, owner: str) -> None:
        """Say once that somebody else is at a run."""
        if spec.name not in self._told:
            self._told.add(spec.name)
            self._bar.write(f"{spec.name}: {owner} trains it; waiting for that", file=sys.stderr)
