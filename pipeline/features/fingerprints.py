"""What training depends on: the content of the configured corpora's features and segments.

Files of a corpus that was taken out of params.yaml may lie on disk; they are not in here and so count for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS, read_table
from pipeline.features.archive import read_keys

Fingerprint = dict[str, str | int]


def fingerprints(corpora: Iterable[str], features: Path, segments: Path) -> dict[str, Fingerprint]:
    """Identify the training data of each corpus by its content.

    Args:
        corpora: keys of the configured corpora.
        features: folder of `<corpus>.ark` and `<corpus>.scp`.
        segments: folder of `<corpus>.csv`.

    Returns:
        For each corpus, sorted by key: the SHA-256 of its `ark`, `scp` and `segments`, and `num_segments`.

    Raises:
        InputError: a file is missing, or the features are not those of the segments.
    """
    return {corpus: _fingerprint(corpus, features, segments) for corpus in sorted(corpora)}


def _fingerprint(corpus: str, features: Path, segments: Path) -> Fingerprint:
    ark, scp, table = features / f"{corpus}.ark", features / f"{corpus}.scp", segments / f"{corpus}.csv"
    extracted = read_keys(scp)
    if extracted != list(read_table(table, SEGMENTS)["segment"]):
        raise InputError(
            f"{scp} does not hold the segments of {table} in their order; run `dvc repro extract@{corpus}`, "
            "which makes the features anew"
        )
    return {"ark": _sha256(ark), "scp": _sha256(scp), "segments": _sha256(table), "num_segments": len(extracted)}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `dvc repro` makes it") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
