"""SUBESCO: twenty actors speak ten Bangla sentences in seven emotions, five times each.

File name: gender, number and name of the speaker, `S` and the number of the sentence, emotion, take.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import cast

from pipeline.core.wording import enumerated
from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_NAMES = {
    "ANGRY": "anger", "DISGUST": "disgust", "FEAR": "fear", "HAPPY": "joy", "NEUTRAL": "neutral", "SAD": "sadness",
    "SURPRISE": "surprise",
}  # fmt: skip

SPEAKERS, SENTENCES, TAKES = 20, 10, 5

NAME = re.compile(rf"([FM])_(\d\d)_([A-Z]+)_S_(\d\d?)_({'|'.join(EMOTION_NAMES)})_(\d)", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no SUBESCO name"
    sentence, take = int(name[4]), int(name[6])
    if not 1 <= sentence <= SENTENCES or not 1 <= take <= TAKES:
        return f"not a recording: SUBESCO has no take {take} of sentence {sentence}"
    gender = cast(Gender, name[1].upper())
    actor = f"{gender}_{name[2]}"
    columns = {"text": f"S_{sentence}", "take": str(take)}
    emotion = EMOTION_NAMES[name[5].upper()]
    return Recording(path.as_posix(), path.stem.upper(), emotion, actor, gender, actor, columns)


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    names: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        names[recording.actor].add(recording.name.split("_")[2])
    notes = [
        f"warning: speaker {actor} is called {enumerated(sorted(several))}; they are treated as one person"
        for actor, several in sorted(names.items())
        if len(several) > 1
    ]
    return Scan(recordings, rejected, notes=tuple(notes))


READER = Reader(
    name="subesco",
    title="SUBESCO",
    source="https://zenodo.org/record/4526477",
    licence="CC BY 4.0",
    paper="Sultana, Rahman, Selim, Iqbal (2021): SUST Bangla Emotional Speech Corpus (SUBESCO). PLoS ONE 16(4)",
    tree="""\
F_02_MONIKA_S_1_NEUTRAL_5.wav   woman, speaker 02, her name, sentence 1, neutral, take 5; in any folders
...""",
    scan=_scan,
    recognise=_recognise,
    emotions=dict.fromkeys(EMOTION_NAMES.values(), SPEAKERS * SENTENCES * TAKES),
    columns={
        "text": tuple(f"S_{number}" for number in range(1, SENTENCES + 1)),
        "take": tuple(str(number) for number in range(1, TAKES + 1)),
    },
    unknown="the owner's documents give no list of the speakers' numbers: ten women and ten men are expected, and "
    "their numbers are taken from the file names",
)
