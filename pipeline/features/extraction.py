"""Recordings to an archive of normalised spectrograms, in worker processes of one thread each."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.audio.decoding import AudioError, load
from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed
from pipeline.core.workers import available_cores, prepare_worker
from pipeline.features.archive import ArchiveWriter
from pipeline.frontends.spectrogram import Cmvn, normalised_segments, spectrogram

Matrix = NDArray[np.float32]

_WORTH_A_WORKER = 300  # recordings; starting a process takes as long as extracting so many
_AHEAD = 4  # utterances in flight for each worker: enough to keep it busy, few enough to hold in memory


@dataclass(frozen=True)
class Recording:
    """An utterance to extract: its key, its file, and (key, first frame, number of frames) of its segments."""

    utterance: str
    path: Path
    segments: tuple[tuple[str, int, int], ...]


def extract(
    utterances: pd.DataFrame,
    segments: pd.DataFrame,
    corpus_path: Path,
    ark: Path,
    scp: Path,
    cmvn: Cmvn,
    workers: int | None = None,
) -> tuple[str, ...]:
    """Write the features of every segment, in the order of the utterances; each recording is decoded once.

    Memory does not grow with the corpus: a few utterances for each worker are in flight at a time.

    Args:
        utterances: rows of `records.UTTERANCES`.
        segments: rows of `records.SEGMENTS`, of the same utterances.
        corpus_path: what the paths of the utterances are relative to.
        ark: archive to write, relative to the repository root; matrices are (num_frames, 257).
        scp: its index.
        cmvn: whether mean and variance are a segment's or its whole utterance's.
        workers: number of processes; None takes one per core that this process may use, or fewer for few recordings.

    Returns:
        What the user should see, one line each: the recordings with constant bins.

    Raises:
        InputError: the tables disagree; a recording vanished, cannot be read any more, or has another length than
            when it was ingested; or a worker process died. Nothing is written then.
    """
    recordings = plan(utterances, segments, corpus_path)
    workers = workers or min(available_cores(), 1 + len(recordings) // _WORTH_A_WORKER)
    constant: list[str] = []
    with ArchiveWriter(ark, scp) as archive, tqdm(total=len(recordings), unit="recording", mininterval=1.0) as bar:
        for recording, matrices in zip(recordings, _in_order(recordings, cmvn, workers), strict=True):
            for key, matrix in matrices:
                archive.write(key, matrix)
            if bins := max(constant_bins(matrix) for _, matrix in matrices):
                constant.append(f"{recording.path.relative_to(corpus_path).as_posix()} ({counted(bins, 'bin')})")
            bar.update()
    return (_constant_bins_told(constant, len(recordings)),) if constant else ()


def constant_bins(matrix: Matrix) -> int:
    """Bins that do not change in a normalised spectrogram (num_frames, bins): `spectrogram.normalise` leaves them 0."""
    # Few bins begin with 0, so that the whole matrix is hardly ever looked at.
    candidates = np.flatnonzero(matrix[0] == 0)
    return int((~matrix[:, candidates].any(0)).sum())


def _constant_bins_told(constant: list[str], recordings: int) -> str:
    return (
        f"warning: {len(constant)} of {counted(recordings, 'recording')} with constant spectrogram bins, which stay 0, "
        f"since scaling them would turn rounding into input: {listed(constant)}"
    )


def plan(utterances: pd.DataFrame, segments: pd.DataFrame, corpus_path: Path) -> list[Recording]:
    """Join the two tables: what is to be extracted from which file, in the order of the utterances.

    Raises:
        InputError: one table names an utterance that the other lacks.
    """
    by_utterance: dict[str, list[tuple[str, int, int]]] = {key: [] for key in utterances["utterance"]}
    for row in segments.to_dict("records"):
        if row["utterance"] not in by_utterance:
            raise InputError(
                f"segment {row['segment']} belongs to the utterance {row['utterance']}, which the table of utterances "
                "lacks; run `dvc repro`, which makes both tables anew"
            )
        by_utterance[row["utterance"]].append((row["segment"], row["start_frame"], row["num_frames"]))
    if missing := [key for key, found in by_utterance.items() if not found]:
        raise InputError(
            f"{len(missing)} utterances have no segment, the first is {missing[0]}; "
            "run `dvc repro`, which makes the table of segments anew"
        )
    return [
        Recording(utterance, corpus_path / path, tuple(by_utterance[utterance]))
        for utterance, path in zip(utterances["utterance"], utterances["path"], strict=True)
    ]


def features(recording: Recording, cmvn: Cmvn) -> list[tuple[str, Matrix]]:
    """Decode one recording and make the matrices of its segments.

    Returns:
        (key, (num_frames, 257) float32) of each segment.

    Raises:
        InputError: the file cannot be read, or its frames are not those that its segments were cut from.
    """
    try:
        samples = load(recording.path)
    except AudioError as error:
        raise InputError(
            f"{recording.path} of utterance {recording.utterance} could be read when the corpus was ingested "
            f"and cannot now ({error}). Put the recording back, or run `dvc repro` to ingest the corpus as it is"
        ) from None
    values = spectrogram(torch.from_numpy(samples))
    expected = max(start + length for _, start, length in recording.segments)
    if len(values) != expected:
        raise InputError(
            f"{recording.path} of utterance {recording.utterance} has {len(values)} frames of 10 ms; expected the "
            f"{expected} that its segments were cut from. The recording changed: run `dvc repro` to ingest it again"
        )
    pieces = normalised_segments(values, [(start, length) for _, start, length in recording.segments], cmvn)
    return [(key, piece.numpy()) for (key, _, _), piece in zip(recording.segments, pieces, strict=True)]


def _in_order(recordings: list[Recording], cmvn: Cmvn, workers: int) -> Iterator[list[tuple[str, Matrix]]]:
    """The features of each recording in turn, made by `workers` processes that are never far ahead."""
    # Spawned, not forked: a fork of a process that has used threads (torch's, FFmpeg's) can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker)
    running: deque[Future[list[tuple[str, Matrix]]]] = deque()
    done = submitted = 0
    try:
        while done < len(recordings):
            while submitted < min(len(recordings), done + _AHEAD * workers):
                running.append(pool.submit(features, recordings[submitted], cmvn))
                submitted += 1
            yield running.popleft().result()
            done += 1
    except BrokenProcessPool:
        at = recordings[done]
        raise InputError(
            f"a worker process died at or soon after {at.path} of utterance {at.utterance} ({done} of "
            f"{len(recordings)} were done); most often memory ran out, with {workers} processes at work. "
            "Set execution.workers in params.yaml to fewer and run `dvc repro` again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    # As many threads as cores in each of as many processes as cores would slow all of them down.
    torch.set_num_threads(1)
    prepare_worker()
