"""The number of runs at a time on a machine: by cores on CPUs, by measured memory on GPUs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.core.limits import available_cores
from pipeline.core.wording import counted
from pipeline.core.workers import TRAINING_LIBRARIES, call_apart
from pipeline.features.described import described_shape
from pipeline.models.options import ModelParams
from pipeline.runs.cost import training_step
from pipeline.runs.params import RunSections
from pipeline.training.batches import PRECISIONS
from pipeline.training.device import multiplies_bf16, resolve_device, visible_devices

CONTEXT_BYTES = 800 << 20
"""Memory that CUDA and its libraries take for each process beside its tensors."""

USABLE = 0.9
"""Part of a GPU's memory that runs may take: the rest is for fragmentation and for longer batches than measured."""

MOST_RUNS_PER_GPU = 8
"""Limit of runs on one GPU: more of them only share the same computing units."""


def worker_devices(params: RunSections, models: Collection[str] = ()) -> list[str]:
    """The device of each worker of this machine, round robin over the devices.

    On CPUs there are as many workers as the cores can run with the threads of the model that has the most; on GPUs, as
    many per GPU as fit by the memory of the model whose measured step takes the most. `execution.workers` overrides
    either, up to the number of cores on CPUs.

    Args:
        params: sections of the experiment.
        models: keys of the models to train; by default all.

    Raises:
        InputError: a GPU is named that does not exist.
    """
    devices, number = visible_devices(params.execution.device), params.execution.devices_per_run
    if number > 1 and devices[0].type == "cuda":
        return _groups(devices, number)
    asked = params.execution.workers
    if asked != "auto":
        # More processes than cores only share them, and take memory for each.
        workers = min(asked, available_cores()) if devices[0].type == "cpu" else asked
    elif devices[0].type == "cpu":
        workers = max(1, available_cores() // cores_per_run(params, models))
    else:
        # Apart, so that the CUDA context ends with that process.
        step = call_apart(partial(step_memory, params, models), devices[0], TRAINING_LIBRARIES)
        total = min(torch.cuda.get_device_properties(device).total_memory for device in devices)
        workers = len(devices) * runs_per_gpu(step, total)
    return [str(devices[index % len(devices)]) for index in range(workers)]


def _groups(devices: list[torch.device], number: int) -> list[str]:
    """The first device of each group of `number` devices; one run uses the whole group.

    Raises:
        InputError: there are fewer devices than one run needs.
    """
    if len(devices) < number:
        raise InputError(
            f"execution.devices_per_run is {number}, and there are {len(devices)} devices for "
            f"{', '.join(map(str, devices))}; expected at most so many"
        )
    return [str(device) for device in devices[: len(devices) // number * number : number]]


def runs_per_gpu(step: int, total: int) -> int:
    """The number of runs that share a GPU.

    Args:
        step: peak size of one run's tensors in bytes.
        total: memory of the GPU in bytes.

    >>> runs_per_gpu(step=6 << 30, total=80 << 30)
    8
    """
    return min(MOST_RUNS_PER_GPU, max(1, int(USABLE * total) // (step + CONTEXT_BYTES)))


def cores_per_run(params: RunSections, models: Collection[str] = ()) -> int:
    """Cores that a run of any of the models can use; without models, of any in `params`."""
    return max(params.train_of(key).threads for key in models or params.models) * params.execution.devices_per_run


def step_memory(params: RunSections, models: Collection[str], device: torch.device) -> int:
    """Bytes that a run of any of the models takes on a GPU; without models, of any in `params`.

    They are the features and a measured step on a batch of the longest segments. Models that differ only in what does
    not change a step are measured once.
    """
    distinct: dict[str, str] = {}
    for key in models or params.models:
        design, reading = params.design_of(key, Shape(dims=1)), params.reading_of(key)
        options = design.model.model_dump(exclude=set(ModelParams.model_fields) - {"family"})
        same = (options, design.network, design.features, reading, params.train_of(key).batch_segments)
        distinct.setdefault(repr(same), key)
    return max(_step_memory(params, key, device) for key in distinct.values())


def _step_memory(params: RunSections, model: str, device: torch.device) -> int:
    reading, corpora, peak = params.reading_of(model), sorted(params.corpora), 0
    if params.family_of(model).by_epochs:
        frames = round(100 * params.segment.seconds) if reading.framewise else 1
        shape = described_shape(reading.frontend)
        step, _ = training_step(params, model, shape, device, params.train_of(model).batch_segments, frames)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        peak = torch.cuda.max_memory_allocated(device)
    archives = [Path(f"data/features/{reading.frontend}/{corpus}.ark") for corpus in corpora]
    features = sum(path.stat().st_size for path in archives if path.exists())
    return peak + features * PRECISIONS[reading.precision].itemsize // 4


def warnings_of(params: RunSections, models: Sequence[str]) -> Iterator[str]:
    """Warnings before models are trained on this machine: settings that cost time here."""
    if params.execution.engine == "ray":
        return
    device, asked = resolve_device(params.execution.device), params.execution.workers
    wanted = [
        model for model in models if params.family_of(model).by_epochs and params.train_of(model).precision == "bf16"
    ]
    if wanted and not multiplies_bf16(device):
        yield (
            f"train.precision is bf16 for {', '.join(wanted)}, and this processor has no bf16 instructions: it "
            "emulates them, many times as slowly as fp32; expected fp32 here, which gives other last digits"
        )
    if asked != "auto" and device.type == "cpu" and asked > available_cores():
        cores = available_cores()
        used = f"{counted(cores, 'worker')} {'is' if cores == 1 else 'are'} used"
        yield f"execution.workers is {asked}, and this process may use {counted(cores, 'core')}: {used}"
