"""Emotions over time in a long recording: overlapping windows, and stretches of one emotion of a least length."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SAMPLE_RATE, SHIFT
from pipeline.core.errors import InputError
from pipeline.features.segmentation import FRAMES_PER_SECOND
from pipeline.prediction.segments import Bounds, Scored

SHORTEST = 0.1
"""Shortest window and step in seconds; ten frames."""


@dataclass(frozen=True)
class Grid:
    """The windows of a timeline, and the least length of its stretches.

    Attributes:
        window: seconds of a window, what the classifiers get at once.
        every: seconds from one window to the next.
        minimum: least length of a stretch in seconds.
    """

    window: float
    every: float
    minimum: float

    def refuse_mistakes(self) -> None:
        """Refuse values that give no timeline.

        Raises:
            InputError: a value is too small, or windows leave gaps between them.
        """
        for name, value in (("--window", self.window), ("--every", self.every)):
            if not np.isfinite(value) or value < SHORTEST:
                raise InputError(f"{name} is {value:g} s; expected at least {SHORTEST:g}")
        if self.every > self.window:
            raise InputError(
                f"--every is {self.every:g} s and windows are {self.window:g} s, so that parts of a recording would be "
                "in no window; expected at most the length of a window"
            )
        if not np.isfinite(self.minimum) or self.minimum < 0:
            raise InputError(f"--minimum is {self.minimum:g} s; expected 0 or more")

    @property
    def rule(self) -> Callable[[int], Bounds]:
        """The function from the number of frames of a recording to the bounds of its windows.

        Windows begin every `every` seconds; the last one ends with the recording. A shorter recording is one window.
        """
        length, step = (round(value * FRAMES_PER_SECOND) for value in (self.window, self.every))

        def bounds(frames: int) -> Bounds:
            if frames <= length:
                return [(0, frames)]
            starts = [*range(0, frames - length, step), frames - length]
            return [(start, length) for start in starts]

        return bounds


@dataclass(frozen=True)
class Stretch:
    """A part of a recording with one emotion.

    Attributes:
        start: where it begins, in seconds.
        end: where it ends.
        label: position of its class.
        probability: mean probability of that class in it.
    """

    start: float
    end: float
    label: int
    probability: float


@dataclass(frozen=True)
class Timeline:
    """Probabilities over time.

    Attributes:
        edges: (cells + 1,) seconds between which probabilities are constant; the first is 0, the last the end.
        probabilities: (cells, classes) mean over the windows that cover a cell, and over classifiers.
        spread: (cells, classes) standard deviation over classifiers; 0 with one.
        stretches: consecutive parts, which cover the recording.
    """

    edges: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    spread: NDArray[np.float64]
    stretches: tuple[Stretch, ...]


def timeline(scored: Scored, grid: Grid) -> Timeline:
    """The timeline of a recording whose windows were scored.

    Args:
        scored: probabilities of the windows of `grid.rule`.
        grid: how the recording was cut.
    """
    starts = np.array([start for start, _ in scored.bounds], np.int64)
    ends = starts + np.array([length for _, length in scored.bounds], np.int64)
    # A cell reaches from one start or end of a window to the next, at most `every` wide.
    frames = np.unique(np.concatenate([starts, ends]))
    first, last = np.searchsorted(frames, starts), np.searchsorted(frames, ends)
    cells, members, classes = len(frames) - 1, *scored.members.shape[1:]
    # Sums over windows as differences of sums up to each cell, so that the cost does not grow with the overlap.
    changes, covering = np.zeros((cells + 1, members, classes)), np.zeros(cells + 1)
    np.add.at(changes, first, scored.members)
    np.add.at(changes, last, -scored.members)
    np.add.at(covering, first, 1)
    np.add.at(covering, last, -1)
    by_member = changes.cumsum(axis=0)[:-1] / covering.cumsum()[:-1, None, None]
    by_member = np.clip(by_member, 0, 1)
    by_member /= by_member.sum(axis=-1, keepdims=True)
    edges = frames * (SHIFT / SAMPLE_RATE)
    edges[-1] = scored.seconds  # behind the last frame there are up to 25 ms more
    probabilities = by_member.mean(axis=1)
    return Timeline(edges, probabilities, by_member.std(axis=1), _stretches(edges, probabilities, grid.minimum))


def _stretches(edges: NDArray[np.float64], probabilities: NDArray[np.float64], minimum: float) -> tuple[Stretch, ...]:
    """Cells with the same most probable class, joined; one that is too short takes the more probable neighbour's class.

    The shortest is joined first, the earliest of equal ones.
    """
    labels = probabilities.argmax(axis=1)
    borders = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
    labels = labels[borders[:-1]]
    widths = np.diff(edges)
    mass = np.concatenate([np.zeros((1, probabilities.shape[1])), (probabilities * widths[:, None]).cumsum(axis=0)])
    while len(labels) > 1:
        lengths = np.diff(edges[borders])
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= minimum - 1e-9:
            break
        own = mass[borders[shortest + 1]] - mass[borders[shortest]]
        neighbours = [int(labels[place]) for place in (shortest - 1, shortest + 1) if 0 <= place < len(labels)]
        labels[shortest] = max(neighbours, key=lambda label: float(own[label]))
        same = [
            place
            for place in (shortest, shortest + 1)
            if 0 < place < len(labels) and labels[place - 1] == labels[place]
        ]
        borders, labels = np.delete(borders, same), np.delete(labels, same)
    return tuple(
        Stretch(
            float(edges[begin]), float(edges[end]), label,
            float((mass[end] - mass[begin])[label] / (edges[end] - edges[begin])),
        )
        for (begin, end), label in zip(itertools.pairwise(borders.tolist()), labels.tolist(), strict=True)
    )  # fmt: skip
