"""The items that are compared: recordings with speaker, text, gender and class, from names that readers know."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.audit.entries import Entry
from pipeline.audit.parts import Placed
from pipeline.core.wording import printable
from pipeline.corpora.naming import NAMERS, Named, named_all, reader_called

TAKES = ("take", "split", "text")
"""Columns of readers that differ between versions of one utterance, or stand apart in an item."""


@dataclass(frozen=True, slots=True)
class Item:
    """A recording (or a speaker, in a list of speakers) in its part; unknown values are empty.

    Attributes:
        split: name of the split.
        part: name of the part.
        name: its name in the list, printable.
        source: path of its file, as the list gives it; empty for a part of a file, whose sound is not the file's.
        reader: the reader that knows its name.
        corpus: its corpus: the list's name, else the reader's.
        speaker: its speaker, unique over corpora, by its name where a reader knows it, else by the list.
        own_speaker: its speaker by the list, where a reader knows another name.
        gender: F, M or X.
        emotion: its class: the list's label, in our word where the names show what it means; else by its name.
        text: what is said, unique over corpora.
        session: its session, in corpora that have any.
        group: the list's group of speakers that must share a part.
        recording: what two entries of one recording share.
        version: what the versions of one utterance share: speaker, text, emotion and manner.
        digest: SHA-256 of its decoded sound, or what the list gives as such.
    """

    split: str
    part: str
    name: str
    source: str
    reader: str
    corpus: str
    speaker: str
    own_speaker: str
    gender: str
    emotion: str
    text: str
    session: str
    group: str
    recording: str
    version: str
    digest: str


def items(placed: Sequence[Placed], by_names: bool = True) -> list[Item]:
    """Complete the entries by what their names say.

    Args:
        placed: entries with their places.
        by_names: whether readers are asked; False leaves what the list says.
    """
    known = _known(placed) if by_names else [None] * len(placed)
    two_genders = _speakers_with_two_genders(placed)
    classes = _classes(placed, known)
    return [
        _item(one, found, _own_speaker(one.entry, two_genders), classes)
        for one, found in zip(placed, known, strict=True)
    ]


def _known(placed: Sequence[Placed]) -> list[Named | None]:
    """The facts that the readers know about each entry, from the reader of the named corpus, else from any reader."""
    found: list[Named | None] = [None] * len(placed)
    hinted: dict[str | None, list[int]] = defaultdict(list)
    for position, one in enumerate(placed):
        if one.entry.name:
            hinted[reader_called(one.entry.corpus)].append(position)
    for hint, positions in hinted.items():
        readers = (hint,) if hint else tuple(NAMERS)
        # A path has folders that a key lacks.
        paths = [placed[n].listing.files.get(placed[n].entry.name, placed[n].entry.name) for n in positions]
        for position, result in zip(positions, named_all(paths, readers), strict=True):
            found[position] = result
        keys = [n for n in positions if found[n] is None and placed[n].listing.files]
        for position, result in zip(keys, named_all([placed[n].entry.name for n in keys], readers), strict=True):
            found[position] = result
    return found


def _speakers_with_two_genders(placed: Sequence[Placed]) -> set[tuple[str, str]]:
    """Numbers that a list gives to a woman and to a man, as EMO-SUPERB's lists of MSP-IMPROV and IEMOCAP do."""
    genders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in placed:
        if one.entry.gender and one.entry.speaker:
            genders[one.entry.corpus, one.entry.speaker].add(one.entry.gender)
    return {speaker for speaker, found in genders.items() if len(found) > 1}


def _own_speaker(entry: Entry, two_genders: set[tuple[str, str]]) -> str:
    if not entry.speaker:
        return ""
    gender = f" ({entry.gender or '?'})" if (entry.corpus, entry.speaker) in two_genders else ""
    return printable(f"{entry.corpus}/{entry.speaker}{gender}" if entry.corpus else f"{entry.speaker}{gender}")


def _classes(placed: Sequence[Placed], known: Sequence[Named | None]) -> Mapping[tuple[str, str], str]:
    """Our word for a label of a corpus, where all its recordings have that emotion by their names."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one, name in zip(placed, known, strict=True):
        if one.entry.label:
            emotion = name.recording.emotion if name else ""
            found[_corpus(one.entry, name), one.entry.label][emotion] += 1
    return {label: next(iter(words)) for label, words in found.items() if len(words) == 1 and "" not in words}


def _corpus(entry: Entry, found: Named | None) -> str:
    return printable(entry.corpus or (found.reader if found else ""))


def _plain_text(text: str) -> str:
    """The spoken text in letters and digits only, since lists spell one sentence in several ways.

    A text without letters and digits stays as it is.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return re.sub(r"[\W_]+", " ", text).strip() or text


def _item(one: Placed, found: Named | None, own: str, classes: Mapping[tuple[str, str], str]) -> Item:
    entry, corpus = one.entry, _corpus(one.entry, found)
    times = f" {entry.start} to {entry.end}" if entry.start or entry.end else ""
    label = classes.get((corpus, entry.label), printable(entry.label))
    listed_text = _plain_text(entry.text)
    text = printable(f"{entry.corpus}/{listed_text}" if entry.corpus else listed_text) if listed_text else ""
    common = {
        "split": one.split, "part": one.part, "name": printable(f"{entry.name}{times}") or own, "corpus": corpus,
        "group": printable(f"{entry.corpus}/{entry.group}") if entry.group else "", "digest": entry.digest,
        "source": "" if times else one.listing.files.get(entry.name, entry.name),
    }  # fmt: skip
    if found is None:
        path = unicodedata.normalize("NFC", entry.name.replace("\\", "/")).removeprefix("./")
        return Item(
            **common, reader="", speaker=own, own_speaker="", gender=entry.gender, emotion=label, text=text,
            session=printable(f"{entry.corpus}/{entry.session}") if entry.session else "",
            recording=f"{path}{times}" if path else "",
            version="\n".join((own, text, label)) if own and text and label else "",
        )  # fmt: skip
    recording, reader = found.recording, found.reader
    said = recording.columns.get("text", "")
    manner = [f"{name}={value}" for name, value in sorted(recording.columns.items()) if name not in TAKES]
    return Item(
        **common, reader=reader, speaker=f"{reader}/{recording.actor}", own_speaker=own, gender=recording.gender,
        emotion=label or recording.emotion, text=f"{reader}/{said}" if said else text,
        session=f"{reader}/{recording.columns['session']}" if "session" in recording.columns else "",
        recording=f"{reader}/{recording.name}{times}",
        version="\n".join((reader, recording.actor, said, recording.emotion, *manner))
        if said and recording.emotion
        else "",
    )  # fmt: skip
