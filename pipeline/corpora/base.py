"""What every corpus reader is made of: a folder's listing in, recordings and rejected files out.

A reader is a pure function of names (and, for IEMOCAP and custom corpora, of label files). It decodes nothing. Every
file of the listing ends as exactly one recording or one rejected file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline.core.errors import InputError
from pipeline.params import CorpusParams, ReaderName

Gender = Literal["F", "M"]

EMOTIONS = (
    "joy", "anger", "sadness", "fear", "neutral", "disgust", "surprise", "boredom", "calm", "excitement",
    "frustration", "other", "undecided",
)  # fmt: skip
"""The project's names of what the six corpora label; a custom corpus may use others."""

AUDIO_ENDINGS = frozenset((
    ".wav", ".wave", ".flac", ".avi", ".aif", ".aiff", ".au", ".caf", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".ogg",
    ".opus", ".w64", ".webm",
))  # fmt: skip
"""Endings under which a reader looks for recordings; the content decides how they are decoded."""

SYSTEM_NAMES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"))


@dataclass(frozen=True, slots=True)
class Recording:
    """A labelled recording.

    Attributes:
        path: relative to the corpus folder, with forward slashes.
        name: what the owner calls it; two files of one name are copies of one recording.
        emotion: in the project's names (`EMOTIONS`).
        actor: the speaker, with at least one letter.
        gender: F or M.
        group: recordings of a group share a fold; the actor unless the corpus says otherwise.
    """

    path: str
    name: str
    emotion: str
    actor: str
    gender: Gender
    group: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is no utterance; `reason` is one of `records.REASONS`, a detail may follow after a colon."""

    path: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a reader made of a folder.

    Attributes:
        recordings: every labelled recording, copies included.
        rejected: every other file.
        layout: what was recognised, for the log ("speech and song").
        notes: what the user should know, one line each.
    """

    recordings: tuple[Recording, ...]
    rejected: tuple[Rejected, ...]
    layout: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """A corpus folder and all files below it.

    Attributes:
        root: the corpus path.
        files: paths relative to it with forward slashes, sorted.
        skipped_links: linked folders, or folders below linked ones, that are read under another path already.
    """

    root: Path
    files: tuple[str, ...]
    skipped_links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """A corpus as its owner ships it.

    Attributes:
        name: as `params.yaml` calls it.
        title: as people call it.
        source: where to get it.
        licence: under which terms.
        paper: what to cite.
        tree: the files it looks for, as text.
        scan: the function that reads a listing.
        actors: the owner's actors and their genders.
        emotions: the owner's number of recordings of each emotion.
        per_actor: the owner's number of recordings of each actor, where known.
        left_out: emotions that the paper's protocol drops from this corpus.
    """

    name: ReaderName
    title: str
    source: str
    licence: str
    paper: str
    tree: str
    scan: Callable[[Folder, CorpusParams], Scan]
    actors: Mapping[str, Gender] = field(default_factory=dict)
    emotions: Mapping[str, int] = field(default_factory=dict)
    per_actor: Mapping[str, int] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


def list_folder(root: Path) -> Folder:
    """All files below `root`.

    Linked folders are followed when they lead out of the corpus; one that leads back in (or round in a circle) is
    not, since its files are listed under their own paths. Nothing is listed twice.

    Raises:
        InputError: `root` is missing or no folder, or a folder below it cannot be opened.
    """
    try:
        exists = root.exists()
    except PermissionError:
        raise InputError(
            f"the corpus folder {root} may not be reached (permission denied by a folder above it); give yourself "
            "permission, or set another path in params.yaml"
        ) from None
    except OSError as error:
        raise InputError(
            f"the corpus folder {root} cannot be reached: {error.strerror}; set its path in params.yaml"
        ) from None
    if not exists and root.is_symlink():
        raise InputError(f"the corpus folder {root} is a link to nothing, or to itself; set its path in params.yaml")
    if not exists:
        raise InputError(f"the corpus folder {root} does not exist; set its path in params.yaml")
    if not root.is_dir():
        raise InputError(f"the corpus path {root} is a file; expected the folder that holds the corpus")
    files: list[str] = []
    skipped: list[str] = []
    top = os.path.realpath(root)
    linked: set[str] = set()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in _entries(root, folder):
            path = f"{folder}{entry.name}"
            if not _is_folder(entry):
                files.append(path)
            elif _read_already(entry, top, linked):
                skipped.append(path)
            else:
                if entry.is_symlink():
                    linked.add(os.path.realpath(entry.path))
                waiting.append(f"{path}/")
    return Folder(root, tuple(sorted(files)), tuple(sorted(skipped)))


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        raise InputError(
            f"the folder {root / folder} may not be read (permission denied), so its files cannot be accounted for; "
            "give yourself permission (chmod -R u+rX) or move it out of the corpus"
        ) from None
    except OSError as error:
        raise InputError(f"the folder {root / folder} cannot be listed: {error.strerror}") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself
        return False


def _read_already(entry: os.DirEntry[str], top: str, linked: set[str]) -> bool:
    """Whether a folder is read under another path.

    Args:
        entry: the folder, or a link to it.
        top: the real path of the corpus folder.
        linked: real paths of the linked folders met so far.
    """
    if not entry.is_symlink():
        # Below a linked folder may lie one that another link has led to.
        return bool(linked) and os.path.realpath(entry.path) in linked
    target = os.path.realpath(entry.path)
    # A folder above the corpus is no part of it.
    if os.path.commonpath((target, top)) == target:
        return True
    return any(os.path.commonpath((target, known)) == known for known in (top, *linked))


def sort_files(
    folder: Folder, recognise: Callable[[PurePosixPath], Recording | str]
) -> tuple[tuple[Recording, ...], tuple[Rejected, ...]]:
    """Every file as a recording or a rejected file.

    Args:
        folder: what was found.
        recognise: a recording, or the reason why the file is none, for a path with one of `AUDIO_ENDINGS`.
    """
    recordings: list[Recording] = []
    rejected: list[Rejected] = []
    for name in folder.files:
        path = PurePosixPath(name)
        if is_system_file(path):
            rejected.append(Rejected(shown(name), "system file"))
        elif path.suffix.lower() not in AUDIO_ENDINGS:
            rejected.append(Rejected(shown(name), "not a recording"))
        elif isinstance(found := recognise(path), str):
            rejected.append(Rejected(shown(name), found))
        elif shown(name) != name or "\\" in name:
            rejected.append(Rejected(shown(name), "unreadable: its name is not plain UTF-8; rename it"))
        else:
            recordings.append(found)
    return tuple(recordings), tuple(rejected)


def is_system_file(path: PurePosixPath) -> bool:
    """Whether an operating system or a tool left this file: `._x.wav`, `.DS_Store`, `Thumbs.db`, hidden folders."""
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in path.parts)


def shown(path: str) -> str:
    """`path` as text that can be written as UTF-8: bytes that are none become a backslash, x and two digits."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def folders_upward(path: PurePosixPath) -> Iterator[str]:
    """Names of the folders above a file, the nearest first."""
    return reversed(path.parts[:-1])
