"""Several channels to one: their mean, unless they cancel each other.

A microphone with reversed polarity, or a balanced line recorded as stereo, gives two channels that are each other's
negative. Their mean is silence, or only noise. **The rule**: where the mean is more than 20 dB weaker than the
strongest channel, that channel is taken instead (the first of those within 1 dB). The mean of unrelated or similar
channels is never so weak: of two it is at most 6 dB below the stronger. If only one of six or more channels has sound,
the mean is also about 20 dB weaker. So with so many channels, the mean must be 6 dB weaker than this one channel alone
would make it.

**In a part of a recording** (a plug with a bad contact, joined recordings of different wiring) the same rule is applied
to every tenth of a second whose strongest channel is at most 20 dB below its level in the whole recording: pauses do
not count. If the channels cancel in more than a second of these, or in more than a tenth of them, the channel that is
least often more than 20 dB weaker than the strongest is taken for the whole recording. The mean is kept where no
channel is better, as with speakers on different channels. A note reports either case.

A channel is called silent if it is more than 50 dB below the strongest. The mean is still taken then, with its lower
level, which the normalisation of the features removes. A note reports this, too.

Levels are powers around the mean of each tenth of a second, so that a constant offset has no effect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.recording import Note, Samples

CANCELLED = 10.0 ** (-20 / 10)
ALIKE = 10.0 ** (-1 / 10)
SOUNDING = 10.0 ** (-20 / 10)
SILENT = 10.0 ** (-50 / 10)

WINDOWS_A_SECOND = 10
MOST_LOST, MOST_LOST_SHARE = WINDOWS_A_SECOND, 0.1
"""Number and share of the windows with sound in which channels may cancel each other without a note."""


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
    """The power of every channel and of their mean in each tenth of a second of a recording."""

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._channels = channels
        self._window = max(1, sample_rate // WINDOWS_A_SECOND)
        self._rest: Samples = np.empty((channels + 1, 0), np.float32)
        self._powers: list[NDArray[np.float64]] = []

    def add(self, block: Samples, mean: Samples) -> None:
        """Count a block (samples, channels) and the mean of its channels (samples,)."""
        if self._channels == 1:
            return
        held = self._rest.shape[1]
        signals = np.empty((self._channels + 1, held + len(block)), np.float32)
        signals[:, :held], signals[:-1, held:], signals[-1, held:] = self._rest, block.T, mean
        whole = signals.shape[1] // self._window * self._window
        if whole:
            self._powers.append(_powers(signals[:, :whole].reshape(len(signals), -1, self._window)))
        self._rest = signals[:, whole:].copy()

    def instead(self) -> int | None:
        """The channel to take instead of the mean, which cancels; None if the mean is good, or no channel is better."""
        if self._channels == 1:
            return None
        powers = self._all_powers()
        if self._cancel(powers):
            strongest = powers[:-1].sum(axis=1).max()
            return int(np.argmax(powers[:-1].sum(axis=1) >= ALIKE * strongest))
        lost, _ = self._lost(powers)
        best = int(np.argmin(lost[:-1]))
        return best if self._partly_cancel(powers) and lost[best] < lost[-1] else None

    def notes(self) -> tuple[Note, ...]:
        """What a user should know."""
        if self._channels == 1:
            return ()
        powers, number, channel = self._all_powers(), self._channels, self.instead()
        taken = "no channel is better than their mean" if channel is None else f"channel {channel + 1} is taken alone"
        if self._cancel(powers):
            return (Note("channels", f"its {number} channels cancel each other (opposite phase), so {taken}"),)
        if self._partly_cancel(powers):
            seconds = self._lost(powers)[0][-1] / WINDOWS_A_SECOND
            text = f"its {number} channels cancel each other (opposite phase) in {seconds:.1f} s of it; {taken}"
            return (Note("channels", text),)
        totals = powers[:-1].sum(axis=1)
        silent = np.flatnonzero(totals < SILENT * totals.max()) + 1
        if not len(silent):
            return ()
        names = " and ".join(map(str, silent[:3])) + (f" and {len(silent) - 3} more" if len(silent) > 3 else "")
        return (Note("channels", f"of its {number} channels, {names} {'is' if len(silent) == 1 else 'are'} silent"),)

    def _all_powers(self) -> NDArray[np.float64]:
        """(channels + 1, windows) powers, of the mean last; the last window may be shorter."""
        pieces = self._powers or [np.zeros((self._channels + 1, 0))]
        if self._rest.size:
            pieces = [*pieces, _powers(self._rest[:, None])]
        return np.concatenate(pieces, axis=1)

    def _weak(self, powers: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each channel, and the mean, is far weaker than the strongest channel of its window."""
        least = np.full((self._channels + 1, 1), CANCELLED)
        # What one channel alone leaves of the mean, and a quarter of that.
        least[-1] = min(CANCELLED, 0.25 / self._channels**2)
        return np.asarray(powers < least * powers[:-1].max(axis=0))

    def _cancel(self, powers: NDArray[np.float64]) -> bool:
        return bool(self._weak(powers.sum(axis=1, keepdims=True))[-1, 0])

    def _lost(self, powers: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
        """Numbers of windows that sound in which each channel, and the mean, is far too weak; and of all that sound."""
        level = powers[:-1].sum(axis=1).max() / max(1, powers.shape[1])
        sounding = powers[:-1].max(axis=0) >= SOUNDING * level
        return np.count_nonzero(self._weak(powers)[:, sounding], axis=1), int(np.count_nonzero(sounding))

    def _partly_cancel(self, powers: NDArray[np.float64]) -> bool:
        lost, sounding = self._lost(powers)
        return bool(lost[-1] > min(MOST_LOST, MOST_LOST_SHARE * sounding))


def _powers(windows: Samples) -> NDArray[np.float64]:
    """(signals, windows) the power of each window of (signals, windows, samples)."""
    # Infinite and enormous samples are refused by the caller.
    with np.errstate(invalid="ignore", over="ignore"):
        values = windows - windows.mean(axis=2, keepdims=True)
        return np.asarray(np.einsum("swn,swn->sw", values, values), dtype=np.float64)
