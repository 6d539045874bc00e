"""Finished runs of an earlier version of the code, which a user declares valid for this one.

A run's identity holds the hash of the code that computes it, so that an edit of the arithmetic trains again. Where a
person knows that an edit changes no number (a refactoring), the runs need not be trained again: they are adopted, and
what was adopted, by whom and when is recorded and reported.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.files import write_text
from pipeline.runs.identity import RunSpec, distinct
from pipeline.runs.lock import LockLostError
from pipeline.runs.records import read_object, records_in
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.runs.store import ADOPTED, FAILURE, RunFolder

PARTS = ("finished", "checkpoints")
"""Folders of a run that are adopted, in this order: without the first an adoption is not complete."""

ASIDE = ".adopting"
"""Folder that they are copied to before they are moved into place."""


@dataclass(frozen=True)
class Adoptable:
    """A run that the store lacks, and a finished one that differs from it in the code alone.

    Attributes:
        spec: the run that is missing.
        identity: identity of the finished run.
        source: hash of the code that trained it.
        files: differences of the code here from that code: "changed pipeline/...", "added ...", "removed ..."; None if
            unknown.
    """

    spec: RunSpec
    identity: str
    source: str
    files: tuple[str, ...] | None


def missing(specs: Sequence[RunSpec], store: Path) -> list[RunSpec]:
    """The runs that the store lacks; of models that differ only in their key, the first one."""
    return distinct(spec for spec in specs if not RunFolder(store, spec).finished())


def adoptable(specs: Sequence[RunSpec], store: Path) -> list[Adoptable]:
    """A finished run of other code for each run that the store lacks, where there is one.

    Options that the code of the finished run did not know may differ, if they have their default value now.
    Of several, one that is not adopted itself comes first, then the one that ended last.

    Raises:
        InputError: the store cannot be read.
    """
    earlier: dict[tuple[Any, ...], list[tuple[str, Mapping[str, Any]]]] = {}
    for path in sorted(store.glob("*/run.json")):
        with suppress(OSError, ValueError, TypeError):
            content = read_object(path)
            if "." not in path.parent.name:  # a name with a dot is that of a folder put aside
                earlier.setdefault(_group(content), []).append((path.parent.name, content))
    found = []
    for spec in missing(specs, store):
        least, most = _but_for_code(spec.description(defaults=False)), _but_for_code(spec.description())
        candidates = [
            (not (store / identity / ADOPTED).exists(), _ended(store / identity), identity, described)
            for identity, described in earlier.get(_group(most), [])
            if identity != spec.identity
            and _between(least, _but_for_code(described), most)
            and _finished(RunFolder(store, spec, identity))
        ]
        if candidates:
            *_, identity, described = max(candidates, key=lambda candidate: candidate[:3])
            files = _changes(described.get("sources"), spec.sources)
            found.append(Adoptable(spec, identity, str(described.get("source")), files))
    return found


def declaration() -> dict[str, str]:
    """When and by whom runs are adopted: `when` in UTC, ISO 8601, and `by`, user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = str(os.getuid())
    return {"when": datetime.now(UTC).isoformat(timespec="seconds"), "by": f"{user}@{socket.gethostname()}"}


def adopt(one: Adoptable, store: Path, declared: Mapping[str, str]) -> str | None:
    """Copy the results and checkpoints of the finished run to the missing one; the finished one stays.

    Args:
        one: a missing run and the finished one, from `adoptable`.
        store: the run store.
        declared: who adopts and when, from `declaration`.

    Returns:
        The reason why the run was not adopted; None if it was.

    Raises:
        InputError: the store cannot be written.
    """
    old, new = RunFolder(store, one.spec, one.identity), RunFolder(store, one.spec)
    # The lock of the old one too: another checkout may be training it for more epochs.
    with old.lock.acquire() as other, new.lock.acquire() as another:
        if other is not None or another is not None:
            return f"{(other or another).name} is training it"  # type: ignore[union-attr]
        if new.finished():
            return None
        try:
            old.load()
            _take_over(old, new, _record(one, old, declared))
        except (InputError, LockLostError) as error:
            return str(error)
        except OSError as error:
            raise InputError(
                f"the run store {store} cannot be written: {error}; give yourself permission or free some space, and "
                "run again"
            ) from None
    return None


def _take_over(old: RunFolder, new: RunFolder, record: Mapping[str, Any]) -> None:
    """Copy, then move into place. If it is killed in between, the run is still missing and can be adopted again."""
    aside = new.folder / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    for part in PARTS:
        if (old.folder / part).is_dir():
            shutil.copytree(
                old.folder / part, aside / part, copy_function=_link, ignore=shutil.ignore_patterns(".*", "writing")
            )
    _put_aside(new)
    new.describe()
    write_text(new.folder / ADOPTED, json.dumps(record, indent=2) + "\n")
    for part in PARTS:
        if (aside / part).is_dir():
            new.lock.check()
            (aside / part).rename(new.folder / part)
    aside.rmdir()
    (new.folder / FAILURE).unlink(missing_ok=True)
    if (progress := old.folder / "progress.json").is_file():
        write_text(new.folder / progress.name, progress.read_text("utf-8"))


def _put_aside(new: RunFolder) -> None:
    """Move what this code has trained (for other epochs, or not to the end) to a folder that `--clean` finds."""
    own = [new.folder / part for part in PARTS if (new.folder / part).is_dir()]
    if own:
        place = new.folder.with_name(f"{new.folder.name}.{secrets.token_hex(4)}.replaced")
        place.mkdir()
        for path in [new.folder / "run.json", *own, new.folder / ADOPTED]:
            if path.exists():
                path.rename(place / path.name)


def _record(one: Adoptable, old: RunFolder, declared: Mapping[str, str]) -> dict[str, Any]:
    """The content of `adopted.json`; `history` holds the earlier adoptions, the oldest first."""
    try:
        before = read_object(old.folder / ADOPTED)
        history = [*before["history"], {key: before[key] for key in before if key != "history"}]
    except FileNotFoundError:
        history = []
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{old.folder / ADOPTED} is damaged ({error}); the run can only be trained again") from None
    epochs = [record.epochs for record in old.records()]
    return {
        "identity": one.identity,
        "source": one.source,
        "files": one.files,
        **declared,
        "from_epoch": min([*epochs, *checkpoint_epochs(old.checkpoints)]),
        "history": history,
    }


def _group(described: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values that two runs must have in common before their descriptions are compared as a whole."""
    return tuple(described.get(key) for key in ("data", "repeat", "fold", "seed"))


def _but_for_code(described: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a run without the keys that depend on the code."""
    return {key: described[key] for key in described if key not in ("source", "sources")}


def _between(least: Any, described: Any, most: Any) -> bool:
    """Whether a description has all values of one, and no others than those of another, which has the defaults too."""
    if not (isinstance(least, Mapping) and isinstance(described, Mapping) and isinstance(most, Mapping)):
        return bool(described == most)
    return least.keys() <= described.keys() <= most.keys() and all(
        _between(least.get(key, {}), described[key], most[key]) for key in described
    )


def _changes(before: Mapping[str, str] | None, now: Mapping[str, str]) -> tuple[str, ...] | None:
    """The files that differ, each with the kind of the difference, in the order of their paths."""
    if before is None:
        return None
    kinds = {
        file: "added" if file not in before else "removed" if file not in now else "changed"
        for file in {*before, *now}
        if before.get(file) != now.get(file)
    }
    return tuple(f"{kinds[file]} {file}" for file in sorted(kinds))


def _finished(folder: RunFolder) -> bool:
    """Whether a run of other code is finished; a run whose folder cannot be read is not adopted."""
    try:
        return folder.finished()
    except InputError:
        return False


def _ended(folder: Path) -> float:
    """The time at which the run of a folder last ended."""
    return max((record.path.lstat().st_mtime for record in records_in(folder / "finished")), default=0.0)


def _link(source: str, target: str) -> str:
    """Give a file a second name where the file system can, else copy it: files of the store are never edited."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
