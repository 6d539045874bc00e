"""Notes for the user about the recordings of a corpus, counted by kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.audio.recording import Note
from pipeline.core.wording import counted, listed

_KINDS = {
    "length": "with another length than the header declares",
    "unchecked": "of a format whose length is not checked, so that a cut file would go unnoticed",
    "channels": "with channels that cancel each other or are silent",
    "delay": "with the silence of its coder's delay at the start",
}


def noted_recordings(recordings: Iterable[tuple[str, Sequence[Note]]]) -> list[str]:
    """Warnings, one line for each kind of note: the number of recordings, and the first three.

    Args:
        recordings: path of each recording, and the notes of its decoding.
    """
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for path, notes in recordings:
        for kind in dict.fromkeys(note.kind for note in notes):
            texts = "; ".join(note.text for note in notes if note.kind == kind)
            found[kind].append(f"{path} ({texts})")
    return [
        f"warning: {counted(len(named), 'recording')} {_KINDS[kind]}: {listed(named, most=3)}"
        for kind, named in found.items()
        if named
    ]
