"""CaFE: twelve actors speak six Canadian French sentences, neutral and in six emotions of two intensities.

File name: actor, emotion (French initial), intensity, sentence. Actors of odd numbers are men, of even numbers women.
The releases of 48 kHz (WAV) and 192 kHz (AIFF, in two parts) hold the same recordings, which count once.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_LETTERS = {
    "C": "anger", "D": "disgust", "J": "joy", "N": "neutral", "P": "fear", "S": "surprise", "T": "sadness",
}  # fmt: skip
"""Colère, dégoût, joie, neutre, peur, surprise, tristesse."""

INTENSITIES = {"1": "low", "2": "high"}
"""Faible, fort."""

SENTENCES = 6

ACTORS: dict[str, Gender] = {f"actor{number:02d}": "M" if number % 2 else "F" for number in range(1, 13)}

NAME = re.compile(r"(\d\d)-([CDJNPST])-([12])-([1-6])", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no CaFE name"
    actor, emotion = f"actor{name[1]}", EMOTION_LETTERS[name[2].upper()]
    if actor not in ACTORS:
        return f"not a recording: CaFE has no actor {name[1]}"
    intensity = "" if emotion == "neutral" else INTENSITIES[name[3]]
    columns = {"text": f"s{name[4]}", "intensity": intensity}
    return Recording(path.as_posix(), path.stem.upper(), emotion, actor, ACTORS[actor], actor, columns)


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    endings = sorted({PurePosixPath(recording.path).suffix.lower() for recording in recordings})
    return Scan(recordings, rejected, layout=" and ".join(endings))


def _count(emotion: str) -> int:
    return len(ACTORS) * SENTENCES * (1 if emotion == "neutral" else len(INTENSITIES))


READER = Reader(
    name="cafe",
    title="CaFE",
    source="https://zenodo.org/record/1478765 (CaFE_48k.zip)",
    licence="CC BY-NC-SA 4.0",
    paper="Gournay, Lahaie, Lefebvre (2018): A Canadian French Emotional Speech Dataset. ACM MMSys",
    tree="""\
Colère/                 also Dégoût, Joie, Neutre, Peur, Surprise, Tristesse; or no folders
  Faible/               also Fort
    01-C-1-1.wav        actor 01, colère, low intensity, sentence 1
    ...""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions={emotion: _count(emotion) for emotion in EMOTION_LETTERS.values()},
    per_actor={actor: sum(map(_count, EMOTION_LETTERS.values())) // len(ACTORS) for actor in ACTORS},
    columns={
        "text": tuple(f"s{number}" for number in range(1, SENTENCES + 1)),
        "intensity": tuple(INTENSITIES.values()),
    },
)
