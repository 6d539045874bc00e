"""The free memory of a device."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

from pipeline.core.limits import CGROUP


def free_memory(device: torch.device, cgroup: Path = CGROUP) -> int:
    """Bytes that a process can still take on a device; on a CPU, those of the machine or of its container."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    available: int = psutil.virtual_memory().available
    try:
        limit = int((cgroup / "memory.max").read_text("ascii"))
        used = int((cgroup / "memory.current").read_text("ascii"))
    except (OSError, ValueError):  # no such limit, or "max"
        return available
    return max(0, min(available, limit - used))
