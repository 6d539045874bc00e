"""The audit of a split: what was read, what its parts share, how balanced they are, and the verdict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.audit.balance import Makeup, makeups
from pipeline.audit.entries import Listing
from pipeline.audit.items import Item, items
from pipeline.audit.parts import place
from pipeline.audit.reading import read_list
from pipeline.audit.sharing import SCHEMES, TITLES, Pair, Scheme, compare, telling_texts
from pipeline.audit.sounds import SoundCheck, check_sounds
from pipeline.core.wording import counted, enumerated, listed
from pipeline.corpora.registry import READERS

Verdict = Literal["clean", "leaks", "undecided"]

STATUS: Mapping[Verdict, int] = {"clean": 0, "leaks": 1, "undecided": 2}
"""The exit status; a list that cannot be read has 2 too."""

NEEDED = {"speakers": ("speaker", "speaker"), "texts": ("text", "text"), "sessions": ("session", "session")}
"""The attribute that each scheme needs of every item, and its name in messages."""


@dataclass(frozen=True)
class Audit:
    """The result.

    Attributes:
        listings: what was read.
        scheme: what the parts must not share.
        items: everything that was compared.
        makeups: the numbers of each part.
        pairs: what every two parts of a split share.
        telling: corpora in which every text belongs to one class, so that the text alone tells the class.
        by_sound: result of the comparison by sound; None without one.
        verdict: clean, leaks, or undecided where the lists do not say enough.
        reasons: why, one sentence each.
        remarks: what else a user should know, one sentence each.
    """

    listings: tuple[Listing, ...]
    scheme: Scheme
    items: tuple[Item, ...]
    makeups: tuple[Makeup, ...]
    pairs: tuple[Pair, ...]
    telling: tuple[str, ...]
    by_sound: SoundCheck | None
    verdict: Verdict
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]


def audit(
    paths: Sequence[Path], *, scheme: Scheme = "actors", sounds: Path | None = None,
    named: Mapping[str, str] | None = None, by_names: bool = True,
) -> Audit:  # fmt: skip
    """Audit a split.

    Args:
        paths: its lists.
        scheme: what the parts must not share.
        sounds: folder of the recordings; None compares names alone.
        named: column of each role that the user names.
        by_names: whether speakers, texts, genders and emotions are taken from names that readers know.

    Raises:
        InputError: a list cannot be read, or has one part only; the folder holds no file of the lists.
    """
    listings = tuple(read_list(path, named or {}) for path in paths)
    everything = items(place(listings), by_names)
    by_sound = check_sounds(everything, sounds) if sounds is not None else None
    if by_sound is not None:
        everything = by_sound.items
    pairs = compare(everything, scheme, by_sound.alike if by_sound else ())
    leaks, unknown = list(_leaks(pairs)), list(_unknown(everything, scheme))
    verdict: Verdict = "leaks" if leaks else "undecided" if unknown else "clean"
    return Audit(
        listings, scheme, tuple(everything), makeups(everything), pairs, telling_texts(everything), by_sound, verdict,
        (*leaks, *unknown), tuple(_remarks(everything, by_sound)),
    )  # fmt: skip


def _leaks(pairs: Sequence[Pair]) -> Iterator[str]:
    """Of each kind the number of values that parts share where the scheme keeps them apart."""
    for kind, title in TITLES.items():
        found = [(pair, shared) for pair in pairs for shared in pair.shared if shared.kind == kind and shared.leak]
        if found:
            values = {value for _, shared in found for value in shared.values}
            splits = {pair.split for pair, _ in found}
            where = f" in {listed(sorted(splits))}" if splits != {""} else ""
            noun = re.sub(r"^([\w-]+)s\b", r"\1", title) if len(values) == 1 else title
            yield f"{len(values)} {noun} in two parts{where}"


def _unknown(everything: Sequence[Item], scheme: Scheme) -> Iterator[str]:
    """Information that the scheme needs and the lists do not have."""
    for kind in sorted(SCHEMES[scheme] & NEEDED.keys()):
        attribute, noun = NEEDED[kind]
        lacking = [item.name for item in everything if not getattr(item, attribute)]
        if lacking:
            yield (
                f"the {noun} of {len(lacking)} of {len(everything)} entries is not "
                f"known ({listed(lacking, most=3)}): add a column {noun}"
            )


def _remarks(everything: Sequence[Item], by_sound: SoundCheck | None) -> Iterator[str]:
    by_reader = Counter(item.reader for item in everything if item.reader)
    if by_reader:
        titles = enumerated(READERS[name].title for name in by_reader)
        number = by_reader.total()
        whole = "all" if number == len(everything) else f"{number} of {len(everything)}"
        yield f"speakers, texts and genders of {whole} entries are taken from their names, by the rules of {titles}"
    twice = Counter((item.split, item.part, item.recording) for item in everything if item.recording)
    if repeated := [recording for (_, _, recording), number in twice.items() if number > 1]:
        yield f"{counted(len(repeated), 'recording')} are there more than once in one part: {listed(repeated, most=3)}"
    genders: dict[str, set[str]] = {}
    for item in everything:
        if item.speaker and item.gender:
            genders.setdefault(item.speaker, set()).add(item.gender)
    if two := [speaker for speaker, found in genders.items() if len(found) > 1]:
        yield f"{counted(len(two), 'speaker')} have two genders: {listed(two, most=3)}"
    missing, unreadable = (by_sound.missing, by_sound.unreadable) if by_sound is not None else ((), ())
    if missing:
        yield f"{counted(len(missing), 'file')} not found, not compared by sound: {listed(missing, 3)}"
    if unreadable:
        yield f"{counted(len(unreadable), 'file')} cannot be decoded: {listed(unreadable, 3)}"
