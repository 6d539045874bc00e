"""How many runs fit a machine: by cores on CPUs, by measured memory on GPUs."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import torch

from pipeline.core.errors import InputError
from pipeline.core.workers import available_cores
from pipeline.params import Params
from pipeline.runs.cost import training_step
from pipeline.training.batches import PRECISIONS
from pipeline.training.device import visible_devices

CONTEXT_BYTES = 800 << 20
"""What CUDA and its libraries take for each process beside its tensors."""

USABLE = 0.9
"""Of a GPU's memory: the rest is for fragmentation, and for batches longer than the measured one."""

MOST_RUNS_PER_GPU = 8
"""More share the computing units to no gain."""


def worker_devices(params: Params) -> list[str]:
    """The device of each worker of this machine, round robin over the devices.

    On CPUs as many as the cores carry `train.threads` threads each; on GPUs as many per GPU as a measured step
    leaves room for; `execution.workers` overrides either.

    Raises:
        InputError: a GPU is named that is not there.
    """
    devices, number = visible_devices(params.execution.device), params.execution.devices_per_run
    if number > 1 and devices[0].type == "cuda":
        return _groups(devices, number)
    asked = params.execution.workers
    if asked != "auto":
        workers = asked
    elif devices[0].type == "cpu":
        workers = max(1, available_cores() // (params.train.threads * number))
    else:
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # its context is gone afterwards
            step = pool.apply(step_memory, (params, devices[0]))
        total = min(torch.cuda.get_device_properties(device).total_memory for device in devices)
        workers = len(devices) * runs_per_gpu(step, total)
    return [str(devices[index % len(devices)]) for index in range(workers)]


def _groups(devices: list[torch.device], number: int) -> list[str]:
    """The first device of each group of `number`, which one run has to itself.

    Raises:
        InputError: there are fewer devices than a run wants.
    """
    if len(devices) < number:
        raise InputError(
            f"execution.devices_per_run is {number}, and there are {len(devices)} devices for "
            f"{', '.join(map(str, devices))}; expected at most so many"
        )
    return [str(device) for device in devices[: len(devices) // number * number : number]]


def runs_per_gpu(step: int, total: int) -> int:
    """How many runs share a GPU.

    Args:
        step: bytes that one run's tensors take at their most.
        total: bytes of the GPU.

    >>> runs_per_gpu(step=6 << 30, total=80 << 30)
    8
    """
    return min(MOST_RUNS_PER_GPU, max(1, int(USABLE * total) // (step + CONTEXT_BYTES)))


def step_memory(params: Params, device: torch.device) -> int:
    """Bytes that a run takes on a GPU: a measured step on a batch of the longest segments, and the features."""
    frames = round(100 * params.segment.seconds)
    step, _ = training_step(params, device, params.train.batch_segments, frames)
    step()
    peak: int = torch.cuda.max_memory_allocated(device)
    archives = [Path(f"data/features/{corpus}.ark") for corpus in params.corpora]
    features = sum(path.stat().st_size for path in archives if path.exists())
    return peak + features * PRECISIONS[params.train.precision].itemsize // 4
