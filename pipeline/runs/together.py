"""One run over several devices of a machine: every process trains on its part of each batch, all with equal weights.

Process 0 holds the lock of the run, and only it writes. The others continue from the same checkpoint and end with it.
Normalisation, shaking and dropout see the batch as one device would (`pipeline.models.collective`), so a run differs
from that of one device only in the order of its sums.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline.core.errors import InputError
from pipeline.core.workers import TRAINING_LIBRARIES, prepare_worker, start_method
from pipeline.runs.identity import RunSpec
from pipeline.runs.store import RunFolder
from pipeline.training.run import start, train_run

PATIENCE = timedelta(minutes=10)
"""Longest wait of one process for the others: reading the features, or saving a checkpoint."""


@contextmanager
def together(spec: RunSpec, store: Path, done: int, device: torch.device) -> Iterator[None]:
    """Start the other processes of a run over several devices; the block trains it as the first process.

    Args:
        spec: the run.
        store: the run store.
        done: number of epochs of the checkpoint that all processes continue from.
        device: device of this process; the others use those that follow it.

    Raises:
        InputError: another process could not begin, or ended early.
    """
    number = spec.params.execution.devices_per_run
    if number == 1:
        yield
        return
    context = start_method(TRAINING_LIBRARIES)
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        followers = [
            context.Process(target=_follow, args=(rank, number, meeting, spec, store, done, following(device, rank)))
            for rank in range(1, number)
        ]
        for follower in followers:
            follower.start()
        try:
            _join(0, number, meeting, device)
            yield
        except (RuntimeError, dist.DistError) as error:
            if ended := [process for process in followers if process.exitcode not in (None, 0)]:
                raise InputError(
                    f"{len(ended)} of the {number} processes of the run ended early (exit {ended[0].exitcode}; its "
                    f"message is above): {error}"
                ) from error
            raise
        else:
            for follower in followers:
                follower.join()
        finally:
            _end(followers)


def following(device: torch.device, rank: int) -> torch.device:
    """The device of process `rank` of a run whose first process is on `device`."""
    return device if device.type == "cpu" else torch.device(device.type, (device.index or 0) + rank)


def _end(followers: Sequence[BaseProcess]) -> None:
    for follower in followers:
        if follower.is_alive():
            follower.kill()
        follower.join()
    if dist.is_initialized():
        dist.destroy_process_group()


def _join(rank: int, number: int, meeting: str, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=number, timeout=PATIENCE)


def _follow(rank: int, number: int, meeting: str, spec: RunSpec, store: Path, done: int, device: torch.device) -> None:
    prepare_worker()
    _join(rank, number, meeting, device)
    spec.refuse_edited_code()
    experiment = spec.load_experiment(device, processes=number)
    state = start(spec.family, spec.design(experiment.shape), spec.train, spec.seeds, device)
    RunFolder(store, spec).follow(state, done)
    train_run(spec.family, state, experiment, spec.fold, spec.train, spec.seeds)
    dist.destroy_process_group()
