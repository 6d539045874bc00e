"""How many workers there may be, and what each of them does first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux states the limits of a container or of a Slurm job (cgroup v2)."""


def available_cores(cgroup: Path = CGROUP) -> int:
    """CPU cores that this process may use: fewer than the machine has under taskset, Slurm or a container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text("ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no such limit, or "max"
        return cores


def decoding_threads() -> int:
    """Threads that decode side by side; more gain nothing, since they share the disk and Python's lock."""
    return min(8, available_cores())


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it.

    Ctrl-C reaches every process of a terminal; the parent alone decides what it means. A worker whose parent was killed
    ends at once: nobody would ever collect what it makes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
