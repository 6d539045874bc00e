"""TESS: two women speak 200 English words in the phrase "Say the word ..." in seven emotions.

File name: speaker, word, emotion. One file of the release is named `OA_bite_neutral.wav` and is of the older speaker.
Popular copies hold every file twice, which count once. With two actors it cannot be split over more than two folds:
use it as a training corpus beside others.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "joy", "neutral": "neutral", "ps": "surprise",
    "sad": "sadness",
}  # fmt: skip
"""ps: pleasant surprise."""

ACTORS: dict[str, Gender] = {"OAF": "F", "YAF": "F"}
"""Older and younger adult female, 64 and 26 years old."""

MISSPELT = {"OA": "OAF"}

WORDS = 200

NAME = re.compile(rf"(OAF|YAF|OA)_([A-Za-z'-]+)_({'|'.join(EMOTION_CODES)})", re.IGNORECASE)
FOLDER = re.compile(r"(OAF|YAF)_.*", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no TESS name"
    actor, word, code = MISSPELT.get(name[1].upper(), name[1].upper()), name[2].lower(), name[3].lower()
    for folder in folders_upward(path):
        if (named := FOLDER.fullmatch(folder)) and named[1].upper() != actor:
            return f"misplaced: speaker {actor} in the folder {folder}"
    columns = {"text": word}
    return Recording(
        path.as_posix(), f"{actor}_{word}_{code}", EMOTION_CODES[code], actor, ACTORS[actor], actor, columns
    )


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    return Scan(*sort_files(folder, _recognise))


READER = Reader(
    name="tess",
    title="TESS",
    source="https://doi.org/10.5683/SP2/E8H2MF, or https://tspace.library.utoronto.ca/handle/1807/24487",
    licence="CC BY-NC-ND 4.0",
    paper="Pichora-Fuller, Dupuis (2020): Toronto emotional speech set (TESS). Borealis",
    tree="""\
OAF_angry/              also disgust, Fear, happy, neutral, Pleasant_surprise, Sad; and YAF_...; or no folders
  OAF_back_angry.wav    speaker OAF, the word "back", anger
  ...""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions={emotion: len(ACTORS) * WORDS for emotion in EMOTION_CODES.values()},
    per_actor={actor: len(EMOTION_CODES) * WORDS for actor in ACTORS},
    columns={"text": ()},
)
