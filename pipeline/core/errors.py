"""Errors that are meant for the person who runs the pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """A mistake that the user can correct: a wrong parameter, path, file or table.

    The message says what was wrong, the value, what was expected, where, and what to do.
    """


@contextmanager
def explained(name: str) -> Iterator[None]:
    """End the process with the message of an `InputError`, and no traceback, when one is raised inside.

    Args:
        name: name of the stage or command, put before the message (`ingest@emodb`).
    """
    try:
        yield
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
