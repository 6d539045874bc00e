"""An overview of a corpus before it is ingested: file names are read, recordings are only probed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from pipeline.audio import decoding as audio
from pipeline.audio.recording import AudioError, Surveyed
from pipeline.core.workers import decoding_threads
from pipeline.corpora.base import Reader, Recording, list_folder
from pipeline.corpora.notes import noted_recordings
from pipeline.corpora.obstacles import obstacles
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.scanning import differences, headline, scan_folder
from pipeline.corpora.selection import select, spelling_notes, with_mapped_emotions


@dataclass(frozen=True)
class Survey:
    """The content of a corpus folder.

    Attributes:
        headline: the corpus, its layout, and its numbers of actors and recordings, in one line.
        notes: the reader's messages for the user, one line each.
        complete: whether the counts are those of the owner; None if the owner states none.
        classes: number of recordings of each class, without excluded actors and copies.
        others: number of recordings of other emotions or of excluded actors.
        seconds: total length of the recordings of the classes, in seconds.
        rates: number of recordings of each sampling rate (Hz).
        unreadable: number of recordings of the classes that could not be probed.
        warnings: what DVC cannot track, and what a user should know about recordings that can be read; a line each.
    """

    headline: str
    notes: tuple[str, ...]
    complete: bool | None
    classes: Mapping[str, int]
    others: int
    seconds: float
    rates: Mapping[int, int]
    unreadable: int
    warnings: tuple[str, ...] = ()


def survey(key: str, corpus: CorpusParams, reader: Reader, classes: Sequence[str]) -> Survey:
    """Survey a corpus folder.

    Args:
        key: the corpus's key in `params.yaml`.
        corpus: its parameters.
        reader: its reader.
        classes: emotions whose recordings would become utterances.

    Raises:
        InputError: the folder is missing, empty, another corpus, or refused by the reader.
    """
    folder = list_folder(Path(corpus.path))
    scan = scan_folder(folder, corpus, reader)
    wanted, _ = select(scan.recordings, reader, corpus, classes)
    chosen = {recording.name: recording for recording in wanted}
    names = {recording.name for recording in scan.recordings}
    probes = _probe_all(list(chosen.values()), folder.root, key)
    readable = [found.probe for found in probes if found is not None]
    noted = [(one.path, found.notes) for one, found in zip(chosen.values(), probes, strict=True) if found is not None]
    found = Counter(recording.emotion for recording in chosen.values())
    return Survey(
        headline=headline(reader, scan),
        notes=(*scan.notes, *spelling_notes(with_mapped_emotions(scan.recordings, reader, corpus), reader, classes)),
        complete=not differences(reader, scan) if reader.stated else None,
        classes={name: found[name] for name in classes},
        others=len(names) - len(chosen),
        seconds=sum(probe.duration_s for probe in readable),
        rates=dict(sorted(Counter(probe.sample_rate for probe in readable).items())),
        unreadable=len(probes) - len(readable),
        warnings=(*obstacles(folder), *noted_recordings(noted)),
    )


def _probe_all(recordings: Sequence[Recording], root: Path, key: str) -> list[Surveyed | None]:
    def size(recording: Recording) -> Surveyed | None:
        try:
            return audio.survey(root / recording.path)
        except AudioError:
            return None

    with ThreadPoolExecutor(decoding_threads()) as pool:
        found = pool.map(size, recordings)
        return list(tqdm(found, total=len(recordings), desc=f"probe {key}", unit="recording", disable=None))
