"""Classes and functions that all corpus readers share.

A reader takes the listing of a folder and gives recordings and rejected files. It is a pure function of file names
(and, for IEMOCAP and custom corpora, of label files). It decodes nothing. Every file of the listing becomes exactly one
recording or one rejected file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline.core.errors import InputError
from pipeline.core.wording import as_utf8 as as_utf8
from pipeline.corpora.params import CorpusParams

Gender = Literal["F", "M", "X"]

EMOTIONS = (
    "joy", "anger", "sadness", "fear", "neutral", "disgust", "surprise", "boredom", "calm", "excitement",
    "frustration", "other", "undecided",
)  # fmt: skip
"""The project's names of the emotions that the readers know; a table of one's own may use others."""

AUDIO_ENDINGS = frozenset((
    ".wav", ".wave", ".flac", ".avi", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf", ".flv",
    ".m4a", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".snd", ".sph", ".tta", ".w64", ".webm",
    ".wma", ".wv",
))  # fmt: skip
"""File endings that a reader takes for recordings; how a file is decoded is detected from its content."""

SYSTEM_NAMES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"))


@dataclass(frozen=True, slots=True)
class Recording:
    """A labelled recording.

    Attributes:
        path: path relative to the corpus folder, with forward slashes.
        name: name that the owner of the corpus gave it; two files with the same name are copies of one recording.
        emotion: emotion, in the project's names (`EMOTIONS`); empty where `Reader.recognise` cannot know it.
        actor: name of the speaker, with at least one letter.
        gender: F, M or X.
        group: name of the group of recordings that must share a fold; the actor unless the corpus says otherwise.
        columns: what else the reader knows of it, by the name of the column: text, channel, intensity, style, ...
        code: the owner's name of the emotion; empty where it is `emotion`.
        start: time in seconds at which the utterance begins in the file.
        end: time in seconds at which it ends; None for the end of the file.
    """

    path: str
    name: str
    emotion: str
    actor: str
    gender: Gender
    group: str
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    code: str = ""
    start: float = 0.0
    end: float | None = None

    @property
    def own_emotion(self) -> str:
        """The owner's name of the emotion, which `emotions` in params.yaml maps."""
        return self.code or self.emotion

    @property
    def is_part(self) -> bool:
        """Whether it is a part of its file."""
        return self.start > 0 or self.end is not None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that is not an utterance; `reason` is one of `tables.REASONS`, a detail may follow after a colon."""

    path: str
    reason: str


@dataclass(frozen=True)
class Scan:
    """The result of reading a folder.

    Attributes:
        recordings: every labelled recording, copies included.
        rejected: every other file.
        layout: description of the recognised layout, for the log ("speech and song").
        notes: messages for the user, one line each.
        other_labels: whether the emotions are not those that the owner counts, such as listeners' votes.
    """

    recordings: tuple[Recording, ...]
    rejected: tuple[Rejected, ...]
    layout: str = ""
    notes: tuple[str, ...] = ()
    other_labels: bool = False


@dataclass(frozen=True)
class Folder:
    """A corpus folder and all files below it.

    Attributes:
        root: the corpus path.
        files: sorted paths of the files, relative to the root, with forward slashes.
        skipped_links: linked folders, or folders below linked ones, that are already read under another path.
        projects: folders below the root that are DVC projects of their own.
    """

    root: Path
    files: tuple[str, ...]
    skipped_links: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """A corpus as its owner distributes it.

    Attributes:
        name: name of the reader in `params.yaml`.
        title: name of the corpus in texts.
        source: place to get the corpus.
        licence: terms of use.
        paper: publication to cite.
        tree: the expected folders and files, as text.
        scan: function that reads a listing.
        recognise: function from the path of one recording to what its name and folders say of it, or to the reason why
            it is none; None where names say nothing. The emotion is empty where only label files know it.
        actors: gender of each actor, as the owner states it.
        emotions: number of recordings of each emotion, as the owner states it.
        per_actor: number of recordings of each actor, where the owner states it.
        total: number of all recordings, where the owner does not state that of each emotion.
        codes: the project's name of each of the owner's emotions; those of `emotions` where they are the same.
        columns: what it knows beside emotion, actor and gender, with all values a column can have; an empty tuple for
            a column with any values.
        unknown: facts that could not be found in the owner's documents, in a sentence.
        sessions: whether it was recorded in sessions that may stay in one fold (`split_group: session`).
        options: options of a corpus in params.yaml that only some readers have and this one has: table, column.
        needs: those of `options` that have no default.
        open_labels: whether emotions and columns are those of a table of the user's, and not known beforehand.
        edition: whether it is another edition of a corpus that has a reader, so that its files look like that one's.
    """

    name: str
    title: str
    source: str
    licence: str
    paper: str
    tree: str
    scan: Callable[[Folder, CorpusParams], Scan]
    recognise: Callable[[PurePosixPath], Recording | str] | None = None
    actors: Mapping[str, Gender] = field(default_factory=dict)
    emotions: Mapping[str, int] = field(default_factory=dict)
    per_actor: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    codes: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: str = ""
    sessions: bool = False
    options: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    open_labels: bool = False
    edition: bool = False

    @property
    def stated(self) -> int:
        """Number of recordings of the owner's release; 0 where it is not known."""
        return self.total or sum(self.emotions.values())

    @property
    def own_emotions(self) -> Mapping[str, str]:
        """The project's name of each of the owner's emotions; empty where they are not known beforehand."""
        return self.codes or {name: name for name in self.emotions}


def list_folder(root: Path) -> Folder:
    """List all files below `root`.

    A linked folder is followed when it leads out of the corpus. One that leads back into the corpus, or in a circle,
    is not followed, since its files are listed under their own paths. No file is listed twice.

    Raises:
        InputError: `root` is missing or not a folder, or a folder below it cannot be opened.
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
    projects: list[str] = []
    top = os.path.realpath(root)
    linked: set[str] = set()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in _entries(root, folder):
            path = f"{folder}{entry.name}"
            if entry.name == ".dvc" and folder:
                projects.append(folder.rstrip("/"))
            if not _is_folder(entry):
                files.append(path)
            elif _read_already(entry, top, linked):
                skipped.append(path)
            else:
                if entry.is_symlink():
                    linked.add(os.path.realpath(entry.path))
                waiting.append(f"{path}/")
    return Folder(root, tuple(sorted(files)), tuple(sorted(skipped)), tuple(sorted(projects)))


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
    """Whether a folder is already read under another path.

    Args:
        entry: the folder, or a link to it.
        top: the real path of the corpus folder.
        linked: real paths of the linked folders found so far.
    """
    if not entry.is_symlink():
        # A folder below a linked folder may also be the target of another link.
        return bool(linked) and os.path.realpath(entry.path) in linked
    target = os.path.realpath(entry.path)
    # A folder above the corpus is not part of it.
    if os.path.commonpath((target, top)) == target:
        return True
    return any(os.path.commonpath((target, known)) == known for known in (top, *linked))


def sort_files(
    folder: Folder, recognise: Callable[[PurePosixPath], Recording | str]
) -> tuple[tuple[Recording, ...], tuple[Rejected, ...]]:
    """Sort the files of a folder into recordings and rejected files.

    Args:
        folder: the listing.
        recognise: function from a path with one of `AUDIO_ENDINGS` to its recording, or to the reason for rejecting it.

    Returns:
        All recordings, and all other files with a reason.
    """
    recordings: list[Recording] = []
    rejected: list[Rejected] = []
    for name in folder.files:
        path = PurePosixPath(name)
        if is_system_file(path):
            rejected.append(Rejected(as_utf8(name), "system file"))
        elif path.suffix.lower() not in AUDIO_ENDINGS:
            rejected.append(Rejected(as_utf8(name), "not a recording"))
        elif isinstance(found := recognise(path), str):
            rejected.append(Rejected(as_utf8(name), found))
        elif as_utf8(name) != name:
            rejected.append(Rejected(as_utf8(name), "unreadable: its name is not plain UTF-8; rename it"))
        elif "\\" in name:
            rejected.append(Rejected(name, "unreadable: its name has a backslash; rename it"))
        else:
            recordings.append(found)
    return tuple(recordings), tuple(rejected)


def is_system_file(path: PurePosixPath) -> bool:
    """Whether an operating system or a tool left this file: `._x.wav`, `.DS_Store`, `Thumbs.db`, hidden folders."""
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in path.parts)


def folders_upward(path: PurePosixPath) -> Iterator[str]:
    """Names of the folders above a file, the nearest first."""
    return reversed(path.parts[:-1])
