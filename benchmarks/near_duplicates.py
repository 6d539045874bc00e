"""How far apart copies and different recordings are for the audit's search for near-duplicates.

    python -m benchmarks.near_duplicates FOLDER [--every 8]

All recordings below FOLDER are compared with each other; each `--every`-th is changed (gain, Ogg Vorbis, 8 kHz, white
noise 30 and 20 dB below it) and compared with itself. Folders with several takes of one sentence by one speaker, such
as RAVDESS, are the hardest. The last line is JSON: the highest correlations of different sounds of like length, and the
lowest of each kind of copy, beside the limit of the audit.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from pipeline.audio.decoding import examine, load
from pipeline.audio.frames import SAMPLE_RATE
from pipeline.audio.recording import FULL_SCALE
from pipeline.audit.sounds import LENGTHS, LIMIT, picture
from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code
from pipeline.corpora.base import AUDIO_ENDINGS

Samples = NDArray[np.float32]


def _ogg(samples: Samples) -> Samples:
    stream = io.BytesIO()
    soundfile.write(stream, samples / FULL_SCALE, SAMPLE_RATE, format="OGG")
    stream.seek(0)
    return np.asarray(soundfile.read(stream, dtype="float32")[0] * FULL_SCALE, np.float32)


def _telephone(samples: Samples) -> Samples:
    return np.asarray(soxr.resample(soxr.resample(samples, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE), np.float32)


def _noisy(decibels: float) -> Callable[[Samples], Samples]:
    draw = np.random.default_rng(0)

    def change(samples: Samples) -> Samples:
        noise = draw.normal(0, 10 ** (-decibels / 20) * samples.std(), len(samples))
        return np.asarray(samples + noise, np.float32)

    return change


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "gain -14 dB": lambda samples: samples / 5,
    "Ogg Vorbis": _ogg,
    "8 kHz": _telephone,
    "noise -30 dB": _noisy(30),
    "noise -20 dB": _noisy(20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=8)
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in AUDIO_ENDINGS)
    sounds = [load(path) for path in paths]
    digests = np.array([examine(path).digest for path in paths])
    lengths = np.array([len(samples) for samples in sounds])
    pictures = np.stack([picture(samples) for samples in sounds])
    alike = np.abs(lengths[:, None] - lengths) <= LENGTHS * np.maximum(lengths[:, None], lengths)
    different = np.triu(alike & (digests[:, None] != digests), 1)
    correlations = np.sort((pictures @ pictures.T)[different])[::-1]
    chosen = list(zip(sounds, pictures, strict=True))[:: options.every]
    copies = {
        name: min(float(picture(change(samples)) @ own) for samples, own in chosen) for name, change in CHANGES.items()
    }
    found = {
        "recordings": len(paths),
        "pairs": int(different.sum()),
        "limit": LIMIT,
        "different": [round(float(one), 4) for one in correlations[:5]],
        "copies": {name: round(lowest, 4) for name, lowest in copies.items()},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    with explained("near_duplicates"):
        refuse_other_code()
        main()
