"""Hashes of the data that training depends on: features and segments of the configured corpora.

Files of a corpus that was removed from params.yaml may still be on disk; they have no hash here, so they do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS, read_table
from pipeline.features.archive import read_keys

Fingerprint = dict[str, Any]


def fingerprints(
    corpora: Iterable[str], frontends: Iterable[str], features: Path, segments: Path
) -> dict[str, Fingerprint]:
    """Identify the training data of each corpus by its content.

    Args:
        corpora: keys of the configured corpora.
        frontends: keys of the configured front ends.
        features: folder with `<frontend>/<corpus>.ark` and `<frontend>/<corpus>.scp`.
        segments: folder with `<corpus>.csv`.

    Returns:
        For each corpus, sorted by key: the SHA-256 of its table of `segments`, `num_segments`, and under `features`,
        for each front end, the SHA-256 of `ark` and `scp`.

    Raises:
        InputError: a file is missing, or the features are not those of the segments.
    """
    ends = sorted(frontends)
    return {corpus: _fingerprint(corpus, ends, features, segments) for corpus in sorted(corpora)}


def _fingerprint(corpus: str, frontends: Iterable[str], features: Path, segments: Path) -> Fingerprint:
    table = segments / f"{corpus}.csv"
    expected = list(read_table(table, SEGMENTS)["segment"])
    found = {}
    for frontend in frontends:
        ark, scp = (features / frontend / f"{corpus}.{ending}" for ending in ("ark", "scp"))
        if read_keys(scp) != expected:
            raise InputError(
                f"{scp} does not hold the segments of {table} in their order; run "
                f"`dvc repro extract@{frontend}-{corpus}`, which makes the features again"
            )
        found[frontend] = {"ark": _sha256(ark), "scp": _sha256(scp)}
    return {"segments": _sha256(table), "num_segments": len(expected), "features": found}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `dvc repro` makes it") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
