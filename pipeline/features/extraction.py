"""Extract the features of recordings into an archive, with one or more processes of one thread each."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.audio.decoding import load
from pipeline.audio.frames import resampled_length
from pipeline.audio.parts import END, START, part
from pipeline.audio.recording import AudioError
from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Utterance
from pipeline.core.limits import available_cores, memory_limit
from pipeline.core.wording import counted, listed
from pipeline.core.workers import WorkerDiedError, advice_after, map_in_order
from pipeline.features.archive import ArchiveWriter
from pipeline.features.segmentation import frames_of

if TYPE_CHECKING:
    # A front end is loaded by name: DVC tracks its code through its description in `data/frontends`.
    from pipeline.frontends.base import FrontEnd


_WORTH_A_WORKER = 300  # recordings; starting a process takes as long as extracting this number


@dataclass(frozen=True)
class Recording:
    """An utterance to extract.

    Attributes:
        utterance: its key.
        name: path of its file in the corpus, with forward slashes.
        path: path of its file.
        segments: (key, first frame, number of frames) of each segment.
        part: where the utterance begins in its file, in seconds, and its number of samples at 16 kHz; None for all of
            the file.
    """

    utterance: str
    name: str
    path: Path
    segments: tuple[tuple[str, int, int], ...]
    part: tuple[float, int] | None = None


def extract(
    utterances: pd.DataFrame,
    segments: pd.DataFrame,
    corpus_path: Path,
    ark: Path,
    scp: Path,
    front_end: FrontEnd[Any],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Write the features of every segment, in the order of the utterances; each recording is decoded once.

    Memory does not grow with the corpus: each worker has a few utterances at a time.

    Args:
        utterances: rows of `tables.UTTERANCES`.
        segments: rows of `tables.SEGMENTS`, of the same utterances.
        corpus_path: folder of the corpus, to which the paths of the utterances are relative.
        ark: path of the archive to write, relative to the repository root.
        scp: path of its index.
        front_end: front end that computes features from samples.
        workers: number of processes, at most one for each core that this process may use, and as its memory allows;
            None means as many, or fewer for few recordings. With 1, this process extracts and no other is started.

    Returns:
        Messages for the user, one line each: those of the front end about the corpus; warnings of recordings with
        constant columns, and with values that are not finite, if there are any.

    Raises:
        InputError: the tables disagree; the front end cannot give features of all recordings; one is missing, cannot
            be read any more, or has another length than when it was ingested; or a worker process died. Then nothing
            is written.
    """
    recordings = plan(utterances, segments, corpus_path)
    messages = list(front_end.account([(recording.utterance, recording.name) for recording in recordings]))
    asked, most = workers, _most_workers(front_end.memory)
    workers = min(workers or 1 + len(recordings) // _WORTH_A_WORKER, most)
    if not front_end.reads_audio:
        workers = 1  # there is nothing to decode
    elif asked is not None and asked > most:
        messages.append(
            f"warning: execution.workers is {asked}, and this process may use {counted(available_cores(), 'core')} and "
            f"{_memory() / 2**30:.1f} GiB of memory; {most} extracted"
        )
    constant: list[str] = []
    filled: list[str] = []
    outcomes = map_in_order(partial(features, front_end=front_end), recordings, workers, initialise=_use_one_thread)
    done = 0
    with (
        ArchiveWriter(ark, scp) as archive,
        tqdm(total=len(recordings), unit="recording", mininterval=1.0) as bar,
        closing(outcomes),
        _one_thread(),
    ):
        try:
            for done, (matrices, not_finite) in enumerate(outcomes, 1):
                for key, matrix in matrices:
                    archive.write(key, matrix)
                path = recordings[done - 1].path.relative_to(corpus_path).as_posix()
                if columns := max(front_end.constant_columns(matrix) for _, matrix in matrices):
                    constant.append(f"{path} ({counted(columns, front_end.column)})")
                if not_finite:
                    filled.append(f"{path} ({counted(not_finite, 'value')})")
                bar.update()
        except WorkerDiedError as error:
            raise _worker_death(recordings[done], error.reason, f"{done} of {len(recordings)}", workers) from None
    replaced = "with values that are not finite (NaN or infinite), which are replaced by 0"
    notes = ((front_end.constant_note, constant), (replaced, filled))
    of = f"of {counted(len(recordings), 'recording')}"
    messages += [f"warning: {len(paths)} {of} {note}: {listed(paths)}" for note, paths in notes if paths]
    return tuple(messages)


def _most_workers(memory: int) -> int:
    """The number of processes of `memory` bytes that the cores and the memory of this one are enough for."""
    return min(available_cores(), max(1, _memory() // memory - 1))


def _memory() -> int:
    """Bytes of memory that this process may use: those of the machine, or of its control groups if they are fewer."""
    return min(memory_limit() or sys.maxsize, int(psutil.virtual_memory().total))


def plan(utterances: pd.DataFrame, segments: pd.DataFrame, corpus_path: Path) -> list[Recording]:
    """Join the two tables into the recordings to extract, in the order of the utterances.

    Raises:
        InputError: one table names an utterance that the other lacks.
    """
    by_utterance: dict[str, list[tuple[str, int, int]]] = {key: [] for key in utterances["utterance"]}
    for row in segments.to_dict("records"):
        if row["utterance"] not in by_utterance:
            raise InputError(
                f"segment {row['segment']} belongs to the utterance {row['utterance']}, which is not in the table of "
                "utterances; run `dvc repro`, which makes both tables again"
            )
        by_utterance[row["utterance"]].append((row["segment"], row["start_frame"], row["num_frames"]))
    if missing := [key for key, found in by_utterance.items() if not found]:
        raise InputError(
            f"{len(missing)} utterances have no segment, the first is {missing[0]}; "
            "run `dvc repro`, which makes the table of segments again"
        )
    return [
        Recording(
            row["utterance"], row["path"], corpus_path / row["path"], tuple(by_utterance[row["utterance"]]), _part(row)
        )
        for row in utterances.to_dict("records")
    ]


def _part(row: Mapping[Hashable, Any]) -> tuple[float, int] | None:
    if not (row.get(START) or row.get(END)):
        return None
    return float(row[START] or 0), resampled_length(row["num_samples"], row["sample_rate"])


def features(recording: Recording, front_end: FrontEnd[Any]) -> tuple[list[tuple[str, Matrix]], int]:
    """Decode one recording and compute the matrices of its segments.

    Returns:
        Key and matrix (rows, dims) of float32 of each segment; and the number of values that were not finite and are 0.

    Raises:
        InputError: the file cannot be read, its number of frames is not that from which its segments were cut, or the
            front end did not return finite numbers in the shape that it states.
    """
    bounds = [(start, length) for _, start, length in recording.segments]
    samples = _samples(recording, bounds) if front_end.reads_audio else np.empty(0, np.float32)
    matrices = front_end.matrices(Utterance(samples, bounds, recording.utterance, recording.name))
    not_finite = 0
    for (key, _, length), matrix in zip(recording.segments, matrices, strict=True):
        wrong = int((~np.isfinite(matrix)).sum())
        rows = front_end.shape.rows(length)
        if (
            matrix.shape != (rows or max(1, len(matrix)), front_end.dims)
            or matrix.dtype != np.float32
            or (wrong and not front_end.fills_non_finite)
        ):
            raise InputError(
                f"the front end {front_end.options.kind} returned {' x '.join(map(str, matrix.shape))} numbers of "
                f"{matrix.dtype}, {wrong} of them not finite, for segment {key} of {recording.path}; expected "
                f"{rows or 'at least 1'} x {front_end.dims} finite float32 numbers"
            )
        if wrong:
            np.nan_to_num(matrix, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            not_finite += wrong
    return [(key, matrix) for (key, _, _), matrix in zip(recording.segments, matrices, strict=True)], not_finite


def _samples(recording: Recording, bounds: list[tuple[int, int]]) -> NDArray[np.float32]:
    """The decoded recording, if it is still the one from which the segments were cut."""
    try:
        samples = load(recording.path) if recording.part is None else part(_kept(recording.path), *recording.part)
    except AudioError as error:
        raise InputError(
            f"{recording.path} of utterance {recording.utterance} could be read when the corpus was ingested and "
            f"cannot be read now ({error}). Put the recording back, or run `dvc repro` to ingest the corpus as it is"
        ) from None
    found, expected = frames_of(len(samples)), max(start + length for start, length in bounds)
    if found != expected:
        raise InputError(
            f"{recording.path} of utterance {recording.utterance} has {found} frames of 10 ms; expected the "
            f"{expected} from which its segments were cut. The recording changed: run `dvc repro` to ingest it again"
        )
    return samples


@lru_cache(maxsize=1)
def _kept(path: Path) -> NDArray[np.float32]:
    """A decoded file, kept for the next utterance, which is often another part of it."""
    return load(path)


def _worker_death(at: Recording, reason: str, done: str, workers: int) -> InputError:
    return InputError(
        f"a worker process died ({reason}) at {at.path} of utterance {at.utterance} ({done} were done). "
        f"{advice_after(reason, 'params.yaml', workers)} run `dvc repro` again"
    )


def _use_one_thread() -> None:
    # With one process on each core, more threads in a process would slow all of them down.
    torch.set_num_threads(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread in this process too, so that the bytes do not depend on which process extracts."""
    threads = torch.get_num_threads()
    _use_one_thread()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
