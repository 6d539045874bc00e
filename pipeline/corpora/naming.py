"""Facts in the name of a recording, by the rules of the readers: corpus, actor, text, gender and emotion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.corpora.base import AUDIO_ENDINGS, Recording, is_system_file
from pipeline.corpora.registry import READERS

Recognise = Callable[[PurePosixPath], Recording | str]

NAMERS: Mapping[str, Recognise] = {
    name: reader.recognise for name, reader in READERS.items() if reader.recognise is not None and not reader.edition
}
"""The readers that know a recording by its name; another edition of a corpus has that corpus's names."""


@dataclass(frozen=True, slots=True)
class Named:
    """A recording that a reader knows.

    Attributes:
        reader: name of the reader.
        recording: what the name says; its emotion is empty where only label files know it.
    """

    reader: str
    recording: Recording


def named(name: str, readers: Iterable[str] = NAMERS) -> tuple[Named, ...]:
    """The facts that readers know from the name of a recording; several results where names of corpora look alike.

    Args:
        name: path of the file with the folders that a list gives, or a key such as `emodb-03a01Fa`, whose first part
            is left out where it is the name of a corpus. It need not end like a recording.
        readers: names of the readers that are asked.
    """
    found = []
    for candidate in _candidates(name):
        for reader in readers:
            recording = NAMERS[reader](candidate)
            if isinstance(recording, Recording):
                found.append(Named(reader, recording))
        if found:
            break
    return tuple(found)


def named_all(names: Iterable[str], readers: Iterable[str] = NAMERS) -> list[Named | None]:
    """As `named`, one result for each name: where several readers know it, the one that knows most of the names."""
    readers = tuple(readers)
    every = [named(name, readers) for name in names]
    counts = Counter(one.reader for found in every for one in found)
    return [max(found, key=lambda one: counts[one.reader]) if found else None for found in every]


def reader_called(name: str) -> str | None:
    """The reader that knows the names of a corpus, as somebody else's list calls it: `Emo-DB`, `CREMA_D`, `ravdess`.

    Returns:
        One of `NAMERS`; None for a corpus that no reader knows.
    """
    return _CALLED.get(_plain(name))


def _candidates(name: str) -> Iterable[PurePosixPath]:
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.name or is_system_file(PurePosixPath(path.name)):
        return
    if path.suffix.lower() not in AUDIO_ENDINGS:
        # A key is no file name: its last dot, if it has one, begins no ending.
        path = path.with_name(f"{path.name}.wav")
    yield path
    first = re.match(r"([^_-]+)[_-](?=.)", path.name)
    if first and _plain(first[1]) in _CALLED:
        yield path.with_name(path.name[first.end() :])


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


_CALLED: Mapping[str, str] = {
    called: namer
    for reader in READERS.values()
    for namer, recognise in NAMERS.items()
    if reader.recognise is recognise
    for called in (_plain(reader.name), _plain(reader.title))
}
