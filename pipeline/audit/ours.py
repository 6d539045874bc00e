"""Our own lists: `data/folds.csv` and `data/parts.csv`, completed by the utterances beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.audio.parts import END, START
from pipeline.audit.entries import Entry, Listing
from pipeline.audit.files import shown
from pipeline.core.tables import PARTS, UTTERANCES, read_table
from pipeline.core.wording import counted, listed, printable

FOLDS = ("corpus", "actor", "gender", "group", "fold")
"""The first columns of `data/folds.csv`."""

KNOWN = {"path": "name", "emotion": "label", "text": "text", "digest": "digest"}
"""Columns of utterances that complete a list, and their roles."""

Row = dict[Hashable, str]


def completed(listing: Listing, columns: Sequence[str]) -> Listing:
    """A list with what lies beside it, if it is one of ours; any other as it is.

    Folds alone do not say what a run trains on where `parts.csv` beside them has rows, so that is read instead.

    Raises:
        InputError: a table beside it is broken.
    """
    if tuple(columns[: len(FOLDS)]) == FOLDS:
        beside = listing.path.parent / "parts.csv"
        parts = read_table(beside, PARTS) if beside.is_file() else None
        if parts is None or parts.empty:
            return _folds(listing)
        names = ("repeat", "fold", "utterance", "part")
        entries = tuple(
            Entry(name=utterance, part=part, fold=fold, repeat=repeat)
            for repeat, fold, utterance, part in parts[list(names)].astype(str).itertuples(index=False)
        )
        roles = {"repeat": "repeat", "fold": "fold", "utterance": "name", "part": "part"}
        note = f"folds do not say everything here, so {shown(beside)} beside it is judged"
        return _parts(replace(listing, entries=entries, columns=roles, notes=(note,)))
    return _parts(listing) if tuple(columns) == tuple(PARTS.columns) else listing


def _utterances(folder: Path) -> list[Row]:
    tables = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    return [row for table in tables for row in read_table(table, UTTERANCES).astype(str).to_dict("records")]


def _folds(listing: Listing) -> Listing:
    folder = listing.path.parent / "utterances"
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _utterances(folder):
        rows[row["corpus"], row["actor"]].append(row)
    lacking = sorted({one.corpus for one in listing.entries} - {corpus for corpus, _ in rows})
    if lacking:
        note = (
            f"it lists actors, and {shown(folder)} has no recordings of {listed(map(printable, lacking))}, so texts, "
            "classes, identical recordings and people who are in two corpora are not compared"
        )
        return replace(listing, form="our folds", notes=(*listing.notes, note))

    def entries() -> Iterator[Entry]:
        for actor in listing.entries:
            found = rows.get((actor.corpus, actor.speaker), [])
            # An actor without recordings stays.
            yield from (_joined(actor, row) for row in found) if found else (actor,)

    note = f"recordings, classes, texts and hashes of the sound from {shown(folder)}"
    columns = {**listing.columns, **KNOWN}
    return replace(listing, form="our folds", entries=tuple(entries()), columns=columns, notes=(*listing.notes, note))


def _parts(listing: Listing) -> Listing:
    folder = listing.path.parent / "utterances"
    rows = {row["utterance"]: row for row in _utterances(folder)}
    lacking = len({one.name for one in listing.entries} - rows.keys())
    notes = [*listing.notes]
    if lacking:
        notes.append(f"{counted(lacking, 'utterance')} are not in {shown(folder)}")
    if len(rows):
        notes.append(f"speakers, classes, texts and hashes of the sound from {shown(folder)}")
    entries = tuple(
        _joined(replace(one, speaker=row["actor"], gender=row["gender"], corpus=row["corpus"]), row)
        if (row := rows.get(one.name))
        else one
        for one in listing.entries
    )
    columns = {**listing.columns, **({**KNOWN, "actor": "speaker", "gender": "gender"} if rows else {})}
    return replace(listing, form="our parts", entries=entries, columns=columns, notes=tuple(notes))


def _joined(entry: Entry, row: Row) -> Entry:
    return replace(
        entry, name=row["path"], label=row["emotion"], text=row.get("text", ""), digest=row["digest"],
        start=row.get(START, ""), end=row.get(END, ""),
    )  # fmt: skip
