"""Who trains a run: one process at a time, on one machine or on many that share a file system.

A claim is a file that appears by a hard link, which only one process can make, on NFS as on a local disk. It names
host, process and a mark, and its owner touches it every `HEARTBEAT` seconds. A claim is dead when its process is (seen
from the same host) or when it was not touched for `STALE` seconds, by the clock of the file system alone, so hosts may
disagree about the time. An owner that was stopped for so long that another took over finds that its mark is gone, and
writes nothing more.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from pipeline.errors import InputError

HEARTBEAT = 10.0
"""Seconds between two touches of a claim."""

STALE = 120.0
"""Seconds without a touch after which a claim on another host counts as dead: a dozen heartbeats, since a network file
system may show a change a minute late."""


class ClaimLostError(Exception):
    """Another process has taken the run over."""


@dataclass(frozen=True)
class Owner:
    """The process that trains a run.

    Attributes:
        host: the machine, and the process namespace in it, within which `pid` means something.
        pid: the process.
        started: when it started, so that a later process of the same number is not taken for it.
        mark: what no other claim has.
    """

    host: str
    pid: int
    started: float
    mark: str

    @property
    def shown(self) -> str:
        """For messages: "process 4711 on node3"."""
        return f"process {self.pid} on {self.host.split('/')[0]}"

    def dead(self) -> bool:
        """Whether the process is known to be gone; from another host nothing is known."""
        if self.host != _host():
            return False
        try:
            return bool(psutil.Process(self.pid).create_time() != self.started)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


NOBODY_KNOWN = Owner("an unknown host", 0, 0.0, "")


class Claim:
    """The claim on one run, as one process sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = secrets.token_hex(8)

    def owner(self) -> Owner | None:
        """Who holds it; None when nobody does."""
        try:
            return Owner(**json.loads(self.path.read_text("utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError):
            # Written by something else, or cut short by a full disk: nobody that can be asked.
            return NOBODY_KNOWN

    def is_dead(self, owner: Owner) -> bool:
        """Whether nobody keeps the claim of `owner` alive, by this machine's clock; good enough to show."""
        try:
            return owner.dead() or time.time() - self.path.stat().st_mtime > STALE
        except FileNotFoundError:
            return True

    def check(self) -> None:
        """Make sure that the run is still ours.

        Raises:
            ClaimLostError: it is not.
        """
        owner = self.owner()
        if owner is None or owner.mark != self._mark:
            raise ClaimLostError(f"{self.path} is held by {owner.shown if owner else 'nobody'}")

    @contextmanager
    def held(self) -> Iterator[Owner | None]:
        """Hold the claim, if it is free or its owner is dead.

        Yields:
            None while it is ours; its owner where somebody else holds it.

        Raises:
            InputError: the folder cannot be written.
        """
        other = self._acquire()
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
            with suppress(ClaimLostError, OSError):
                self.check()
                self.path.unlink()

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(ClaimLostError, OSError):
                self.check()
                os.utime(self.path)

    def _acquire(self) -> Owner | None:
        """Take the claim; returns who holds it where that failed."""
        process = psutil.Process()
        ours = Owner(_host(), process.pid, process.create_time(), self._mark)
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
            if owner is not None and not self._is_dead(owner, written):
                return owner
            return self._take_over(owner, written)
        finally:
            written.unlink(missing_ok=True)

    def _is_dead(self, owner: Owner, probe: Path) -> bool:
        """Whether nobody keeps the claim alive; `probe` was just written, by the same file system's clock."""
        try:
            return owner.dead() or probe.stat().st_mtime - self.path.stat().st_mtime > STALE
        except FileNotFoundError:  # given back just now
            return True

    def _take_over(self, dead: Owner | None, written: Path) -> Owner | None:
        """Put our claim in place of a dead one; of several processes that try, the lock lets one look and act."""
        lock = self.path.with_name(f"{self.path.name}.takeover")
        if not _linked(written, lock):
            with suppress(FileNotFoundError):
                if written.stat().st_mtime - lock.stat().st_mtime > STALE:
                    lock.unlink()  # its process died within the few lines below
            return self.owner() or dead or NOBODY_KNOWN
        try:
            now = self.owner()
            if now is None:
                return None if _linked(written, self.path) else self.owner() or NOBODY_KNOWN
            if dead is None or now.mark != dead.mark:
                return now
            written.replace(self.path)
            return None
        finally:
            lock.unlink(missing_ok=True)


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name unless something has that name; whether it worked."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return False
    except OSError:
        # Over NFS the answer may be lost though the link was made: two names tell. Where a file system has no hard
        # links at all, exclusive creation is next best.
        if source.stat().st_nlink > 1:
            return True
        try:
            with target.open("xb") as stream:
                stream.write(source.read_bytes())
        except FileExistsError:
            return False
    return True


def _host() -> str:
    """The machine, and the process namespace: containers of one host may share its name, and not its processes."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (its target is no path)
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"
