"""The composition of a split's parts: recordings and speakers, by gender, class and corpus."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.audit.items import Item
from pipeline.audit.parts import order

UNEVEN = 0.1
"""A share that differs by more than this from the share in the whole split is named."""


@dataclass(frozen=True)
class Makeup:
    """A part in numbers.

    Attributes:
        split: name of the split.
        part: name of the part.
        entries: number of recordings (or of speakers, in a list of speakers).
        speakers: number of known speakers.
        counts: number of entries of each value of gender, class and corpus, in this order.
    """

    split: str
    part: str
    entries: int
    speakers: int
    counts: Mapping[str, Mapping[str, int]]


def makeups(items: Sequence[Item]) -> tuple[Makeup, ...]:
    """The numbers of each part."""
    parts: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        parts[item.split][item.part].append(item)
    return tuple(_makeup(split, part, parts[split][part]) for split in order(parts) for part in order(parts[split]))


def _makeup(split: str, part: str, items: Sequence[Item]) -> Makeup:
    counts = {
        "gender": Counter(item.gender for item in items if item.gender),
        "class": Counter(item.emotion for item in items if item.emotion),
        "corpus": Counter(item.corpus for item in items if item.corpus),
    }
    speakers = len({item.speaker for item in items if item.speaker})
    return Makeup(
        split, part, len(items), speakers, {name: dict(sorted(found.items())) for name, found in counts.items()}
    )


def uneven(parts: Sequence[Makeup]) -> list[str]:
    """Imbalances between the parts of one split: values that a part lacks, and shares that differ much."""
    remarks = []
    for name in ("gender", "class", "corpus"):
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part.counts[name])
        for value in sorted(total):
            whole = total[value] / total.total()
            for part in parts:
                here = sum(part.counts[name].values())
                count = part.counts[name].get(value, 0)
                if here and not count:
                    remarks.append(f"{part.part} has no {name} {value}")
                elif here and abs(count / here - whole) > UNEVEN:
                    remarks.append(f"{name} {value} is {count / here:.0%} of {part.part} and {whole:.0%} of the whole")
    return remarks
