"""Records of finished runs: their file names, and the digests by which damage and edits are noticed when they are read.

A record holds its number of epochs, the SHA-256 of the weights beside it, and its own. Runs that were finished before
records had digests stay valid: of them only the number of epochs is compared.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError

OWN, WEIGHTS = "sha256", "weights_sha256"
"""Keys of a record: its own digest, which is that of all other keys, and that of the weights beside it."""

_NAME = re.compile(r"([0-9]{6,9})(\.diverged)?\.json")


@dataclass(frozen=True)
class Record:
    """The record of a finished run, by its name.

    Attributes:
        path: path of the file.
        epochs: number of epochs that the run was trained for; of a diverged run, the epoch in which it diverged.
        diverged: whether it diverged.
    """

    path: Path
    epochs: int
    diverged: bool


def records_in(folder: Path) -> list[Record]:
    """The records in a folder `finished`, in the order of their names; files with other names are left out.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(
            f"the run store cannot be read: {folder}: {error.strerror}; give yourself permission, and run again"
        ) from None
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    return [Record(folder / match[0], int(match[1]), match[2] is not None) for match in matches]


def sealed(record: Mapping[str, Any], weights: Path | None) -> dict[str, Any]:
    """A record with the digest of the weights beside it, if it has any, and its own."""
    whole = {**record, **({} if weights is None else {WEIGHTS: file_digest(weights)})}
    return whole | {OWN: _digest(whole)}


def verified(record: Record, weights: Path) -> dict[str, Any]:
    """The content of a record, compared with its name and digests.

    Args:
        record: the record.
        weights: path of the weights that belong to it, if it did not diverge.

    Raises:
        OSError: a file cannot be read.
        ValueError: it is damaged, edited, or of another number of epochs than its name says.
    """
    content = read_object(record.path)
    if OWN in content and content[OWN] != _digest({key: content[key] for key in content if key != OWN}):
        raise ValueError(f"its content does not match its {OWN}, so it was changed after it was written")
    if (content.get("status") == "diverged") != record.diverged:
        raise ValueError(f"its status is {content.get('status')!r}, and its name says otherwise")
    trained = content.get("diverged_epoch") if record.diverged else len(content["history"])
    # Training that ended early has fewer epochs than were asked for, and says so.
    expected = content.get("stopped_epoch", record.epochs)
    wrong = trained != expected or expected > record.epochs
    if wrong or (not record.diverged and content["history"][-1]["epoch"] != trained):
        raise ValueError(f"it has {trained} epochs, and its name says {record.epochs}")
    if WEIGHTS in content and not record.diverged and content[WEIGHTS] != file_digest(weights):
        raise ValueError(f"the content of {weights.name} does not match its {WEIGHTS}")
    return content


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, as a pipe, which would be waited for; or it is no JSON object.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a regular file")
    try:
        content = json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError("its content is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}; expected an object")  # noqa: TRY004 (of the file)
    return content


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of values, in any order and layout."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
