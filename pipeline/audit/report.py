"""The audit as text for people and as JSON for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from pipeline.audit.audit import STATUS, Audit
from pipeline.audit.balance import Makeup, uneven
from pipeline.audit.columns import described
from pipeline.audit.files import shown
from pipeline.audit.sharing import TITLES, Pair, Shared
from pipeline.core.wording import counted, listed, printable

PAIRS = 12
"""Pairs of parts that are shown in full; the first in the order of the parts."""

VALUES = 6
"""Classes, genders and corpora of a part that are shown with their numbers."""

RECORDINGS = ("recordings", "sounds", "alike", "versions", "copies")
"""Kinds whose values are pairs of recordings; the text leaves their folders out."""

VERDICTS = {
    "clean": "clean: the parts share nothing that {scheme} keeps apart, and no recording",
    "leaks": "LEAKS",
    "undecided": "undecided: no leak was found, but the lists do not say enough",
}


def as_text(audit: Audit) -> Iterator[str]:
    """The audit, line by line."""
    for listing in audit.listings:
        unused = f"; not used: {listed(listing.unused, most=8)}" if listing.unused else ""
        number = "1 entry" if len(listing.entries) == 1 else f"{len(listing.entries)} entries"
        columns = ", ".join(map(printable, described(listing.columns)))
        yield f"{shown(listing.path)}: {listing.form}, {number}; columns: {columns}{unused}"
        yield from (f"  {note}" for note in listing.notes)
    yield from audit.remarks
    for split, parts in groupby(audit.makeups, key=lambda part: part.split):
        yield ""
        yield from _split(split, list(parts), [pair for pair in audit.pairs if pair.split == split])
    yield ""
    if audit.telling and any(shared.kind == "texts" for pair in audit.pairs for shared in pair.shared):
        yield (
            f"every text of {listed(map(_corpus, audit.telling))} belongs to one class, and parts share texts: a model "
            "can learn sentences instead of emotions; --scheme actors+texts judges that"
        )
    if not audit.by_sound and not any(item.digest for item in audit.items):
        yield "identical and almost identical sounds were not looked for: --audio FOLDER does"
    yield f"verdict: {VERDICTS[audit.verdict].format(scheme=f'scheme {audit.scheme}')}"
    yield from (f"  {reason}" for reason in audit.reasons)


def _split(split: str, parts: Sequence[Makeup], pairs: Sequence[Pair]) -> Iterator[str]:
    yield f"{split or 'parts'}:"
    for part in parts:
        yield f"  {part.part}: {_numbers(part)}"
    for pair in pairs[:PAIRS]:
        # That parts have corpora in common is usual, and seen in their numbers.
        shown_ones = [shared for shared in pair.shared if shared.kind != "corpora" or shared.leak]
        yield f"  {pair.first} and {pair.second} share{'' if shown_ones else ' nothing'}"
        yield from (f"    {_line(shared, pair.second)}" for shared in shown_ones)
    rest = pairs[PAIRS:]
    if rest:
        leaking = sum(any(shared.leak for shared in pair.shared) for pair in rest)
        yield f"  {len(rest)} more pairs of parts, {leaking} of them with a leak; --json lists them"
    if remarks := uneven(parts):
        yield f"  balance: {listed(remarks, most=6)}"


def _numbers(part: Makeup) -> str:
    number = "1 entry" if part.entries == 1 else f"{part.entries} entries"
    found = [number, counted(part.speakers, "speaker") if part.speakers else "speakers not known"]
    for name, counts in part.counts.items():
        if counts and not (name == "corpus" and len(counts) == 1):
            values = [f"{value} {count}" for value, count in counts.items()]
            found.append(f"{name}: {listed(values, most=VALUES)}")
    return "; ".join(found)


def _line(shared: Shared, second: str) -> str:
    mark = "LEAK  " if shared.leak else "      "
    number = f"{len(shared.values)} of {shared.of}" if shared.kind not in ("alike", "copies") else len(shared.values)
    entries = "1 entry" if shared.second == 1 else f"{shared.second} entries"
    values = [_without_folders(value) if shared.kind in RECORDINGS else value for value in shared.values]
    return f"{mark}{TITLES[shared.kind]}: {number} ({listed(values, most=3)}), in {entries} of {second}"


def _without_folders(pair: str) -> str:
    return re.sub(r"[^ ]*/", "", pair)


def _corpus(name: str) -> str:
    return name or "the list"


def as_json(audit: Audit) -> str:
    """The audit as one JSON object."""
    found: dict[str, Any] = {
        "verdict": audit.verdict,
        "status": STATUS[audit.verdict],
        "scheme": audit.scheme,
        "reasons": audit.reasons,
        "remarks": audit.remarks,
        "telling_texts": audit.telling,
        "lists": [
            {
                "path": shown(listing.path),
                "format": listing.form,
                "entries": len(listing.entries),
                "columns": dict(listing.columns),
                "unused": listing.unused,
                "notes": listing.notes,
            }
            for listing in audit.listings
        ],
        "parts": [asdict(part) for part in audit.makeups],
        "balance": [
            {"split": split, "remarks": uneven(list(parts))}
            for split, parts in groupby(audit.makeups, key=lambda part: part.split)
        ],
        "pairs": [asdict(pair) for pair in audit.pairs],
        "sound": None
        if audit.by_sound is None
        else {
            "compared": audit.by_sound.found,
            "missing": audit.by_sound.missing,
            "unreadable": audit.by_sound.unreadable,
        },
    }
    return json.dumps(found, indent=2, ensure_ascii=False)
