"""The device that runs train on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from pipeline.core.errors import InputError


def resolve_device(name: str) -> torch.device:
    """`auto`, `cpu`, `cuda` or `cuda:N` as a device; `auto` is the first GPU if there is one.

    Raises:
        InputError: a GPU is named that does not exist.
    """
    count = torch.cuda.device_count()
    if name == "auto":
        name = "cuda:0" if count else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(
            f"execution.device is {name!r}, and PyTorch sees {count} CUDA devices; expected 'auto', 'cpu'"
            + "".join(f", 'cuda:{index}'" for index in range(count))
        )
    return device


def visible_devices(name: str) -> list[torch.device]:
    """All devices that runs may be spread over: `auto` and `cuda` are every GPU that PyTorch sees, `cuda:N` is one.

    Raises:
        InputError: a GPU is named that does not exist.
    """
    first = resolve_device(name)
    if first.type == "cpu" or name not in ("auto", "cuda"):
        return [first]
    return [torch.device("cuda", index) for index in range(torch.cuda.device_count())]


def multiplies_bf16(device: torch.device, processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether a device has instructions that multiply bf16; else they are emulated, many times as slow as fp32.

    A system that does not describe its processor is not judged.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        # The flags are avx512_bf16 and amx_bf16 on x86, and bf16 on ARM.
        return "bf16" in processor.read_text("utf-8", errors="replace")
    except OSError:
        return True


def free_memory(device: torch.device) -> int:
    """Bytes of a GPU's memory that are free."""
    free: int = torch.cuda.mem_get_info(device)[0]
    return free


def device_name(device: torch.device) -> str:
    """The name of the hardware, for the record beside the results."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} CPU ({capability})"
