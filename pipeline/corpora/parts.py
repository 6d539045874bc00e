"""Utterances that are parts of longer recordings: decoded with their file, once, and checked one by one."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pipeline.audio import decoding as audio
from pipeline.audio.frames import WINDOW, resampled_length
from pipeline.audio.parts import part
from pipeline.audio.recording import AudioError, Examined, Probe
from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed
from pipeline.corpora.base import Recording, Rejected
from pipeline.corpora.selection import part_of, rejected

ROUNDING = 0.05
"""Seconds by which the end of a part may lie behind the end of its recording; tables round their times."""


def examine_parts(
    recordings: Sequence[Recording], root: Path
) -> tuple[list[tuple[Recording, Examined]], list[Rejected]]:
    """Decode a file and check each utterance that is a part of it.

    Args:
        recordings: the parts of one file.
        root: the corpus folder.

    Returns:
        Each usable part with its size and hash, and the others with a reason.
    """
    path = recordings[0].path
    try:
        whole = audio.examine(root / path)
        samples = audio.load(root / path)
    except AudioError as error:
        return [], [rejected(recording, error.reason) for recording in recordings]
    usable: list[tuple[Recording, Examined]] = []
    unusable: list[Rejected] = []
    length_s, rate, channels = whole.probe.duration_s, whole.probe.sample_rate, whole.probe.channels
    for recording in recordings:
        end = length_s if recording.end is None else min(recording.end, length_s)
        size = round((end - recording.start) * rate)
        heard = part(samples, recording.start, resampled_length(max(0, size), rate))
        if reason := _unusable(recording, length_s, len(heard)):
            unusable.append(rejected(recording, reason))
        elif heard.min() == heard.max():
            unusable.append(rejected(recording, "silent"))
        else:
            digest = hashlib.sha256(heard.tobytes() + str(rate).encode()).hexdigest()
            usable.append((recording, Examined(Probe(size, rate, channels), digest, whole.notes)))
    return usable, unusable


def _unusable(recording: Recording, length_s: float, samples: int) -> str:
    if recording.start >= length_s or (recording.end or 0) > length_s + ROUNDING:
        return f"too short: the file ends after {length_s:g} s, before this part does"
    return "too short: a window is 25 ms" if samples < WINDOW else ""


def overlaps(recordings: Sequence[Recording], root: Path) -> list[str]:
    """Check that no sound belongs to two groups, which may be in two folds.

    Returns:
        A note of parts that overlap within one group.

    Raises:
        InputError: parts of different groups overlap in one file.
    """
    by_path: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        by_path[recording.path].append(recording)
    within: list[str] = []
    across: list[str] = []
    for path, several in by_path.items():
        if not any(one.is_part for one in several):
            continue
        several.sort(key=lambda one: one.start)
        for position, one in enumerate(several):
            for other in several[position + 1 :]:
                if one.end is not None and other.start >= one.end:
                    break
                named = f"{path}: {_named(one)} and {_named(other)}"
                (within if one.group == other.group else across).append(named)
    if across:
        raise InputError(
            f"{root}: {counted(len(across), 'pair')} of parts overlap and belong to different groups, so that the same "
            "sound could be trained on and validated on in the same run; correct the times, or give these actors the "
            "same group:\n" + "\n".join(f"  {pair}" for pair in across)
        )
    if within:
        return [f"warning: {counted(len(within), 'pair')} of parts of one group overlap: {listed(within, most=3)}"]
    return []


def _named(recording: Recording) -> str:
    return f"{recording.actor}, {recording.emotion}{part_of(recording) or ' (the whole file)'}"
