"""Spreading runs over the processes of one machine."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import torch
from tqdm import tqdm

from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.training.data import Experiment, load_experiment
from pipeline.training.device import resolve_device
from pipeline.training.identity import RunSpec
from pipeline.training.loop import RunState
from pipeline.training.runner import execute
from pipeline.training.store import RunFolder

Messages = SimpleQueue[tuple[str, int, float, float] | None]
"""Run, epoch, training UA and validation UA; None at the end."""


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
    workers = min(len(missing), worker_count(params, device))
    context = multiprocessing.get_context("spawn")
    messages: Messages = context.SimpleQueue()
    watcher = threading.Thread(target=_show_progress, args=(messages, missing), daemon=True)
    watcher.start()
    failures = {}
    try:
        with ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_prepare,
            initargs=(params, str(device), store, messages, os.getpid()),
        ) as pool:
            futures: dict[Future[None], RunSpec] = {pool.submit(_run, spec): spec for spec in missing}
            for future in as_completed(futures):
                if (error := future.exception()) is not None:
                    failures[futures[future].name] = _reason(error)
    finally:
        messages.put(None)
        watcher.join()
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
    return max(1, len(os.sched_getaffinity(0)) // params.train.threads)


def _reason(error: BaseException) -> str:
    if isinstance(error, BrokenProcessPool):
        return "a worker process died (killed, or out of memory?)"
    return f"{type(error).__name__}: {error}"


class _Worker:
    """What a worker process loads once and uses for all its runs."""

    experiment: Experiment
    store: Path
    messages: Messages


def _prepare(params: Params, device: str, store: Path, messages: Messages, parent: int) -> None:
    """Set up a worker process."""
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(params.train.threads)
    torch.use_deterministic_algorithms(torch.device(device).type == "cpu")
    _Worker.experiment = load_experiment(params, torch.device(device))
    _Worker.store = store
    _Worker.messages = messages


def _die_with(parent: int) -> None:
    """End this process when the one that started it is gone: nobody would collect what it trains."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(spec: RunSpec) -> None:
    execute(spec, _Worker.experiment, _Worker.store, _tell)


def _tell(spec: RunSpec, state: RunState) -> None:
    row = state.history[-1]
    _Worker.messages.put((spec.name, row.epoch, row.train_ua, row.valid_ua))


def _show_progress(messages: Messages, specs: Sequence[RunSpec]) -> None:
    """One bar over the epochs of all runs, with the time left; a run that continues starts further on."""
    total = sum(spec.epochs for spec in specs)
    last = {spec.name: 0 for spec in specs}
    with tqdm(total=total, unit="epoch", file=sys.stderr, mininterval=1, dynamic_ncols=True) as bar:
        bar.set_description(specs[0].model)
        while (message := messages.get()) is not None:
            name, epoch, train_ua, valid_ua = message
            total -= epoch - last[name] - 1
            last[name], bar.total = epoch, total
            bar.set_postfix_str(f"{name}: train UA {train_ua:.1f} %, valid UA {valid_ua:.1f} %", refresh=False)
            bar.update(1)
