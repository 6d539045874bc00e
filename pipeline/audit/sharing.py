"""The recordings, speakers, texts and other values that two parts of a split share."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath
from typing import Literal

from pipeline.audit.items import Item
from pipeline.audit.parts import order

Scheme = Literal["actors", "sessions", "texts", "actors+texts", "corpora"]

SCHEMES: Mapping[Scheme, frozenset[str]] = {
    "actors": frozenset(("speakers", "own_speakers", "groups")),
    "sessions": frozenset(("speakers", "own_speakers", "groups", "sessions")),
    "texts": frozenset(("texts",)),
    "actors+texts": frozenset(("speakers", "own_speakers", "groups", "texts")),
    "corpora": frozenset(("speakers", "own_speakers", "groups", "corpora")),
}
"""The values that parts must not share in each scheme. Recordings must not be shared in any scheme."""

ALWAYS = frozenset(("recordings", "sounds", "alike"))

TITLES = {
    "speakers": "speakers",
    "own_speakers": "speakers by the list's own column",
    "groups": "groups that must share a part",
    "sessions": "sessions",
    "texts": "texts",
    "corpora": "corpora",
    "recordings": "recordings (the same by name)",
    "sounds": "recordings (identical sound)",
    "alike": "near-duplicates (by sound)",
    "versions": "versions of one utterance (same speaker, text, emotion and manner, by name)",
    "copies": "file names that look like copies",
}
"""The kinds of values that parts can share, in the order of the report."""

KEYS: Mapping[str, Callable[[Item], str]] = {
    "speakers": lambda item: item.speaker,
    "own_speakers": lambda item: item.own_speaker,
    "groups": lambda item: item.group,
    "sessions": lambda item: item.session,
    "texts": lambda item: item.text,
    "corpora": lambda item: item.corpus,
    "recordings": lambda item: item.recording,
    "sounds": lambda item: item.digest,
    "versions": lambda item: item.version,
}


@dataclass(frozen=True)
class Shared:
    """The values of one kind that two parts share.

    Attributes:
        kind: a key of `TITLES`.
        values: the shared speakers, texts, ...; of recordings, pairs of names with " = " or " ~ " between them.
        second: number of entries of the second part with one of them.
        of: number of different values in the second part.
        leak: whether the scheme keeps them apart.
    """

    kind: str
    values: tuple[str, ...]
    second: int
    of: int
    leak: bool


@dataclass(frozen=True)
class Pair:
    """Two parts of a split and what they share."""

    split: str
    first: str
    second: str
    shared: tuple[Shared, ...]


def compare(items: Sequence[Item], scheme: Scheme, alike: Iterable[tuple[int, int, float]] = ()) -> tuple[Pair, ...]:
    """Compare every two parts of each split.

    Args:
        items: everything, of all splits.
        scheme: what must be apart.
        alike: positions of two items of one split whose sounds are almost the same, and how alike they are.
    """
    near = _near(items, alike)
    parts: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        parts[item.split][item.part].append(item)
    pairs = []
    for split in order(parts):
        prepared = {part: _Part(parts[split][part]) for part in order(parts[split])}
        for (first, one), (second, other) in combinations(prepared.items(), 2):
            found = [*_shared(one, other, scheme), *near.get((split, first, second), ())]
            rank = list(TITLES)
            pairs.append(Pair(split, first, second, tuple(sorted(found, key=lambda shared: rank.index(shared.kind)))))
    return tuple(pairs)


class _Part:
    """The entries of a part by each key."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.counts = {kind: Counter(value for item in items if (value := key(item))) for kind, key in KEYS.items()}
        self.named = {
            kind: {KEYS[kind](item): item.name for item in reversed(items)}
            for kind in ("recordings", "sounds", "versions")
        }
        stems = Counter(_plain_stem(item) for item in items)
        # Where names repeat within a part (a01.wav of each speaker), an equal name means nothing.
        self.stems = {_plain_stem(item): item for item in items if stems[_plain_stem(item)] == 1 and not item.reader}


def _shared(one: _Part, other: _Part, scheme: Scheme) -> Iterable[Shared]:
    for kind in KEYS:
        values = order(one.counts[kind].keys() & other.counts[kind].keys())
        if not values:
            continue
        leak = kind in SCHEMES[scheme] | ALWAYS
        second = sum(other.counts[kind][value] for value in values)
        if kind in one.named:
            values = [f"{one.named[kind][value]} = {other.named[kind][value]}" for value in values]
        yield Shared(kind, tuple(values), second, len(other.counts[kind]), leak)
    copies = [
        f"{one.stems[stem].name} ~ {other.stems[stem].name}"
        for stem in order(one.stems.keys() & other.stems.keys())
        if stem and one.stems[stem].recording != other.stems[stem].recording and not _proven(one, other, stem)
    ]
    if copies:
        yield Shared("copies", tuple(copies), len(copies), len(other.items), leak=False)


def _proven(one: _Part, other: _Part, stem: str) -> bool:
    """Whether the sound of two files is known, so that their names need not be asked."""
    return bool(one.stems[stem].digest and other.stems[stem].digest)


_COPY = re.compile(
    r"(?:[ _-]*\(\d+\)|[ _-]+(?:copy|copie|kopie|dup|duplicate)(?:[ _-]*\d+)?)+$|^(?:copy[ _-]+of[ _-]+)"
)
"""The words that programs put behind or before the name of a copy."""


def _plain_stem(item: Item) -> str:
    return _COPY.sub("", PurePosixPath(item.name.replace("\\", "/")).stem.casefold())


def _near(
    items: Sequence[Item], alike: Iterable[tuple[int, int, float]]
) -> Mapping[tuple[str, str, str], list[Shared]]:
    found: dict[tuple[str, str, str], list[tuple[Item, Item, float]]] = defaultdict(list)
    for a, b, likeness in alike:
        first, second = order([items[a].part, items[b].part])
        one, other = (items[a], items[b]) if items[a].part == first else (items[b], items[a])
        found[one.split, first, second].append((one, other, likeness))
    return {
        place: [
            Shared(
                "alike",
                tuple(f"{one.name} ~ {other.name} ({likeness:.3f})" for one, other, likeness in pairs),
                len({other.name for _, other, _ in pairs}),
                len(pairs),
                leak=True,
            )
        ]
        for place, pairs in found.items()
    }


def telling_texts(items: Iterable[Item]) -> tuple[str, ...]:
    """The corpora in which every text belongs to one class, so that a model can learn sentences instead of classes.

    Only corpora with two classes and more, in which some text occurs twice.
    """
    classes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        if item.text and item.emotion:
            classes[item.corpus][item.text].add(item.emotion)
            counts[item.corpus, item.text] += 1
    return tuple(
        corpus
        for corpus, texts in sorted(classes.items())
        if all(len(found) == 1 for found in texts.values())
        and len(set().union(*texts.values())) > 1
        and any(counts[corpus, text] > 1 for text in texts)
    )
