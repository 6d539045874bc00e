"""Errors that are meant for the person who runs the pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something the user can mend: a wrong parameter, path, file or table.

    The message says what was wrong, the value, what was expected, where, and what to do.
    """


@contextmanager
def explained(name: str) -> Iterator[None]:
    """End the process with the message of an `InputError`, and no traceback, when one is raised inside.

    Args:
        name: what was running, put before the message (`ingest@emodb`).
    """
    try:
        yield
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
