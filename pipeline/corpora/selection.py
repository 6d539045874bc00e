"""Which recordings of a corpus become utterances: `emotions`, `only`, `exclude` and `exclude_actors` of params.yaml."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.core.errors import InputError
from pipeline.core.lookalikes import distinguished, looks
from pipeline.core.wording import counted, did_you_mean, enumerated, listed
from pipeline.corpora.base import Reader, Recording, Rejected
from pipeline.corpora.params import CorpusParams

STANDARD = ("emotion", "actor", "gender", "group")
"""Columns of every reader that `only` and `exclude` may name; readers add their own."""

_ALL = 50  # names in a message that lists everything


def select(
    recordings: Iterable[Recording], reader: Reader, corpus: CorpusParams, classes: Sequence[str]
) -> tuple[list[Recording], list[Rejected]]:
    """Select the recordings of the classes.

    Returns:
        The selected recordings with their emotions as `emotions` in params.yaml maps them, and the others with a
        reason.

    Raises:
        InputError: `emotions`, `only`, `exclude` or `exclude_actors` names something that the corpus does not have.
    """
    mapped = with_mapped_emotions(recordings, reader, corpus)
    _check_actors(mapped, reader, corpus)
    _check_filters(mapped, reader, corpus)
    wanted, unwanted = [], []
    for recording in mapped:
        if reason := _reason(recording, corpus, classes):
            unwanted.append(rejected(recording, reason))
        else:
            wanted.append(recording)
    return wanted, unwanted


def part_of(recording: Recording) -> str:
    """Where in its file an utterance is, for a message; empty for a whole file: " (1.5 to 3 s)"."""
    if not recording.is_part:
        return ""
    end = "the end" if recording.end is None else f"{recording.end:g} s"
    return f" ({recording.start:g}{' s' if recording.end is None else ''} to {end})"


def rejected(recording: Recording, reason: str) -> Rejected:
    """A recording as rejected; of a part of a file, the times are in the detail behind the reason's colon."""
    where = part_of(recording)
    return Rejected(recording.path, f"{reason}{':' if where and ':' not in reason else ''}{where}")


def _reason(recording: Recording, corpus: CorpusParams, classes: Sequence[str]) -> str:
    """Why a recording is not selected; empty for one that is."""
    if recording.actor in corpus.exclude_actors:
        return f"excluded actor: {recording.actor}"
    for option, filters in (("only", corpus.only), ("exclude", corpus.exclude)):
        for column, values in filters.items():
            found = _values(recording, column)
            if bool(set(found) & set(values)) != (option == "exclude"):
                continue
            if column == "emotion":
                return f"other emotion: {recording.emotion}, left out by {option} in params.yaml"
            return f"excluded: {column} {found[0] or 'not stated'}"
    return "" if recording.emotion in classes else f"other emotion: {recording.emotion}"


def _values(recording: Recording, column: str) -> tuple[str, ...]:
    """The value of a column; an emotion has the owner's name and the project's."""
    if column == "emotion":
        return (recording.own_emotion, recording.emotion)
    standard = {"actor": recording.actor, "gender": recording.gender, "group": recording.group}
    return (standard.get(column) or recording.columns.get(column, ""),)


def with_mapped_emotions(recordings: Iterable[Recording], reader: Reader, corpus: CorpusParams) -> list[Recording]:
    """The recordings with their emotions as `emotions` in params.yaml maps them.

    Raises:
        InputError: `emotions` maps a name that the corpus does not have.
    """
    recordings, mapping = list(recordings), corpus.emotions or {}
    occurring = list(dict.fromkeys(recording.own_emotion for recording in recordings))
    known = list(reader.own_emotions) or sorted(occurring)
    if unknown := [name for name in mapping if name not in known and name not in occurring]:
        raise InputError(_unknown_emotions(unknown, known, reader))
    return [
        replace(recording, emotion=mapping[recording.own_emotion], code=recording.own_emotion)
        if recording.own_emotion in mapping
        else recording
        for recording in recordings
    ]


def _unknown_emotions(unknown: list[str], known: list[str], reader: Reader) -> str:
    named = listed(map(repr, unknown))
    if reader.open_labels:
        hint = did_you_mean(unknown[0], known)
        return (
            f"emotions in params.yaml maps {named}, which no row of the table has; {hint}found "
            f"{listed(known, most=_ALL)}"
        )
    codes = [code for code, name in reader.own_emotions.items() if name == unknown[0]]
    hint = f"{unknown[0]!r} is called {codes[0]!r} there; " if codes else did_you_mean(unknown[0], known)
    return (
        f"emotions in params.yaml maps {named}, which {reader.title} does not have; {hint}expected some of "
        f"{', '.join(known)}"
    )


def _check_actors(recordings: list[Recording], reader: Reader, corpus: CorpusParams) -> None:
    actors = {recording.actor for recording in recordings} | set(reader.actors)
    if unknown := [actor for actor in corpus.exclude_actors if actor not in actors]:
        raise InputError(
            f"exclude_actors names {listed(map(repr, unknown))}, which {reader.title} does not have; "
            f"{did_you_mean(unknown[0], sorted(actors))}expected some of {listed(sorted(actors), most=_ALL)}"
        )


def filter_mistakes(reader: Reader, corpus: CorpusParams) -> Iterator[tuple[str, str]]:
    """Columns of `only` and `exclude` that the reader does not know: the option, and a sentence.

    Nothing for a reader whose columns are those of the user's table, which are known once it is read.
    """
    if not reader.open_labels:
        yield from _unknown_columns(corpus, [*STANDARD, *reader.columns], reader)


def _unknown_columns(corpus: CorpusParams, known: list[str], reader: Reader) -> Iterator[tuple[str, str]]:
    for option, filters in (("only", corpus.only), ("exclude", corpus.exclude)):
        for column in filters:
            if column not in known:
                yield (
                    option,
                    f"the reader {reader.name!r} knows no column {column!r}; {did_you_mean(column, known)}expected "
                    f"some of {', '.join(known)}",
                )


def _check_filters(recordings: list[Recording], reader: Reader, corpus: CorpusParams) -> None:
    """Refuse a column that the reader does not know, and a value that no recording has or can have."""
    found = dict.fromkeys(column for recording in recordings for column in recording.columns)
    for option, mistake in _unknown_columns(corpus, [*STANDARD, *reader.columns, *found], reader):
        raise InputError(f"{option} in params.yaml: {mistake}")
    for option, filters in (("only", corpus.only), ("exclude", corpus.exclude)):
        for column, values in filters.items():
            occurring = {value for recording in recordings for value in _values(recording, column) if value}
            known = list(dict.fromkeys([*_possible(column, reader, corpus), *sorted(occurring)]))
            if unknown := [value for value in values if value not in known]:
                hint = did_you_mean(unknown[0], known)
                raise InputError(
                    f"{option} in params.yaml: no recording of {reader.title} has the {column} "
                    f"{' or '.join(map(repr, unknown))}; {hint}expected some of {listed(known, most=_ALL)}"
                )


def _possible(column: str, reader: Reader, corpus: CorpusParams) -> Iterable[str]:
    """Values that a recording of the corpus can have, also where none in this copy has it."""
    if column == "emotion":
        return [*reader.own_emotions, *reader.own_emotions.values(), *(corpus.emotions or {}).values()]
    return {"actor": list(reader.actors), "gender": ["F", "M", "X"]}.get(column) or reader.columns.get(column, ())


def provided(reader: Reader, corpus: CorpusParams, wanted: Sequence[Recording]) -> set[str]:
    """The emotions, as `emotions` in params.yaml maps them, that a complete copy gives to the selection.

    Where that does not follow from the owner's list, since columns other than the emotion select, the emotions of the
    recordings selected.
    """
    columns = {*corpus.only, *corpus.exclude} - {"emotion"}
    if not reader.own_emotions or columns:
        return {recording.emotion for recording in wanted}
    mapping = {**reader.own_emotions, **(corpus.emotions or {})}
    only, exclude = corpus.only.get("emotion"), corpus.exclude.get("emotion", ())
    return {
        name
        for own, name in mapping.items()
        if (only is None or {own, name} & set(only)) and not {own, name} & set(exclude)
    }


def spelling_notes(recordings: Sequence[Recording], reader: Reader, classes: Sequence[str]) -> Iterator[str]:
    """Notes on the emotions of a table: those left out, with counts, and spellings that may be one emotion.

    Args:
        recordings: all recordings, with mapped emotions.
        reader: the reader of the corpus; where the owner's emotions are known beforehand there is nothing to say.
        classes: emotions whose recordings become utterances.
    """
    if not reader.open_labels:
        return
    counts = Counter(recording.emotion for recording in recordings)
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in [*classes, *sorted(set(counts) - set(classes))]:
        if name in counts or name in classes:
            spellings[_plain(name)].append(name)
    for similar in spellings.values():
        others = [name for name in similar[1:] if counts[name]]
        if not others:
            continue
        named = enumerated(
            f"{name} ({counts[plain]})" for name, plain in zip(distinguished(similar), similar, strict=True)
        )
        mapping = ", ".join(f"{_in_yaml(name)}: {similar[0]}" for name in others)
        yield (
            f"warning: the emotions {named} are different names; if they are one emotion, write it in one way, or "
            f"join them with emotions: {{{mapping}}}"
        )
    if left := {name: counts[name] for name in sorted(counts) if name not in classes}:
        yield (
            f"{counted(sum(left.values()), 'recording')} of other emotions left out: "
            f"{', '.join(f'{name} {count}{_likely(name, classes)}' for name, count in left.items())}; map them with "
            "emotions in params.yaml to use them"
        )


def _in_yaml(name: str) -> str:
    """A name in quotes, as params.yaml reads it."""
    return repr(name) if name.isprintable() else json.dumps(name)


def _likely(name: str, classes: Sequence[str]) -> str:
    """The class that a name is probably a misspelling of, in brackets; empty without one."""
    near = difflib.get_close_matches(_plain(name), classes, 1, 0.8)
    return f" (did you mean {near[0]}?)" if near else ""


def _plain(name: str) -> str:
    """A name without accents, capital letters and what is no letter or digit; a name in symbols as it is."""
    letters = unicodedata.normalize("NFKD", looks(name))
    return "".join(letter for letter in letters if letter.isalnum()) or name
