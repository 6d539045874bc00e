"""The split and the part of each recording, from a column, else from the names of the files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.audit.entries import Entry, Listing
from pipeline.core.errors import InputError
from pipeline.core.wording import printable

PARTS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "devel", "development"),
    "test": ("test", "testing", "eval", "evaluation", "tst"),
}
"""Words for a part, and the name that the audit gives it; `test1` is another part than `test`."""

HELD_OUT = ("dev", "devel", "development")
"""Words that mean `valid`, except where a list has another part of that meaning, as ours with `partition.dev`."""

LEFT_OUT = ("unused",)
"""Words for entries that are in no part, such as those that `partition` leaves out to keep parts apart."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its place.

    Attributes:
        split: name of the split; empty if there is one only.
        part: name of the part.
        entry: the row.
        listing: the list that it stands in.
    """

    split: str
    part: str
    entry: Entry
    listing: Listing


def place(listings: Sequence[Listing]) -> list[Placed]:
    """Give each entry its split and part.

    A column of parts decides, then a column of folds; without either, each file is a part, named by the word for one in
    its name or its folder's (train, valid, test). A number of a fold in a file's name, a second column, or a column of
    repeats make several splits, and so do several files with parts of their own.

    Raises:
        InputError: a split has one part only, or a row has no part.
    """
    by_file = _by_file(listings)
    several_files = len({part for _, part in by_file}) > 1
    placed = []
    for listing, (fold, file_part) in zip(listings, by_file, strict=True):
        own = {entry.part for entry in listing.entries if entry.part} if "part" in listing.has else set[str]()
        words = {part.lower() for part in own}
        both = bool(words & set(HELD_OUT) and words & (set(PARTS["valid"]) - set(HELD_OUT)))
        alone = len(listings) > 1 and len(own) > 1
        for row, entry in enumerate(listing.entries, start=1):
            split: list[str] = [f"repeat {entry.repeat}"] if entry.repeat else []
            if own and entry.part.lower() in LEFT_OUT:
                continue
            if own:
                part = "dev" if both and entry.part.lower() in HELD_OUT else _part(entry.part)
                split += [f"fold {entry.fold}"] if entry.fold else []
            elif "fold" in listing.has and several_files and file_part:
                part = file_part
                split += [f"fold {entry.fold}"]
            elif "fold" in listing.has:
                part = f"fold {entry.fold}" if entry.fold else ""
            else:
                part = file_part
            if not part:
                raise InputError(
                    f"{printable(str(listing.path))}: entry {row} ({printable(entry.name or entry.speaker)}) is in no "
                    "part; expected a part or a fold for each; complete the list"
                )
            if fold:
                split.append(fold)
            elif alone:
                split.append(printable(listing.path.stem))
            placed.append(Placed(", ".join(split), part, entry, listing))
    _refuse_one_part(placed)
    return placed


def order(parts: Iterable[str]) -> list[str]:
    """Names of parts in the order in which they are used: train, valid, test, then others by name and number."""
    return sorted(parts, key=lambda part: (_rank(part), _natural(part)))


def _rank(part: str) -> int:
    return next((rank for rank, name in enumerate(PARTS) if part.startswith(name)), len(PARTS))


def _natural(text: str) -> list[tuple[int, str]]:
    """Words and numbers of a text, so that `fold 10` comes after `fold 2`."""
    pieces = re.split(r"([0-9]+)", text)
    # A number is compared by its length first, since it may be too long for int().
    return [(len(digits := piece.lstrip("0")), digits) if n % 2 else (-1, piece) for n, piece in enumerate(pieces)]


def _part(word: str) -> str:
    """The usual word for a part; other words stay as they are."""
    return _known_part(word) or printable(word)


def _known_part(word: str) -> str:
    found = re.fullmatch(r"([a-z]+)[ _-]*(\d*)", word.lower())
    names = [name for name, words in PARTS.items() if found and found[1] in words]
    return f"{names[0]}{found[2]}" if found and names else ""


def _by_file(listings: Sequence[Listing]) -> list[tuple[str, str]]:
    """The fold and the part that the name of each list says.

    Of several lists, one with a fold alone is that fold's part, and one without either is a part with its own name.
    """
    if len(listings) == 1:
        (name,) = _relative([listings[0].path])
        return [(_fold_in(name), _part_in(name) or printable(name))]
    found = []
    for name in _relative([listing.path for listing in listings]):
        fold, part = _fold_in(name), _part_in(name)
        if not part:
            fold, part = "", fold or printable(name)
        found.append((fold, part))
    return found


def _relative(paths: Sequence[Path]) -> list[str]:
    """Paths without ending, and without the folders that all have in common: where files lie says nothing."""
    absolute = [path.absolute() for path in paths]
    common = os.path.commonpath([path.parent for path in absolute]) if len(absolute) > 1 else str(absolute[0].parent)
    return [path.relative_to(common).with_suffix("").as_posix() for path in absolute]


def _words(name: str) -> list[list[str]]:
    """The words of a file's name, then of each folder above it."""
    return [
        [word for word in re.split(r"[^a-z0-9]+", part.lower()) if word] for part in reversed(PurePosixPath(name).parts)
    ]


def _part_in(name: str) -> str:
    return next((part for words in _words(name) for word in words if (part := _known_part(word))), "")


def _fold_in(name: str) -> str:
    for words in _words(name):
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if found := re.fullmatch(r"(?:fold|cv|split)(\d+)", word):
                return f"fold {int(found[1])}"
            if word in ("fold", "cv") and following.isdigit():
                return f"fold {int(following)}"
    return ""


def _refuse_one_part(placed: Sequence[Placed]) -> None:
    parts: dict[str, set[str]] = {}
    for one in placed:
        parts.setdefault(one.split, set()).add(one.part)
    lone = next(((split, found) for split, found in parts.items() if len(found) == 1), None)
    if lone is None:
        return
    split, (part,) = lone
    raise InputError(
        f"everything {f'of {split} ' if split else ''}is in one part ({part}), so nothing can be compared; expected "
        "several files, such as train.csv and test.csv, or a list with a column split or fold; name that column with "
        "--column part=... or --column fold=..."
    )
