"""Several channels to one: their mean, unless they cancel each other.

A microphone with reversed polarity, or a balanced line recorded as stereo, gives two channels that are each other's
negative. Their mean is nothing, or only noise. **The rule**: where the mean is more than 20 dB weaker than the
strongest channel, that channel is taken instead (the first of those within 1 dB). The mean of unrelated or similar
channels is never so weak: of two it is at most 6 dB below the stronger.

A channel is called silent if it is more than 50 dB below the strongest. The mean is still taken then, with its lower
level, which the normalisation of the features removes; the user is told.

Levels are powers around the mean of each block, so that a constant offset counts as nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.recording import Note, Samples

CANCELLED = 10.0 ** (-20 / 10)
ALIKE = 10.0 ** (-1 / 10)
SILENT = 10.0 ** (-50 / 10)


def mix(block: Samples, channel: int | None = None) -> Samples:
    """One channel of a block of several.

    Args:
        block: (samples, channels).
        channel: the channel to take; None takes the mean of all.
    """
    channels = block.shape[1]
    if channel is not None or channels == 1:
        return np.ascontiguousarray(block[:, channel or 0])
    # Column by column, which is much faster than a sum along the short axis.
    total = block[:, 0].copy()
    # The sum of opposite infinite samples is not a number; the caller reports it.
    with np.errstate(invalid="ignore", over="ignore"):
        for number in range(1, channels):
            total += block[:, number]
        return np.asarray(total / np.float32(channels), dtype=np.float32)


class Levels:
    """The power of every channel and of their mean, summed over the blocks of a recording."""

    def __init__(self, channels: int) -> None:
        self._channels: NDArray[np.float64] = np.zeros(channels)
        self._mean = 0.0

    def add(self, block: Samples, mean: Samples) -> None:
        """Count a block (samples, channels) and the mean of its channels (samples,)."""
        if len(self._channels) > 1:
            self._channels += [_power(block[:, number]) for number in range(block.shape[1])]
            self._mean += _power(mean)

    def instead(self) -> int | None:
        """The channel to take instead of the mean, which cancels; None if the mean is good."""
        strongest = self._channels.max()
        if len(self._channels) > 1 and self._mean < CANCELLED * strongest:
            return int(np.argmax(self._channels >= ALIKE * strongest))
        return None

    def notes(self) -> tuple[Note, ...]:
        """What a user should know."""
        number = len(self._channels)
        if number == 1:
            return ()
        if (channel := self.instead()) is not None:
            text = f"its {number} channels cancel each other (opposite phase), so channel {channel + 1} is taken alone"
            return (Note("channels", text),)
        silent = np.flatnonzero(self._channels < SILENT * self._channels.max()) + 1
        if not len(silent):
            return ()
        names = " and ".join(map(str, silent[:3])) + (f" and {len(silent) - 3} more" if len(silent) > 3 else "")
        return (Note("channels", f"of its {number} channels, {names} {'is' if len(silent) == 1 else 'are'} silent"),)


def _power(samples: Samples) -> float:
    # Infinite and enormous samples are refused by the caller.
    with np.errstate(invalid="ignore", over="ignore"):
        values = samples - samples.mean(dtype=np.float64).astype(np.float32)
        return float(np.dot(values, values))
