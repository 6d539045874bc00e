"""ESD: ten Chinese and ten English speakers say 350 sentences of their language in five emotions.

The emotion comes from the folder, the speaker from the file name, which the folder of the speaker must not contradict.
Genders are those of the owner's `ReadMe.txt`. The files of a speaker are numbered through the emotions, 350 each.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_FOLDERS = {
    "angry": "anger", "happy": "joy", "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip

WOMEN = frozenset((1, 2, 3, 7, 9, 15, 16, 17, 18, 19))
SPEAKERS, SENTENCES = 20, 350
FIRST_ENGLISH = 11

ACTORS: dict[str, Gender] = {
    f"spk{number:04d}": "F" if number in WOMEN else "M" for number in range(1, SPEAKERS + 1)
}  # fmt: skip

SPLITS = ("train", "evaluation", "test")
"""The owner's folders for voice conversion; the same speakers are in all three."""

NAME = re.compile(r"(\d{4})_(\d{6})")


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no ESD name"
    actor, number = f"spk{name[1]}", int(name[2])
    if actor not in ACTORS or not 1 <= number <= len(EMOTION_FOLDERS) * SENTENCES:
        return f"not a recording: ESD has no file {path.stem}"
    emotion, split = None, ""
    for folder in folders_upward(path):
        if re.fullmatch(r"00\d\d", folder) and folder != name[1]:
            return f"misplaced: speaker {name[1]} in the folder {folder}"
        emotion = emotion or EMOTION_FOLDERS.get(folder.lower())
        split = split or (folder.lower() if folder.lower() in SPLITS else "")
    if emotion is None:
        return "misplaced: not in a folder of an emotion"
    language = "english" if int(name[1]) >= FIRST_ENGLISH else "chinese"
    text = f"{language[:2]}{(number - 1) % SENTENCES + 1:03d}"
    columns = {"text": text, "language": language, "split": split}
    return Recording(path.as_posix(), path.stem, emotion, actor, ACTORS[actor], actor, columns)


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    return Scan(*sort_files(folder, _recognise))


READER = Reader(
    name="esd",
    title="ESD",
    source="https://github.com/HLTSingapore/Emotional-Speech-Data (licence form)",
    licence="research only",
    paper="Zhou, Sisman, Liu, Li (2022): Emotional voice conversion: Theory, databases and ESD. Speech Comm. 137",
    tree="""\
0001/                       to 0020
  Angry/                    also Happy, Neutral, Sad, Surprise
    0001_000351.wav         or in train/, evaluation/ and test/
    ...
  0001.txt                  not needed""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions=dict.fromkeys(EMOTION_FOLDERS.values(), SPEAKERS * SENTENCES),
    per_actor={actor: len(EMOTION_FOLDERS) * SENTENCES for actor in ACTORS},
    columns={"text": (), "language": ("chinese", "english"), "split": SPLITS},
    unknown="that file numbers 1, 351, 701, ... are the same sentence follows from the release's parallel numbering, "
    "not from a document",
)
