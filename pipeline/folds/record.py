"""Notes of the stage `partition` on a division of recordings: `data/partition.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import InputError


@dataclass(frozen=True)
class PartitionRecord:
    """The content of the file.

    Attributes:
        notes: sentences for people.
        missing: `fold`, `part` and `emotion` of each class that a part of a fold lacks.
    """

    notes: tuple[str, ...] = ()
    missing: tuple[Mapping[str, object], ...] = ()

    @property
    def incomplete(self) -> bool:
        """Whether the validation part of some fold lacks a class."""
        return any(entry["part"] == "valid" for entry in self.missing)


def read_record(path: Path) -> PartitionRecord:
    """Read `data/partition.json`.

    Raises:
        InputError: it is not what the stage wrote.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        return PartitionRecord(
            tuple(str(note) for note in content["notes"]),
            tuple({name: entry[name] for name in ("fold", "part", "emotion")} for entry in content["missing"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not what the partition stage wrote ({type(error).__name__}: {error}); "
            "`dvc repro --force partition` makes it again"
        ) from None
