"""Hashes of the data that training depends on: features and segments of the configured corpora.

Files of a corpus that was removed from params.yaml may still be on disk; they have no hash here, so they do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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


def recorded_hashes(inputs: Path, corpora: Iterable[str], frontends: Iterable[str]) -> dict[str, str]:
    """The SHA-256 that the stage `inputs` has written for each file that training reads.

    Args:
        inputs: path of `data/inputs.json`, the result of `fingerprints`.
        corpora: keys of the configured corpora.
        frontends: keys of the front ends that are read.

    Returns:
        Hashes by path, relative to the repository root: tables and indices first, then archives.

    Raises:
        InputError: the file is missing or damaged, or is of other corpora or front ends.
    """
    corpora, ends = sorted(corpora), sorted(set(frontends))
    again = "`dvc repro inputs` makes it again"
    try:
        known = json.loads(inputs.read_text("utf-8"))
        if sorted(known) != corpora:
            raise InputError(
                f"{inputs} is of the corpora {', '.join(sorted(known))}; expected those of params.yaml, "
                f"{', '.join(corpora)}; {again}"
            )
        tables = {f"data/segments/{corpus}.csv": known[corpus]["segments"] for corpus in corpora}
        indices, archives = (
            {
                f"data/features/{end}/{corpus}.{kind}": known[corpus]["features"][end][kind]
                for end in ends for corpus in corpora
            }
            for kind in ("scp", "ark")
        )  # fmt: skip
    except FileNotFoundError:
        raise InputError(f"{inputs} does not exist; `dvc repro` makes it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{inputs} does not describe the features of {', '.join(ends)} ({type(error).__name__}: {error}); {again}"
        ) from None
    return {path: str(digest) for path, digest in {**tables, **indices, **archives}.items()}


def refuse_changed(recorded: Mapping[str, str], root: Path = Path()) -> None:
    """Make sure that files are those that the stage `inputs` has seen: runs are stored under their hashes.

    Each file is read once, in small blocks.

    Args:
        recorded: SHA-256 by path, from `recorded_hashes`.
        root: the repository root.

    Raises:
        InputError: a file is missing or has changed.
    """
    for path, expected in recorded.items():
        found = _sha256(root / path)
        if found != expected:
            raise InputError(
                f"{path} has changed since the stage `inputs` described it: its SHA-256 begins with {found[:12]}; "
                f"expected {expected[:12]}, as data/inputs.json says. Nothing was trained on it; "
                "`dvc repro inputs partition` makes it again, or describes it if it was meant to change"
            )


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
