"""SAVEE: four English men speak TIMIT sentences in seven emotions.

There are three layouts: a folder for each speaker (`AudioData/DC/a01.wav`), speakers in the names (`ALL/DC_a01.wav`),
and `DCa01.wav`. Names without a speaker repeat across speakers. `sa` and `su` have the same first letter, so the first
letter alone does not give the emotion.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "joy", "n": "neutral", "sa": "sadness", "su": "surprise",
}  # fmt: skip

ACTORS: dict[str, Gender] = {"DC": "M", "JE": "M", "JK": "M", "KL": "M"}

PER_SPEAKER = {name: 30 if name == "neutral" else 15 for name in EMOTION_CODES.values()}


def _numbers(emotion: str) -> range:
    return range(1, PER_SPEAKER[emotion] + 1)


NAME = re.compile(r"(?:(DC|JE|JK|KL)[_-]?)?(sa|su|a|d|f|h|n)(\d\d?)", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no SAVEE name"
    emotion, sentence = EMOTION_CODES[name[2].lower()], int(name[3])
    if not 1 <= sentence <= PER_SPEAKER[emotion]:
        return f"not a recording: SAVEE has no sentence {sentence} of {emotion}"
    by_name = name[1].upper() if name[1] else None
    by_folder = next((folder.upper() for folder in folders_upward(path) if folder.upper() in ACTORS), None)
    if by_name and by_folder and by_name != by_folder:
        return f"misplaced: speaker {by_name} in the folder {by_folder}"
    actor = by_name or by_folder
    if actor is None:
        return "misplaced: neither its name nor a folder says the speaker"
    text = f"{name[2].lower()}{sentence:02d}"
    return Recording(path.as_posix(), f"{actor}_{text}", emotion, actor, ACTORS[actor], actor, {"text": text})


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    named = any(PurePosixPath(recording.path).stem[:2].upper() in ACTORS for recording in recordings)
    return Scan(recordings, rejected, layout="speakers in file names" if named else "a folder for each speaker")


READER = Reader(
    name="savee",
    title="SAVEE",
    source="http://kahlan.eps.surrey.ac.uk/savee/ (registration)",
    licence="research only",
    paper="Haq, Jackson (2009): Speaker-dependent audio-visual emotion recognition. AVSP",
    tree="""\
AudioData/
  DC/             also JE, JK, KL
    a01.wav       a anger, d disgust, f fear, h happiness, n neutral, sa sadness, su surprise
    ...
or DC_a01.wav, or DCa01.wav, in any folder""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    columns={"text": tuple(f"{code}{n:02d}" for code, name in EMOTION_CODES.items() for n in _numbers(name))},
    unknown="three sentences are common to all emotions; their file names differ, and so does text",
    emotions={name: len(ACTORS) * count for name, count in PER_SPEAKER.items()},
    per_actor={actor: sum(PER_SPEAKER.values()) for actor in ACTORS},
)
