"""The limits that Linux sets to this process below those of the machine: cores and memory of its control groups.

A container, a Slurm job or a systemd unit is a control group, and each may lie in another one: the least limit on the
way from the process's own group to the top counts. Both versions of control groups are read; where a container shows
its own group as the top, that is all there is to see.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux shows control groups."""

MEMBERSHIP = Path("/proc/self/cgroup")
"""Where Linux states the groups of this process."""


def available_cores(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """CPU cores that this process may use: fewer than the machine has under taskset, Slurm or a container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _groups(cgroup, membership, "cpu"):
        stated = _numbers(folder / "cpu.max") or (
            *(_numbers(folder / "cpu.cfs_quota_us") or (0,)),
            *(_numbers(folder / "cpu.cfs_period_us") or (0,)),
        )
        quota, period = stated if len(stated) == 2 else (0, 0)
        if quota > 0 and period > 0:
            cores = min(cores, max(1, quota // period))
    return cores


def memory_limit(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes of memory that this process and the others of its groups may use; None without a limit."""
    found = []
    for folder in _groups(cgroup, membership, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            # Version 1 states the lack of a limit as a number near 2 to the power of 63.
            found += [limit for limit in (_numbers(folder / name) or ())[:1] if 0 < limit < 1 << 60]
    return min(found, default=None)


def _groups(cgroup: Path, membership: Path, controller: str) -> Iterator[Path]:
    """The folders of the process's groups that may limit something, from its own up to the top."""
    try:
        lines = membership.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        lines = []
    for line in ["0::/", *lines]:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number != "0" and controller not in controllers.split(","):
            continue
        # Version 1 mounts controllers together, as `cpu,cpuacct`; the link `cpu` to it may be missing in a container.
        tops = [cgroup] if number == "0" else [cgroup / name for name in {controller, controllers}]
        own = PurePosixPath("/") / path.lstrip("/")
        if ".." not in own.parts:
            yield from (top / str(group).lstrip("/") for top in tops for group in (own, *own.parents))


def _numbers(file: Path) -> tuple[int, ...] | None:
    """The numbers in a file of Linux; None if it is missing, or says that there is no limit ("max", -1)."""
    try:
        return tuple(int(word) for word in file.read_text("ascii").split())
    except (OSError, ValueError):
        return None
