"""A small source-filter voice that speaks a nonsense sentence with an emotion.

A glottal pulse train (the KLGLOTT88 flow of Klatt & Klatt 1990) is filtered with the formants of a few vowels, whose
frequencies depend on the length of the speaker's vocal tract. Breath, fricatives and faint room noise are added. A
`Manner` is the effect of an emotion on a voice: pitch, contour, tempo, roughness, tremor, breath, effort (after Scherer
2003, Table 2).

The features of this project remove each recording's mean level and long-term spectrum. Therefore emotions differ in
what varies: spacing, slope and blur of the harmonics, rhythm, onsets, and how brightness depends on loudness.

Equal arguments give equal samples on any machine with the pinned versions: random numbers are uniform draws of PCG64,
samples are computed with arithmetic and recursive filters only, and the values of `exp`, `cos` and powers, which differ
in the last digit between processors, are rounded.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Signal = npt.NDArray[np.float64]

RATE = 16_000
"""Hz, sampling rate of the voice."""

CONTROL_RATE = 200
"""Hz, sampling rate of pitch, loudness and vowel tracks."""

DIGITS = 9
"""Decimals to which values of transcendental functions are rounded."""


@dataclass(frozen=True)
class Manner:
    """The way in which something is said. Semitones are relative to the speaker's own pitch."""

    pitch: float  # semitones
    span: float  # semitones, rise of stressed syllables
    slope: float  # semitones from the first to the last syllable of a phrase
    glide: float  # semitones within a syllable
    tempo: float  # syllables per second, relative
    jitter: float  # irregularity of glottal closures, share of a period
    rough: float  # every other pulse weaker by this share
    tremor: float  # semitones of a 5 to 8 Hz wobble of pitch, loudness with it
    breath: float  # noise in addition to the pulses
    effort: float  # from 0, dark and soft, to 1, bright and pressed, at full loudness
    attack: float  # s, onset of a syllable
    clarity: float  # from 0, mumbled, to 1, clearly articulated vowels


MANNERS = {
    #                 pitch span slope glide tempo jitter rough tremor breath effort attack clarity
    "neutral": Manner(0.0, 2.0, -2.0, -0.3, 1.00, 0.010, 0.02, 0.0, 0.06, 0.45, 0.035, 0.75),
    "joy": Manner(5.0, 5.0, 0.5, 3.5, 1.10, 0.005, 0.00, 0.0, 0.03, 0.65, 0.025, 0.95),
    "anger": Manner(3.0, 3.5, -3.0, -2.5, 1.15, 0.045, 0.45, 0.0, 0.03, 0.95, 0.008, 1.00),
    "sadness": Manner(-1.5, 0.8, -2.5, -0.8, 0.75, 0.015, 0.03, 0.1, 0.35, 0.15, 0.070, 0.45),
    "fear": Manner(6.0, 1.5, 0.5, 0.3, 1.25, 0.030, 0.05, 1.5, 0.15, 0.50, 0.020, 0.65),
    "disgust": Manner(-1.5, 2.5, -4.0, -2.0, 0.80, 0.040, 0.20, 0.0, 0.10, 0.55, 0.040, 0.90),
    "surprise": Manner(6.5, 6.0, 5.0, 4.0, 1.00, 0.010, 0.02, 0.0, 0.10, 0.60, 0.020, 0.90),
    "boredom": Manner(-2.0, 0.5, -1.0, -0.3, 0.75, 0.012, 0.04, 0.0, 0.08, 0.25, 0.060, 0.40),
    "calm": Manner(-0.5, 1.2, -1.5, 0.0, 0.85, 0.008, 0.01, 0.0, 0.12, 0.30, 0.050, 0.70),
}

# How much emotions overlap: chosen so that a small network makes some errors, as on real voices.
EXPRESSIVITY = (0.75, 1.15)
"""Share of a manner's distance from neutral, of the least and of the most expressive speaker."""
TAKE_SPREAD = Manner(1.0, 0.7, 1.0, 0.6, 0.07, 0.004, 0.05, 0.15, 0.03, 0.08, 0.006, 0.08)
"""Standard deviation of each property between takes."""
HABIT = 0.6
"""Standard deviation of a speaker's own habits, in `TAKE_SPREAD`s; pitch and tempo also have their own below."""
ROOM = 0.004
"""Peak of the room noise before its filter, for speech with a peak of 1."""

# The limits of a voice.
_LEAST = Manner(-12.0, 0.0, -12.0, -12.0, 0.5, 0.002, 0.0, 0.0, 0.01, 0.05, 0.005, 0.1)
_MOST = Manner(14.0, 12.0, 12.0, 12.0, 1.6, 0.1, 0.6, 2.0, 0.6, 1.0, 0.1, 1.0)


@dataclass(frozen=True)
class Speaker:
    """An actor's voice.

    Attributes:
        name: name of the speaker, the seed of all random numbers of the speaker.
        gender: F or M.
        pitch: mean pitch in semitones above 100 Hz.
        tract: length of the vocal tract, relative to the mean of men.
        tempo: syllables per second, relative.
        loudness: peak of the samples; full scale is 1.
        expressivity: share of a manner's distance from neutral.
        habits: constant deviation from each property of a manner, in `TAKE_SPREAD`s, in the order of `Manner`.
    """

    name: str
    gender: str
    pitch: float
    tract: float
    tempo: float
    loudness: float
    expressivity: float
    habits: tuple[float, ...]


# Hz, first three formants of a man's vowels (Peterson & Barney 1952); the first vowel is that of mumbling.
_VOWELS = (
    (500, 1500, 2500),
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
_HIGHER = (3500, 4500, 5600)  # Hz, formants that all vowels share
_BANDWIDTHS = (70, 100, 140, 220, 320, 500)  # Hz
_SYLLABLE = 0.19  # s, of neutral speech
_PHRASE = 9  # syllables before a pause
_PAUSE = 0.22  # s


def speaker(name: str, gender: str) -> Speaker:
    """The voice of the actor `name`, which is always the same."""
    draw = generator("speaker", name)
    level, length, tempo, loudness, strength = draw.random(5)
    low, high = EXPRESSIVITY
    woman = gender == "F"
    return Speaker(
        name=name,
        gender=gender,
        pitch=(10.0 if woman else 0.5) + 5.0 * level,
        tract=(0.82 if woman else 0.95) + 0.1 * length,
        tempo=0.85 + 0.3 * tempo,
        loudness=0.12 + 0.5 * loudness,
        expressivity=low + (high - low) * strength,
        habits=tuple(HABIT * _bell(draw, len(fields(Manner)))),
    )


def speak(voice: Speaker, emotion: str, text: str, take: int, syllables: int) -> Signal:
    """One recording of `voice`.

    Args:
        voice: voice of the speaker.
        emotion: one of `MANNERS`.
        text: name of the sentence; the same text has the same syllables for every speaker.
        take: number of the repetition.
        syllables: length of the sentence, about 5 syllables per second.

    Returns:
        Samples at `RATE` within -1 and 1, shape (samples,).
    """
    draw = generator("take", voice.name, emotion, text, str(take))
    manner = _acted(voice, emotion, draw)
    tracks = _plan(voice, manner, text, syllables, draw)
    samples = _render(voice, manner, tracks, draw)
    return samples * (voice.loudness / float(np.abs(samples).max()))


def generator(*names: str) -> np.random.Generator:
    """Random numbers that depend on `names` only."""
    return np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()) for name in names]))


def _bell(draw: np.random.Generator, count: int) -> Signal:
    """Approximately normal draws with mean 0 and standard deviation 1, from uniform draws."""
    return (draw.random(count) + draw.random(count) + draw.random(count) - 1.5) * 2.0


def _acted(voice: Speaker, emotion: str, draw: np.random.Generator) -> Manner:
    """The manner of one take: the emotion scaled by expressivity, with the speaker's habits and random deviations."""
    neutral, intended = np.array(astuple(MANNERS["neutral"])), np.array(astuple(MANNERS[emotion]))
    deviation = np.array(voice.habits) + _bell(draw, neutral.size)
    values = neutral + voice.expressivity * (intended - neutral) + np.array(astuple(TAKE_SPREAD)) * deviation
    return Manner(*np.clip(values, astuple(_LEAST), astuple(_MOST)).tolist())


@dataclass(frozen=True)
class _Tracks:
    """The controls of the voice at `CONTROL_RATE`, shape (times,); `vowels`: shape (6, times)."""

    hertz: Signal
    loudness: Signal
    fricative: Signal
    vowels: Signal


def _plan(voice: Speaker, manner: Manner, text: str, syllables: int, draw: np.random.Generator) -> _Tracks:
    """The tracks of a sentence: its syllables, one after another."""
    script = generator("text", text)
    vowels = script.integers(1, len(_VOWELS), syllables)
    stresses = np.where(np.arange(syllables) % 2 == script.integers(2), 1.0, 0.35 * script.random(syllables))
    onsets = script.choice(("fricative", "stop", "soft"), syllables)
    pace = _SYLLABLE / (voice.tempo * manner.tempo)
    deviation = _bell(draw, 3 * syllables).reshape(3, syllables)

    parts: list[Signal] = [_silence(0.05 + 0.08 * draw.random())]
    for place in range(syllables):
        position = place % _PHRASE
        if place and not position:
            parts.append(_silence(_PAUSE * (0.5 + draw.random()) / manner.tempo))
        last = position == _PHRASE - 1 or place == syllables - 1
        seconds = pace * (0.8 + 0.4 * stresses[place] + 0.35 * last) * (1 + 0.12 * deviation[0, place])
        semitones = (
            voice.pitch + manner.pitch
            + manner.span * (stresses[place] - 0.4)
            + manner.slope * (position / (_PHRASE - 1) - 0.5)
            + 0.5 * deviation[1, place]
        )  # fmt: skip
        level = (0.55 + 0.45 * stresses[place]) * (1 + 0.1 * deviation[2, place]) * (1 - 0.03 * position)
        parts.append(_syllable(manner, seconds, semitones, level, onsets[place], vowels[place]))
    parts.append(_silence(0.05 + 0.08 * draw.random()))
    semitones, loudness, fricative, *weights = np.concatenate(parts, axis=1)

    times = np.arange(loudness.size) / CONTROL_RATE
    wobble = _smooth(_triangle(times * (5 + 3 * draw.random()) + draw.random()), 0.01)
    semitones = _smooth(semitones, 0.012) + manner.tremor * wobble
    return _Tracks(
        hertz=np.round(100 * 2 ** (semitones / 12), DIGITS),
        loudness=_smooth(loudness, 0.004) * (1 + 0.35 * np.minimum(manner.tremor, 1.5) * wobble),
        fricative=_smooth(fricative, 0.008),
        vowels=_smooth(np.array(weights), 0.015),
    )


def _syllable(manner: Manner, seconds: float, semitones: float, level: float, onset: str, vowel: int) -> Signal:
    """Tracks of one syllable, shape (3 + 6, times): semitones, loudness, fricative, weight of each vowel."""
    count = max(8, round(seconds * CONTROL_RATE))
    consonant = min(count // 3, round((0.06 if onset == "fricative" else 0.035) * CONTROL_RATE))
    rows = np.zeros((3 + len(_VOWELS), count))
    inside = np.arange(count - consonant) / CONTROL_RATE
    rows[0] = semitones + manner.glide * (np.arange(count) / count - 0.5)
    rise = np.minimum(1.0, (inside + 1 / CONTROL_RATE) / manner.attack)
    fall = np.minimum(1.0, (inside[::-1] + 1 / CONTROL_RATE) / 0.05)
    rows[1, consonant:] = level * rise * fall * (1 - 0.3 * inside / inside[-1])
    if onset == "soft":
        rows[1, :consonant] = 0.25 * level
    if onset == "fricative":
        rows[2, :consonant] = 0.12 * (0.5 + manner.effort)
    rows[3] = 1 - manner.clarity
    rows[3 + vowel] = manner.clarity
    return rows


def _silence(seconds: float) -> Signal:
    rows = np.zeros((3 + len(_VOWELS), round(seconds * CONTROL_RATE)))
    rows[3] = 1
    return rows


def _render(voice: Speaker, manner: Manner, tracks: _Tracks, draw: np.random.Generator) -> Signal:
    """Samples of the tracks, shape (samples,)."""
    count = tracks.hertz.size * RATE // CONTROL_RATE
    hertz, loudness, fricative = (_at_rate(track, count) for track in (tracks.hertz, tracks.loudness, tracks.fricative))
    flow = _glottal_flow(hertz, manner, draw)
    pulses = np.diff(flow, prepend=0.0)
    # A loud voice is brighter than a soft one, and the difference grows with effort.
    dark = 5 * lfilter([0.06], [1, -0.94], pulses)
    bright = manner.effort * np.minimum(1.0, loudness)
    noise = draw.random((3, count)) - 0.5
    excitation = loudness * (bright * pulses + (1 - bright) * dark + 0.2 * manner.breath * noise[0] * (0.3 + flow))
    samples: Signal = 0.3 * fricative * lfilter([1, -0.9], [1, 0.5], noise[1])
    for weights, formants in zip(tracks.vowels, _VOWELS, strict=True):
        gain, poles = _formant_filter([formant / voice.tract for formant in (*formants, *_HIGHER)])
        samples = samples + lfilter([gain], poles, _at_rate(weights, count) * excitation)
    room: Signal = 2 * ROOM * lfilter([0.2], [1, -0.8], noise[2])
    return samples / float(np.abs(samples).max()) + room


def _glottal_flow(hertz: Signal, manner: Manner, draw: np.random.Generator) -> Signal:
    """Air flow through the glottis, from 0 to 1 in every cycle, for the pitch `hertz` at each sample."""
    cycles = np.cumsum(hertz) / RATE
    count = int(cycles[-1]) + 2
    closures = np.interp(np.arange(count) + manner.jitter * _bell(draw, count), cycles, np.arange(cycles.size))
    strength = 1 + 2 * manner.jitter * _bell(draw, count) - manner.rough * (np.arange(count) % 2)
    here = np.arange(cycles.size)
    cycle = np.clip(np.searchsorted(closures, here, side="right") - 1, 0, count - 2)
    period = np.maximum(closures[cycle + 1] - closures[cycle], 1.0)
    opened = 0.75 - 0.3 * manner.effort  # share of a cycle
    phase = np.clip((here - closures[cycle]) / period / opened, 0.0, 1.0)
    return strength[cycle] * 6.75 * phase * phase * (1 - phase)


def _formant_filter(formants: Sequence[float]) -> tuple[float, Signal]:
    """Gain and denominator of the all-pole filter with resonances at `formants` (Hz) and gain 1 at 0 Hz."""
    poles = np.ones(1, np.float64)
    for frequency, bandwidth in zip(formants, _BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / RATE)
        pair: Signal = np.array([1.0, -2 * radius * np.cos(2 * np.pi * frequency / RATE), radius * radius])
        poles = np.round(np.convolve(poles, pair), DIGITS)
    return float(poles.sum()), poles


def _at_rate(track: Signal, count: int) -> Signal:
    """A track resampled from `CONTROL_RATE` to `RATE`, shape (count,)."""
    samples: Signal = np.interp(np.arange(count) * (CONTROL_RATE / RATE), np.arange(track.size), track)
    return samples


def _smooth(track: Signal, seconds: float) -> Signal:
    """First-order smoothing along the last axis, forwards and backwards so that nothing is shifted.

    `seconds` is the time constant of each direction.
    """
    weight = 1 / (1 + seconds * CONTROL_RATE)
    forward = _follow(track, weight)
    return _follow(forward[..., ::-1], weight)[..., ::-1]


def _follow(track: Signal, weight: float) -> Signal:
    smoothed: Signal = lfilter([weight], [1, weight - 1], track, zi=(1 - weight) * track[..., :1])[0]
    return smoothed


def _triangle(turns: Signal) -> Signal:
    """A triangle wave between -1 and 1 with period 1."""
    return 4 * np.abs(turns % 1.0 - 0.5) - 1
