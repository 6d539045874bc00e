"""Errors that are meant for the person who runs the pipeline."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """A mistake that the user can correct: a wrong parameter, path, file or table.

    The message says what was wrong, the value, what was expected, where, and what to do.
    """


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_MEMORY = (
    "memory ran out; set execution.workers in params.yaml to fewer, cut very long recordings, or give this process "
    "more memory"
)


_THREADS = (
    "no further thread can be started: the limit of processes (`ulimit -u`, pids.max of a container) or of memory is "
    "reached; raise it, or set execution.workers in params.yaml to fewer"
)

OPEN_FILES = (errno.EMFILE, errno.ENFILE)
"""Errors of a limit of open files, which say nothing about the file that could not be opened."""

_FILES = "too many files are open; raise the limit (`ulimit -n 4096`)"


@contextmanager
def explained(name: str) -> Iterator[None]:
    """End the process with the message of an `InputError`, and no traceback, when one is raised inside.

    Args:
        name: name of the stage or command, put before the message (`ingest@emodb`).
    """
    if sys.stdout is None:  # closed by whoever started this process
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        yield
        sys.stdout.flush()
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except MemoryError:
        print(f"{name}: {_MEMORY}", file=sys.stderr)
        sys.exit(1)
    except RuntimeError as error:
        if "can't start new thread" in str(error):
            print(f"{name}: {_THREADS}", file=sys.stderr)
            sys.exit(1)
        # PyTorch's allocator on CPUs; its own text says how many bytes it wanted.
        if "can't allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        print(f"{name}: {_MEMORY}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno in OPEN_FILES:
            print(f"{name}: {_FILES}", file=sys.stderr)
            sys.exit(1)
        if error.errno not in _NO_ROOM:
            raise
        place = f" at {error.filename}" if error.filename else ""
        print(f"{name}: nothing can be written{place}: {error.strerror}; make room there", file=sys.stderr)
        _discard_output()
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)


def _discard_output() -> None:
    """Send what is still buffered for standard output nowhere, so that the end of the process does not fail again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
