"""Functions of readers that read a table of recordings: files by their paths, times, and names for the keys."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import pandas as pd

from pipeline.corpora.base import AUDIO_ENDINGS, Folder, Gender, Recording, Rejected, as_utf8, is_system_file

GENDERS: dict[str, Gender] = {
    "f": "F", "female": "F", "m": "M", "male": "M", "x": "X", "other": "X", "diverse": "X", "non-binary": "X",
    "nonbinary": "X",
}  # fmt: skip
"""Genders as tables spell them, in small letters."""


@dataclass(frozen=True)
class Files:
    """The files of a folder that a table may name, and for each other file the reason why not."""

    usable: dict[str, str]
    barred: dict[str, str]

    def find(self, path: str) -> str | None:
        """The file of a path, which may differ in the spelling of accents or in blanks around names."""
        return next((self.usable[key] for key in _keys(path) if key in self.usable), None)

    def why_not(self, path: str) -> str:
        """The reason why a table may not name a path, as the end of a sentence; empty where there is no such file."""
        if path in self._folders:
            return "it is a folder; expected one of its files"
        return next((self.barred[key] for key in _keys(path) if key in self.barred), "")

    def alike(self, path: str) -> str | None:
        """The only file whose path differs from this one in capital letters alone."""
        found = self._by_letters.get(path.casefold(), set())
        return next(iter(found)) if len(found) == 1 else None

    @cached_property
    def _folders(self) -> set[str]:
        return {str(above) for path in self.usable for above in PurePosixPath(path).parents}

    @cached_property
    def _by_letters(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for key, path in self.usable.items():
            found[key.casefold()].add(path)
        return found


def files_of(folder: Folder) -> Files:
    """The files that a table can name, by their exact paths and by looser ones that only one file has."""
    usable: dict[str, str] = {}
    barred: dict[str, str] = {}
    loose: Counter[str] = Counter()
    for path in folder.files:
        if reason := _barred(path):
            for key in _keys(as_utf8(path).replace("\\", "/")):
                barred.setdefault(key, reason)
        else:
            usable[path] = path
            loose.update(set(_keys(path)))
    for path in list(usable):
        for key in _keys(path):
            if loose[key] == 1:
                usable.setdefault(key, path)
    return Files(usable, barred)


def _barred(path: str) -> str:
    """The reason why a table cannot name a file; empty for a file that it can name."""
    if as_utf8(path) != path:
        return "its name is not plain UTF-8; rename it"
    if "\\" in path:
        return "its name has a backslash, which tables use between folders; rename it"
    if is_system_file(PurePosixPath(path)):
        return "its name, or that of a folder above it, begins with a dot or is a system's; rename it"
    return ""


def _keys(path: str) -> tuple[str, ...]:
    """Spellings under which a path is looked up, the strictest first."""
    # An accented letter has two spellings in Unicode; file systems and spreadsheets may use different ones.
    composed = unicodedata.normalize("NFC", path)
    return path, composed, "/".join(part.strip() for part in composed.split("/"))


def inside(path: str, folder: Folder) -> str | None:
    """`path` relative to the folder, in its normal form with forward slashes, or None if it leaves the folder."""
    path = path.replace("\\", "/")
    if re.match(r"[A-Za-z]:", path.strip()):
        return None
    for root in (os.path.abspath(folder.root), os.path.realpath(folder.root)):  # noqa: PTH100 (links are kept first)
        whole = posixpath.normpath(posixpath.join(root, path))
        if whole == root:
            return "."
        if whole.startswith(start := f"{root.rstrip('/')}/"):
            return whole.removeprefix(start)
    return None


def seconds(text: str) -> float | None:
    """A time as seconds: a number of seconds, or a duration such as `0 days 00:00:01.5` or `1.5s`.

    Returns:
        The time; None if the text is empty or NaT.

    Raises:
        ValueError: the text is no time, or it is negative.
    """
    text = text.strip()
    if text in ("", "NaT"):
        return None
    try:
        value = float(text)
    except ValueError:
        # pandas skips commas and takes a number without a unit for nanoseconds: "1,25" would be 125 of them.
        if "," in text or not any(letter.isalpha() or letter == ":" for letter in text):
            raise
        value = pd.to_timedelta(text).total_seconds()
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def key_names(places: Sequence[tuple[str, float, float | None]]) -> list[str]:
    """A name in printable ASCII for each utterance, given as (path, start, end).

    It depends on its path and times alone unless two would share a name.
    """
    plain = [_plain(path) + _times(start, end) for path, start, end in places]
    made = [f"{name}-{_digest(place)}" for name, place in zip(plain, places, strict=True)]
    ambiguous: set[int] = set()
    while True:
        names = [made[n] if n in ambiguous else plain[n] for n in range(len(plain))]
        count = Counter(names)
        # A name that is made because two are the same may be the plain name of a third file, which then gets one, too.
        more = {n for n, name in enumerate(names) if count[name] > 1} - ambiguous
        if not more:
            return names
        ambiguous |= more


def _digest(place: tuple[str, float, float | None]) -> str:
    path, start, end = place
    # Of a whole file, the hash of its path alone.
    text = path if start == 0 and end is None else f"{path}\n{start}\n{end}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _plain(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", posixpath.splitext(path)[0].replace("/", "-"))


def _times(start: float, end: float | None) -> str:
    if start == 0 and end is None:
        return ""
    return f"-{start:.3f}-{'end' if end is None else f'{end:.3f}'}"


def others(folder: Folder, recordings: Iterable[Recording], tables: Iterable[str]) -> tuple[Rejected, ...]:
    """Every file of the folder that is no utterance, with its reason."""
    used, tables = {recording.path for recording in recordings}, set(tables)
    return tuple(
        Rejected(as_utf8(path), _reason(PurePosixPath(path), path in tables))
        for path in folder.files
        if path not in used
    )


def _reason(path: PurePosixPath, is_table: bool) -> str:
    if is_table:
        return "not a recording: the table"
    if is_system_file(path):
        return "system file"
    return "unlabelled" if path.suffix.lower() in AUDIO_ENDINGS else "not a recording"
