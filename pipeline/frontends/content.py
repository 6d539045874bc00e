"""Hashes of files that features depend on."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def file_hash(path: Path) -> str:
    """SHA-256 of a file; computed again in this process only when its size or time has changed."""
    state = path.stat()
    return _hash(path.resolve(), state.st_size, state.st_mtime_ns)


@functools.cache
def _hash(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
