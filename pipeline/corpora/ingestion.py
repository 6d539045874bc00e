"""A corpus folder to utterances and rejected files: every file found becomes exactly one of the two.

Recordings are selected by label first, so that no recording of another emotion is decoded. The others are decoded
once, block by block, in threads (the decoders release Python's global interpreter lock).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from pipeline.audio import decoding as audio
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.parts import END, START
from pipeline.audio.recording import DENIED, GONE, AudioError, Examined
from pipeline.core.errors import InputError
from pipeline.core.tables import UTTERANCES
from pipeline.core.wording import counted, listed, printable
from pipeline.core.workers import decoding_threads
from pipeline.corpora.base import Reader, Recording, Rejected, as_utf8, list_folder
from pipeline.corpora.notes import noted_recordings
from pipeline.corpora.obstacles import linked_folders, refuse_untracked
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.parts import examine_parts, overlaps
from pipeline.corpora.scanning import headline, owners_counts, scan_folder
from pipeline.corpora.selection import provided, select, spelling_notes, with_mapped_emotions

UNREADABLE_SHARE = 0.01
UNREADABLE_COUNT = 3
"""A copy with more unreadable recordings than both limits is treated as damaged."""

RESERVED = frozenset((*UTTERANCES.columns, START, END))
"""Columns of the table of utterances that a reader's own columns do not replace."""

BATCH = 512
"""Number of recordings given to the threads at a time, so that memory does not grow with the corpus."""


@dataclass(frozen=True)
class Ingested:
    """A corpus as tables.

    Attributes:
        utterances: rows of `tables.UTTERANCES`, sorted by utterance.
        rejected: rows of `tables.REJECTED`, sorted by path.
        messages: messages for the user, one or more lines each.
    """

    utterances: pd.DataFrame
    rejected: pd.DataFrame
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Usable:
    recording: Recording
    examined: Examined


def ingest(key: str, corpus: CorpusParams, reader: Reader, classes: Sequence[str]) -> Ingested:
    """Read a corpus.

    Args:
        key: the corpus's key in `params.yaml`.
        corpus: its parameters.
        reader: its reader.
        classes: emotions whose recordings become utterances.

    Returns:
        The tables of the corpus, and messages.

    Raises:
        InputError: the folder is missing, empty or another corpus; recordings are missing though `complete` is set;
            too many are unreadable; DVC does not see the folder; a class that the corpus has is left without
            recordings; or identical sound has two actors or labels.
    """
    folder = list_folder(Path(corpus.path))
    refuse_untracked(folder)
    scan = scan_folder(folder, corpus, reader)
    messages = [headline(reader, scan), *scan.notes]
    if folder.skipped_links:
        messages.append(
            "links not followed, since they lead to a folder that is already read, or to one that contains the corpus: "
            f"{listed(map(as_utf8, folder.skipped_links))}"
        )
    messages += linked_folders(folder)
    messages += owners_counts(reader, scan, corpus.complete, folder.root)

    wanted, unwanted = select(scan.recordings, reader, corpus, classes)
    messages += overlaps(wanted, folder.root)
    usable, unusable = _examine_all(wanted, folder.root, key)
    if corpus.complete:
        _refuse_unusable(wanted, usable, unusable, reader, folder.root)
    mapped = with_mapped_emotions(scan.recordings, reader, corpus)
    messages += spelling_notes(mapped, reader, classes)
    messages += _check_decoded(reader, corpus, mapped, wanted, usable, unusable, classes, folder.root)
    messages += _warnings_of_lengths_and_rates(usable)

    rejected = [*scan.rejected, *unwanted, *unusable]
    messages.append(_summary(usable, rejected, classes))
    return Ingested(_utterances(key, usable), _rejected(key, rejected), tuple(messages))


def _examine_all(wanted: Sequence[Recording], root: Path, key: str) -> tuple[list[_Usable], list[Rejected]]:
    """Decode one file of each recording; a copy is decoded only if the files before it cannot be used."""
    copies: dict[str, list[Recording]] = defaultdict(list)
    # The copy in the fewest folders comes first, so that the order of the listing does not matter.
    parts: dict[str, list[Recording]] = defaultdict(list)
    for recording in sorted(wanted, key=lambda one: (one.path.count("/"), one.path)):
        if recording.is_part:
            parts[recording.path].append(recording)
        else:
            copies[recording.name].append(recording)
    usable: list[_Usable] = []
    rejected: list[Rejected] = []

    def first_usable(group: list[Recording]) -> tuple[_Usable | None, list[Rejected]]:
        failed = []
        for position, recording in enumerate(group):
            try:
                found = _Usable(recording, audio.examine(root / recording.path))
            except AudioError as error:
                failed.append(Rejected(recording.path, error.reason))
            else:
                rest = [Rejected(copy.path, f"duplicate: of {recording.path}") for copy in group[position + 1 :]]
                return found, failed + rest
        return None, failed

    def usable_parts(group: list[Recording]) -> tuple[list[_Usable], list[Rejected]]:
        found, failed = examine_parts(group, root)
        return [_Usable(*one) for one in found], failed

    groups = list(copies.values())
    progress = tqdm(total=len(groups) + len(parts), desc=f"ingest {key}", unit="recording", disable=None)
    with progress, ThreadPoolExecutor(decoding_threads()) as pool:
        for start in range(0, len(groups), BATCH):
            for found, others in pool.map(first_usable, groups[start : start + BATCH]):
                if found is not None:
                    usable.append(found)
                rejected += others
                progress.update()
        # The parts of a file are decoded with it, once.
        for several, others in pool.map(usable_parts, parts.values()):
            usable += several
            rejected += others
            progress.update()
    return usable, rejected


def _refuse_unusable(
    wanted: Sequence[Recording], usable: Sequence[_Usable], unusable: Sequence[Rejected], reader: Reader, root: Path
) -> None:
    """Check that each recording has a usable copy, as `complete: true` demands.

    Raises:
        InputError: a recording has none.
    """
    present = {one.recording.name for one in usable}
    missing = {recording.path for recording in wanted if recording.name not in present}
    if missing:
        named = listed(f"{entry.path} ({entry.reason})" for entry in unusable if entry.path in missing)
        raise InputError(
            f"{root}: corpora.complete is true and {counted(len(missing), 'recording')} cannot be used: {named}; get "
            f"{'it' if len(missing) == 1 else 'them'} again from {reader.source}, or set complete: false"
        )


def _check_decoded(
    reader: Reader, corpus: CorpusParams, recordings: Sequence[Recording], wanted: Sequence[Recording],
    usable: Sequence[_Usable], unusable: Sequence[Rejected], classes: Sequence[str], root: Path,
) -> list[str]:  # fmt: skip
    """Check the recordings after decoding.

    Returns:
        Warnings and notes, one line each.

    Raises:
        InputError: see `ingest`.
    """
    messages = []
    unreadable = [entry for entry in unusable if entry.reason.startswith("unreadable")]
    if unreadable:
        named = listed(f"{entry.path} ({entry.reason.removeprefix('unreadable: ')})" for entry in unreadable)
        number = f"{len(unreadable)} of {len(wanted)} recordings cannot be read: {named}"
        # A recording is missing when no copy of it can be read.
        name = {recording.path: recording.name for recording in wanted}
        missing = {name[entry.path] for entry in unreadable} - {one.recording.name for one in usable}
        if len(missing) > UNREADABLE_COUNT and len(missing) > UNREADABLE_SHARE * len(set(name.values())):
            raise InputError(f"{root}: {number}; {_advice(unreadable, reader)}")
        messages.append(f"warning: {number}")
    others = [entry for entry in unusable if not entry.reason.startswith(("unreadable", "duplicate"))]
    if others:
        named = listed(f"{entry.path} ({entry.reason})" for entry in others)
        messages.append(f"warning: {counted(len(others), 'recording')} cannot be used: {named}")

    expected = provided(reader, corpus, wanted)
    if not expected:
        emotions = sorted({recording.emotion for recording in recordings})
        if set(emotions) & set(classes):
            raise InputError(
                f"{root}: only, exclude and exclude_actors in params.yaml leave no recording of the classes "
                f"{', '.join(classes)}; select others"
            )
        raise InputError(
            f"{root}: the table's emotions are {listed(map(repr, emotions))}, and none of them is one of the classes "
            f"{', '.join(classes)}; map them in params.yaml, as in emotions: {{{emotions[0]!r}: {classes[0]}}}"
        )
    if not expected & set(classes):
        raise InputError(
            f"{root}: none of the classes {', '.join(classes)} is an emotion of {reader.title} here; "
            f"expected some of {', '.join(sorted(expected))}"
        )
    if empty := sorted((expected & set(classes)) - {one.recording.emotion for one in usable}):
        raise InputError(
            f"{root}: no usable recording of {', '.join(empty)}, which {reader.title} has; "
            f"{len(unusable)} of {len(wanted)} recordings of the classes were rejected "
            f"({listed(f'{entry.path}: {entry.reason}' for entry in unusable) or 'the others are not in the folder'})"
        )
    if absent := [name for name in classes if name not in expected]:
        messages.append(f"{reader.title} has no {', '.join(absent)} here: another corpus must provide it")
    return [*messages, *_same_sound(usable, root)]


def _advice(unreadable: Sequence[Rejected], reader: Reader) -> str:
    """What to do about too many unreadable recordings."""
    reasons = {entry.reason.removeprefix("unreadable: ") for entry in unreadable}
    if reasons == {DENIED}:
        return "expected files that you may read; give yourself permission (chmod -R u+rX)"
    if reasons == {GONE}:
        return (
            "they are links to nothing, or disappeared while the corpus was read; put them back (is the disk or the "
            "network folder still connected?) and run again"
        )
    return (
        f"more than {UNREADABLE_COUNT} and more than {UNREADABLE_SHARE:.0%} mean a damaged copy; get it again from "
        f"{reader.source}, or remove these files"
    )


def _same_sound(usable: Sequence[_Usable], root: Path) -> list[str]:
    """Notes of identical sound of one actor and label; with two actors or labels it could be in two folds or classes.

    Raises:
        InputError: identical sound has two actors or labels.
    """
    by_sound: dict[str, list[Recording]] = defaultdict(list)
    for one in usable:
        by_sound[one.examined.digest].append(one.recording)
    twins = [sorted(same, key=lambda one: one.name) for same in by_sound.values() if len(same) > 1]
    conflicts = [
        f"{same[0].path} ({same[0].actor}, {same[0].emotion}) and {other.path} ({other.actor}, {other.emotion})"
        for same in sorted(twins, key=lambda same: same[0].name)
        for other in same[1:]
        if (other.actor, other.emotion) != (same[0].actor, same[0].emotion)
    ]
    if len(conflicts) == 1:
        raise InputError(
            f"{root}: {conflicts[0]} hold the same sound; expected one actor and one label; remove the wrong file"
        )
    if conflicts:
        raise InputError(
            f"{root}: {len(conflicts)} pairs of recordings hold the same sound; expected one actor and one label for "
            "each; remove the wrong files:\n" + "\n".join(f"  {pair}" for pair in conflicts)
        )
    return [
        f"{' and '.join(one.path for one in same)} hold the same sound of one actor and label; all are kept"
        for same in twins
    ]


def _warnings_of_lengths_and_rates(usable: Sequence[_Usable]) -> list[str]:
    messages = []
    messages += noted_recordings((one.recording.path, one.examined.notes) for one in usable)
    if low := [one for one in usable if one.examined.probe.sample_rate < SAMPLE_RATE]:
        named = listed((f"{one.recording.path} ({one.examined.probe.sample_rate} Hz)" for one in low), most=3)
        number = f"{counted(len(low), 'recording')} sampled below {SAMPLE_RATE} Hz"
        messages.append(f"warning: {number}, with nothing in the upper bins: {named}")
    return messages


def _summary(usable: Sequence[_Usable], rejected: Sequence[Rejected], classes: Sequence[str]) -> str:
    counts = Counter(one.recording.emotion for one in usable)
    reasons = Counter(entry.reason.split(":")[0] for entry in rejected)
    left = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())) or "none"
    return (
        f"{counted(len(usable), 'utterance')} ({', '.join(f'{name} {counts[name]}' for name in classes)}); "
        f"{counted(len(rejected), 'other file')} ({left})"
    )


def _utterances(key: str, usable: Sequence[_Usable]) -> pd.DataFrame:
    any_parts = any(one.recording.is_part for one in usable)
    rows = [
        {
            "utterance": f"{key}-{one.recording.name}",
            "corpus": key,
            "path": one.recording.path,
            "emotion": one.recording.emotion,
            "actor": one.recording.actor,
            "gender": one.recording.gender,
            "duration_s": round(one.examined.probe.duration_s, 6),
            "group": one.recording.group,
            "sample_rate": one.examined.probe.sample_rate,
            "num_samples": one.examined.probe.num_samples,
            "digest": one.examined.digest,
            **_times(one.recording, any_parts),
            # A table of one's own may have columns of these names.
            **{name: value for name, value in one.recording.columns.items() if name not in RESERVED},
        }
        for one in usable
    ]
    return pd.DataFrame(rows).fillna("").sort_values("utterance", ignore_index=True)


def _times(recording: Recording, any_parts: bool) -> dict[str, str]:
    """Where the utterance is in its file, in seconds, in a corpus that has parts of files."""
    if not any_parts:
        return {}
    end = "" if recording.end is None else f"{recording.end:.6f}"
    return {START: f"{recording.start:.6f}" if recording.is_part else "", END: end}


def _rejected(key: str, rejected: Sequence[Rejected]) -> pd.DataFrame:
    rows = sorted((printable(entry.path), printable(entry.reason)) for entry in rejected)
    return pd.DataFrame([(key, *row) for row in rows], columns=["corpus", "path", "reason"])
