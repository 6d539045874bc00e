"""Recordings at another speed or with noise: what any front end that reads audio gets, if its options say so.

A further entry of `frontends` with such an option can be a variant in training (`train.variants`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SHIFT, WINDOW
from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Utterance
from pipeline.frontends.base import FrontEnd, FrontEndOptions

Samples = NDArray[np.float32]


class Varied(FrontEnd[FrontEndOptions]):
    """A front end that gets recordings at the speed and with the noise of its options.

    At another speed a segment has another number of rows than its frames in the table of segments.
    """

    options_class = FrontEndOptions

    def __init__(self, front_end: FrontEnd[Any]) -> None:
        super().__init__(front_end.options)
        if not front_end.reads_audio:
            option = "speed" if self.options.speed != 1 else "noise_snr"
            raise InputError(
                f"{option}: the front end {self.options.kind} does not read the samples, so nothing would change; "
                "remove it"
            )
        self._front_end = front_end
        self.framewise, self.fills_non_finite = front_end.framewise, front_end.fills_non_finite
        self.frequency_axis, self.layers = front_end.frequency_axis, front_end.layers
        self.needs, self.install, self.notice = front_end.needs, front_end.install, front_end.notice
        self.column, self.constant_note = front_end.column, front_end.constant_note
        self.shift, self.exact = front_end.shift, front_end.exact and self.options.speed == 1

    @property
    def dims(self) -> int:
        """See `FrontEnd`."""
        return self._front_end.dims

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`."""
        return self._front_end.matrices(varied(utterance, self.options.speed, self.options.noise_snr))

    @property
    def memory(self) -> int:  # type: ignore[override]
        """See `FrontEnd`."""
        return self._front_end.memory

    @property
    def files(self) -> tuple[str, ...]:
        """See `FrontEnd`."""
        return self._front_end.files

    def account(self, recordings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """See `FrontEnd`."""
        return self._front_end.account(recordings)

    def constant_columns(self, matrix: Matrix) -> int:
        """See `FrontEnd`."""
        return self._front_end.constant_columns(matrix)

    def identity(self) -> dict[str, Any]:
        """See `FrontEnd`."""
        return self._front_end.identity()

    def refuse_if_not_installed(self) -> None:
        """See `FrontEnd`."""
        self._front_end.refuse_if_not_installed()


def varied(utterance: Utterance, speed: float, noise_snr: float | None) -> Utterance:
    """An utterance at another speed, then with noise.

    Args:
        utterance: the utterance.
        speed: factor in hundredths; at 1.1 it is 1.1 times as fast and as high, as Kaldi's speed perturbation makes it.
            One that becomes shorter than a window is followed by silence up to a window.
        noise_snr: decibels from white noise up to the utterance, both as mean power; None: no noise. The noise depends
            on the key of the utterance, or on its path where it has no key, and on nothing else.

    Returns:
        The utterance with other samples, and with segments at the same places of what is said.
    """
    samples, bounds = utterance.samples, utterance.bounds
    if speed != 1:
        samples = _at_speed(samples, speed)
        frames = 1 + (len(samples) - WINDOW) // SHIFT
        bounds = [_scaled(start, length, speed, frames) for start, length in bounds]
    if noise_snr is not None:
        samples = samples + _noise(samples, noise_snr, utterance.key or utterance.path)
    return Utterance(samples, bounds, utterance.key, utterance.path)


def _at_speed(samples: Samples, speed: float) -> Samples:
    from scipy.signal import resample_poly

    changed = np.asarray(resample_poly(samples, 100, round(100 * speed)), dtype=np.float32)
    return np.pad(changed, (0, max(0, WINDOW - len(changed))))


def _scaled(start: int, length: int, speed: float, frames: int) -> tuple[int, int]:
    """A segment of frames in a recording of another length; at least one frame."""
    begin = min(round(start / speed), frames - 1)
    return begin, max(1, min(round((start + length) / speed), frames) - begin)


def _noise(samples: Samples, snr: float, seed: str) -> Samples:
    power = np.square(samples, dtype=np.float64).mean() / 10 ** (snr / 10)
    digest = hashlib.sha256(seed.encode()).digest()
    noise = np.random.default_rng(int.from_bytes(digest[:16])).standard_normal(len(samples), dtype=np.float32)
    noise *= np.float32(np.sqrt(power))
    return noise
