"""A corpus folder before decoding: recognise it, and compare it with its owner's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import as_utf8, counted, printable
from pipeline.corpora.base import Folder, Gender, Reader, Rejected, Scan, is_system_file
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS

_UNNAMEABLE = "unreadable: its name has a line end or another control character; rename it"


def scan_folder(folder: Folder, corpus: CorpusParams, reader: Reader) -> Scan:
    """Read a folder that contains at least one recording of the corpus.

    Raises:
        InputError: the folder is empty, holds another corpus, or is refused by the reader.
    """
    plain = [path for path in folder.files if printable(path) == as_utf8(path) or is_system_file(PurePosixPath(path))]
    scan = reader.scan(replace(folder, files=tuple(plain)), corpus)
    # A line end or another control character would end up in tables and on terminals.
    unnameable = sorted(set(folder.files) - set(plain))
    scan = replace(scan, rejected=(*scan.rejected, *(Rejected(printable(path), _UNNAMEABLE) for path in unnameable)))
    if scan.recordings:
        return scan
    expected = f"expected {reader.title}, laid out as `python -m pipeline corpora --expect {reader.name}` prints"
    if not folder.files:
        raise InputError(f"the corpus folder {folder.root} holds no files; {expected}; put the recordings there")
    others = [other for other in READERS.values() if other.name != reader.name and not (other.needs or other.edition)]
    looks = [other.title for other in others if _recognised(other, folder)]
    hint = f"this looks like {' or '.join(looks)}; " if looks else ""
    raise InputError(
        f"{folder.root} holds {counted(len(folder.files), 'file')} but no recording of {reader.title}; {hint}"
        f"{''.join(f'{note}; ' for note in scan.notes)}{expected}; correct its reader or its path in params.yaml"
    )


def _recognised(reader: Reader, folder: Folder) -> bool:
    try:
        return bool(reader.scan(folder, CorpusParams(path=str(folder.root))).recordings)
    except InputError:
        # The reader recognised its corpus and found a mistake in it.
        return True


def headline(reader: Reader, scan: Scan) -> str:
    """One line for the log: the corpus, the recognised layout, and the numbers of actors and recordings."""
    gender = {recording.actor: recording.gender for recording in scan.recordings}
    layout = f"{scan.layout}, " if scan.layout else ""
    return (
        f"{reader.title}: {layout}{counted(len(gender), 'actor')} ({genders(gender.values())}), "
        f"{counted(len({recording.name for recording in scan.recordings}), 'recording')}"
    )


def genders(values: Iterable[Gender]) -> str:
    """Numbers of women, men and others: "2 female, 3 male"."""
    counts = Counter(values)
    others = f", {counts['X']} other" if counts["X"] else ""
    return f"{counts['F']} female, {counts['M']} male{others}"


def owners_counts(reader: Reader, scan: Scan, complete: bool, root: Path) -> list[str]:
    """Compare what was found with the owner's counts.

    Returns:
        One message, or none if the owner states no counts.

    Raises:
        InputError: the counts differ and `complete` is true.
    """
    if not reader.stated:
        return []
    differing = differences(reader, scan)
    if not differing:
        return [f"complete: all {reader.stated} recordings of the owner's release are present"]
    table = "\n".join(["incomplete: recordings found, and expected from the owner's release", *differing])
    if complete:
        raise InputError(
            f"{root} is not all of {reader.title} and corpora.complete is true; get the rest from {reader.source}, "
            f"or set complete: false\n{table}"
        )
    return [table]


def differences(reader: Reader, scan: Scan) -> list[str]:
    """Lines of a table of found and expected counts of emotions and of actors that differ; empty if none differs.

    Copies of a recording count once.
    """
    by_name = {recording.name: recording for recording in scan.recordings}
    emotions = Counter(recording.emotion for recording in by_name.values())
    actors = Counter(recording.actor for recording in by_name.values())
    # Where the owner states no number for an actor, at least one recording is expected.
    wrong_actors = [
        actor for actor in reader.actors if actors[actor] != reader.per_actor.get(actor, actors[actor] or 1)
    ]
    # The owner's counts of emotions are of the owner's labels.
    only_total = bool(reader.total) or scan.other_labels
    wrong = len(by_name) != reader.stated if only_total else emotions != reader.emotions
    if not wrong and not wrong_actors:
        return []
    if only_total:
        first = _comparison("recordings", ["all"], {"all": len(by_name)}, {"all": reader.stated})
    else:
        names = list(dict.fromkeys([*reader.emotions, *emotions]))
        first = _comparison("emotion", names, emotions, reader.emotions)
    return [
        *first,
        *(_comparison("actor", wrong_actors, actors, reader.per_actor) if wrong_actors else ()),
    ]


def _comparison(title: str, names: list[str], found: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[str]:
    unstated = 0 if title == "emotion" else "some"
    width = max(len(title), *map(len, names))
    yield f"  {title:<{width}}  found  expected"
    for name in names:
        yield f"  {name:<{width}}  {found.get(name, 0):>5}  {expected.get(name, unstated):>8}"
