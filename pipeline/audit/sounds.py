"""The sound of the recordings of a list, where the files are at hand: identical ones, and almost identical ones.

Two recordings are near-duplicates where their spectrograms, each drawn on a grid of `BANDS` mel bands and `SLOTS` equal
slices of time, correlate by at least `LIMIT` after the mean of each band is taken away, and their lengths differ by at
most `LENGTHS`. That finds copies with another gain, coding, sampling rate or added noise; it does not find a part of a
recording, nor one with a longer silence before it. docs/audit.md has the measured figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.audit.files import shown
from pipeline.audit.items import Item
from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.core.workers import decoding_threads
from pipeline.corpora.base import list_folder

BANDS, LOWEST, HIGHEST = 30, 100.0, 3800.0
"""Mel bands up to the bandwidth of a telephone, so that a copy at 8 kHz is still found (Hz)."""

SLOTS = 96

FLOOR = 30.0
"""dB below the loudest point; what is softer counts as this soft, since noise and coding change it."""

LIMIT = 0.97
LENGTHS = 0.02

_ROWS = 1024  # recordings whose correlations are computed at a time

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A recording that was decoded.

    Attributes:
        digest: hash of its rate and mono samples, as `ingest` computes it.
        picture: its spectrogram on the grid, shape (BANDS * SLOTS,), of length 1.
        seconds: its length.
    """

    digest: str
    picture: Picture
    seconds: float


@dataclass(frozen=True)
class SoundCheck:
    """The result of comparing recordings by their sound.

    Attributes:
        items: the items with the hashes of their sounds.
        alike: positions of two items in different parts of a split, and their correlation.
        found: number of items with a sound.
        missing: names of those without a file.
        unreadable: names of those whose file cannot be decoded, with the reason.
    """

    items: list[Item]
    alike: list[tuple[int, int, float]]
    found: int
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]


def check_sounds(items: Sequence[Item], folder: Path) -> SoundCheck:
    """Decode the recordings of a list.

    Args:
        items: the recordings.
        folder: folder that holds their files, directly or below; the longest common end of a path decides.

    Raises:
        InputError: the folder cannot be listed, or holds no file of the list.
    """
    if not folder.is_dir():
        raise InputError(f"--audio {shown(folder)} is no folder; expected the folder with the recordings of the list")
    files = Files(folder)
    places = {source: files.find(source) for source in dict.fromkeys(item.source for item in items if item.source)}
    at_hand = [place for place in dict.fromkeys(places.values()) if place is not None]
    if not at_hand:
        raise InputError(
            f"--audio {shown(folder)} holds none of the {len(places)} files that the list names, such as "
            f"{printable(next(iter(places), 'none'))}; expected the folder with the recordings"
        )
    sounds: dict[str, Sound | str] = {}
    with ThreadPoolExecutor(decoding_threads()) as pool:
        progress = tqdm(pool.map(_decoded, (folder / place for place in at_hand)), total=len(at_hand), desc="decode",
                        unit="recording", disable=None)  # fmt: skip
        sounds.update(zip(at_hand, progress, strict=True))
    known = [sounds.get(places.get(item.source) or "") for item in items]
    by_sound = [
        replace(item, digest=sound.digest) if isinstance(sound, Sound) else item
        for item, sound in zip(items, known, strict=True)
    ]
    missing = [item.name for item in items if item.source and places[item.source] is None]
    unreadable = [
        f"{item.name} ({reason})" for item, reason in zip(items, known, strict=True) if isinstance(reason, str)
    ]
    usable = {n: sound for n, sound in enumerate(known) if isinstance(sound, Sound)}
    return SoundCheck(by_sound, list(_alike(by_sound, usable)), len(usable), tuple(missing), tuple(unreadable))


class Files:
    """The files below a folder, found by the end of a path of somebody else's list."""

    def __init__(self, folder: Path) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in list_folder(folder).files:
            self._by_name[PurePosixPath(path).name].append(path)

    def find(self, source: str) -> str | None:
        """The file whose path has the longest end in common with `source`; None if none or several have it."""
        parts = PurePosixPath(source.replace("\\", "/")).parts
        found = self._by_name.get(parts[-1], []) if parts else []
        common = [_common_end(parts, PurePosixPath(path).parts) for path in found]
        best = [path for path, length in zip(found, common, strict=True) if length == max(common)]
        return best[0] if len(best) == 1 else None


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    """Number of parts that two paths have in common at their ends."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(reversed(one), reversed(other), strict=False)))


def _decoded(path: Path) -> Sound | str:
    from pipeline.audio.decoding import examine, load
    from pipeline.audio.recording import AudioError

    try:
        examined = examine(path)
        return Sound(examined.digest, picture(load(path)), examined.probe.duration_s)
    except AudioError as error:
        return error.reason


def picture(samples: NDArray[np.float32]) -> Picture:
    """The spectrogram of a recording on the grid of bands and slices of time.

    Args:
        samples: mono samples at 16 kHz on the int16 scale, shape (num_samples,), at least one window.

    Returns:
        Shape (BANDS * SLOTS,), the mean of each band taken away, of length 1; zeros for a constant spectrogram.
    """
    import torch

    from pipeline.frontends.kaldi import log_mel
    from pipeline.frontends.mel import mel_filters

    filters = torch.from_numpy(mel_filters(BANDS, LOWEST, HIGHEST))
    energies = log_mel(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), filters).numpy()
    energies = np.maximum(energies, energies.max() - FLOOR / 10 * np.log(10))
    edges = np.linspace(0, len(energies), SLOTS + 1)
    slices = [energies[int(start) : max(int(start) + 1, int(end))] for start, end in pairwise(edges)]
    grid = np.stack([one.mean(0) for one in slices])
    grid -= grid.mean(0)
    length = float(np.linalg.norm(grid))
    return (grid / length if length > 0 else grid).ravel().astype(np.float32)


def _alike(items: Sequence[Item], sounds: Mapping[int, Sound]) -> Iterator[tuple[int, int, float]]:
    """Pairs of different sounds in different parts of one split that are near-duplicates."""
    splits: dict[str, list[int]] = defaultdict(list)
    for position in sounds:
        splits[items[position].split].append(position)
    for positions in splits.values():
        pictures = np.stack([sounds[n].picture for n in positions])
        seconds = np.array([sounds[n].seconds for n in positions])
        for start in range(0, len(positions), _ROWS):
            rows = slice(start, start + _ROWS)
            near = (pictures[rows] @ pictures.T) >= LIMIT
            near &= np.abs(seconds[rows, None] - seconds) <= LENGTHS * np.maximum(seconds[rows, None], seconds)
            for row, column in np.argwhere(near).tolist():
                a, b = positions[start + row], positions[column]
                if a < b and items[a].part != items[b].part and items[a].digest != items[b].digest:
                    yield a, b, float(pictures[start + row] @ pictures[column])
