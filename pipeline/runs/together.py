"""One run over several devices of a machine: every process trains on its part of each batch, all reach one network.

Process 0 is the one that holds the run's claim; it alone writes. The others follow it from the same checkpoint and end
with it. Normalisation, shaking and dropout see the batch as one device would (`pipeline.models.collective`), so a run
differs from that of one device in the order of its sums alone.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline.core.errors import InputError
from pipeline.core.workers import prepare_worker
from pipeline.runs.identity import RunSpec
from pipeline.training.data import load_experiment

PATIENCE = timedelta(minutes=10)
"""Longest wait of one process for the others: reading the features, or saving a checkpoint."""


@contextmanager
def together(spec: RunSpec, store: Path, done: int, device: torch.device) -> Iterator[None]:
    """Have the run trained by `execution.devices_per_run` processes while the block trains it as the first of them.

    Args:
        spec: the run.
        store: the run store.
        done: epochs of the checkpoint that all continue from.
        device: of this process; the others take those that follow it.

    Raises:
        InputError: another process could not begin, or ended early.
    """
    number = spec.params.execution.devices_per_run
    if number == 1:
        yield
        return
    context = multiprocessing.get_context("spawn")
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
    """The device of process `rank` of a run whose first is on `device`."""
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
    from pipeline.runs.run import start, train_epochs
    from pipeline.runs.store import RunFolder

    prepare_worker()
    _join(rank, number, meeting, device)
    experiment = load_experiment(spec.params, device, processes=number)
    state = start(spec, device)
    RunFolder(store, spec).follow(state, done)
    train_epochs(spec, state, experiment, lambda state: None)
    dist.destroy_process_group()
