"""The lock of a run: one process trains it at a time, on one machine or on many that share a file system.

A lock is a file that appears by a hard link, which only one process can make, on NFS as on a local disk. It names
host, process and a mark, and its owner touches it every `HEARTBEAT` seconds. A lock is dead when its process is (seen
from the same host) or when it was not touched for `STALE` seconds, by the clock of the file system alone, so hosts may
disagree about the time. A lock with a date as far in the future is dead, too: a living owner would have touched it
since. An owner that was stopped for so long that another process took over finds that its mark is gone, and writes
nothing more.

flufl.lock, which DVC installs, makes its locks in the same way, but lacks what runs of hours need:

- Whether a lock has expired depends on the clocks of two hosts, which may differ by at most 10 seconds.
- The lock of a killed process stays until it expires, since nothing checks whether the process is alive. `Lock.state`
  knows neither process namespaces nor that a process number may be used again.
- Two processes that break an expired lock can each remove the other's new one, as its source says.
- An attempt that does not wait never takes over.
- Nothing refreshes a lock while its owner computes.
- A file system without hard links is refused.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.runs.records import read_object

HEARTBEAT = 10.0
"""Seconds between two touches of a lock."""

STALE = 120.0
"""Seconds without a touch after which a lock on another host counts as dead: a dozen heartbeats, since a network file
system may show a change a minute late."""


@dataclass(frozen=True)
class Owner:
    """The process that trains a run.

    Attributes:
        host: name of the machine, its boot and the process namespace: `pid` is unique only within these.
        pid: number of the process.
        started: time at which it started, so that a later process of the same number is not taken for it; see
            `_started`.
        mark: random text that no other lock has.
    """

    host: str
    pid: int
    started: float
    mark: str

    @property
    def name(self) -> str:
        """For messages: "process 4711 on node3"."""
        return f"process {self.pid} on {printable(self.host.split('/')[0])}"

    def checked(self) -> Owner:
        """The same, if its values are of their types.

        Raises:
            TypeError: one is not.
        """
        kinds = {"host": str, "pid": int, "started": (int, float), "mark": str}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):  # type: ignore[arg-type]
                raise TypeError(f"{name} is {getattr(self, name)!r}")
        return self

    def dead(self) -> bool:
        """Whether the process is known to be gone; from another host nothing is known."""
        if self.host != _host():
            return False
        started = _started(self.pid)
        return started is None or started not in (UNKNOWN, self.started)


UNKNOWN = 0.0
"""Start of a process that is known to run, but whose start cannot be read."""

NOBODY_KNOWN = Owner("an unknown host", 0, UNKNOWN, "")


class LockLostError(Exception):
    """Another process has taken the run over, or its folder is gone."""

    def __init__(self, path: Path, owner: Owner | None) -> None:
        self.holder = owner.name if owner else "nobody"
        super().__init__(f"{path} is held by {self.holder}")


class RunLock:
    """The lock of one run, as one process sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = secrets.token_hex(8)

    def owner(self) -> Owner | None:
        """The owner of the lock; None when nobody holds it."""
        try:
            return Owner(**read_object(self.path)).checked()
        except (FileNotFoundError, NotADirectoryError):
            return NOBODY_KNOWN if self.path.is_symlink() else None
        except (OSError, ValueError, TypeError):
            # Written by something else, cut short by a full disk, or no file at all: no owner can be read from it.
            return NOBODY_KNOWN

    def is_dead(self, owner: Owner) -> bool:
        """Whether nobody keeps the lock of `owner` alive, by this machine's clock; exact enough for a list of runs."""
        touched = self.touched()
        return touched is None or owner.dead() or abs(time.time() - touched) > STALE

    def touched(self) -> float | None:
        """When its owner last touched it, by the file system's clock; None when nobody holds it."""
        try:
            return self.path.lstat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None

    def check(self) -> None:
        """Make sure that the run is still ours.

        Raises:
            LockLostError: another process holds the lock, or nobody does.
        """
        owner = self.owner()
        if owner is None or owner.mark != self._mark:
            raise LockLostError(self.path, owner)

    @contextmanager
    def acquire(self) -> Iterator[Owner | None]:
        """Hold the lock in the block, if it is free or its owner is dead.

        Yields:
            None while it is ours; its owner where somebody else holds it.

        Raises:
            InputError: the folder cannot be written.
        """
        other = self._try()
        if other is not None:
            yield other
            return
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        beat.start()
        try:
            yield None
        finally:
            stop.set()
            beat.join()
            with suppress(LockLostError, OSError):
                self.check()
                self.path.unlink()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(LockLostError, OSError):
                self.check()
                os.utime(self.path)

    def _try(self) -> Owner | None:
        """Take the lock; returns its owner where that failed."""
        pid = os.getpid()
        ours = Owner(_host(), pid, _started(pid) or UNKNOWN, self._mark)
        written = self.path.with_name(f"{self.path.name}.{self._mark}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(json.dumps(asdict(ours)), "utf-8")
        except OSError as error:
            with suppress(OSError):
                written.unlink()
            raise InputError(
                f"the run store {self.path.parent} cannot be written: {error.strerror}; runs are kept there, so give "
                "yourself permission or free some space, and run again"
            ) from None
        try:
            if _linked(written, self.path):
                return None
            owner = self.owner()
            if owner is not None and not _is_folder(self.path) and not self._is_dead(owner, written):
                return owner
            return self._take_over(owner, written)
        finally:
            written.unlink(missing_ok=True)

    def _is_dead(self, owner: Owner, probe: Path) -> bool:
        """Whether nobody keeps the lock alive; `probe` was just written, by the same file system's clock."""
        touched = self.touched()
        # None: given back just now. An owner that lives touches it with the present time, never with a later one.
        return touched is None or owner.dead() or abs(probe.stat().st_mtime - touched) > STALE

    def _take_over(self, dead: Owner | None, written: Path) -> Owner | None:
        """Replace a dead lock by ours; a second lock makes sure that only one process at a time does so."""
        takeover = self.path.with_name(f"{self.path.name}.takeover")
        if not _linked(written, takeover):
            with suppress(OSError):
                if _is_folder(takeover):
                    _set_aside(takeover)
                elif abs(written.stat().st_mtime - takeover.lstat().st_mtime) > STALE:
                    takeover.unlink()  # its process died within the few lines below
            return self.owner() or dead or NOBODY_KNOWN
        try:
            now = self.owner()
            if now is None:
                return None if _linked(written, self.path) else self.owner() or NOBODY_KNOWN
            if dead is None or now.mark != dead.mark:
                return now
            if _is_folder(self.path):
                _set_aside(self.path)
                return None if _linked(written, self.path) else self.owner() or NOBODY_KNOWN
            written.replace(self.path)
            return None
        finally:
            takeover.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _set_aside(folder: Path) -> None:
    """Rename a folder that has the name of a lock, which is always a file."""
    # With a slash at the end only a folder is renamed: another process may just have put a lock there.
    os.rename(f"{folder}/", f"{folder}.{secrets.token_hex(4)}.aside")  # noqa: PTH104 (a Path drops the slash)


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name; returns False if that name exists already."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return False
    except OSError:
        # Over NFS the link may have been made although its confirmation was lost: the file has two names then. Where a
        # file system has no hard links at all, exclusive creation is the next best way.
        if source.stat().st_nlink > 1:
            return True
        try:
            with target.open("xb") as stream:
                stream.write(source.read_bytes())
        except FileExistsError:
            return False
    return True


def _host() -> str:
    """The name of what process numbers are unique in: host, boot and process namespace.

    The host's name alone is not enough: two machines may be called `localhost`, and containers of one host may share
    its name and not its processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (its target is not a path)
    except OSError:  # not Linux
        boot = namespace = ""
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _started(pid: int) -> float | None:
    """The start of a process in clock ticks since the boot of the machine; None when it has ended.

    Seconds since 1970, as psutil has them, would change whenever somebody sets the clock. `UNKNOWN` where there is no
    /proc, or where it hides the processes of other users.
    """
    try:
        # Field 2, the name in parentheses, may hold anything; field 3 is the state, field 22 the start (man 5 proc).
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return UNKNOWN if psutil.pid_exists(pid) else None
    return None if fields[0] in (b"Z", b"X") else float(fields[19])
