"""EMOVO: six actors speak 14 Italian sentences in seven emotions.

File name: emotion (three Italian letters), speaker (its letter is the gender), sentence. The originals are stereo.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "dis": "disgust", "gio": "joy", "neu": "neutral", "pau": "fear", "rab": "anger", "sor": "surprise",
    "tri": "sadness",
}  # fmt: skip
"""Disgusto, gioia, neutro, paura, rabbia, sorpresa, tristezza."""

ACTORS: dict[str, Gender] = {"f1": "F", "f2": "F", "f3": "F", "m1": "M", "m2": "M", "m3": "M"}

SENTENCES = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")

NAME = re.compile(r"(dis|gio|neu|pau|rab|sor|tri)-([fm][123])-(b[1-3]|l[1-4]|n[1-5]|d[12])")


def _recognise(path: PurePosixPath) -> Recording | str:
    stem = path.stem.lower()
    name = NAME.fullmatch(stem)
    if name is None:
        return "not a recording: no EMOVO name"
    emotion, actor, sentence = name.groups()
    for folder in folders_upward(path):
        if folder.lower() in ACTORS and folder.lower() != actor:
            return f"misplaced: speaker {actor} in the folder {folder}"
    return Recording(path.as_posix(), stem, EMOTION_CODES[emotion], actor, ACTORS[actor], actor, {"text": sentence})


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    folders = any(PurePosixPath(recording.path).parent.name.lower() in ACTORS for recording in recordings)
    return Scan(recordings, rejected, layout="a folder for each speaker" if folders else "speakers in file names")


READER = Reader(
    name="emovo",
    title="EMOVO",
    source="the corpus's page at Fondazione Ugo Bordoni",
    licence="free for non-commercial use",
    paper="Costantini, Iaderola, Paoloni, Todisco (2014): EMOVO Corpus: an Italian Emotional Speech Database. LREC",
    tree="""\
EMOVO/
  f1/             also f2, f3, m1, m2, m3
    dis-f1-b1.wav
    ...
  documents/      not needed""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    columns={"text": SENTENCES},
    emotions={emotion: len(ACTORS) * len(SENTENCES) for emotion in EMOTION_CODES.values()},
    per_actor={actor: len(EMOTION_CODES) * len(SENTENCES) for actor in ACTORS},
)
