"""nEMO: nine actors speak ninety Polish sentences in six emotions.

File name: speaker, emotion, number of the sentence. Genders are those of the owner's `data.tsv`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_NAMES = {
    "anger": "anger", "fear": "fear", "happiness": "joy", "neutral": "neutral", "sadness": "sadness",
    "surprised": "surprise",
}  # fmt: skip

COUNTS = {"anger": 749, "fear": 736, "joy": 749, "neutral": 809, "sadness": 769, "surprise": 669}

ACTORS: dict[str, Gender] = {
    "EB0": "F", "IC0": "F", "KD0": "F", "KS0": "M", "MK0": "F", "MP0": "M", "SM0": "M", "TP0": "M", "WR0": "M",
}  # fmt: skip

SENTENCES = 90

NAME = re.compile(rf"([A-Z]{{2}}0)_({'|'.join(EMOTION_NAMES)})_(\d\d?)", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no nEMO name"
    actor, emotion, sentence = name[1].upper(), EMOTION_NAMES[name[2].lower()], int(name[3])
    if actor not in ACTORS:
        return f"not a recording: nEMO has no speaker {actor}"
    if not 1 <= sentence <= SENTENCES:
        return f"not a recording: nEMO has no sentence {sentence}"
    stem = f"{actor}_{name[2].lower()}_{sentence}"
    return Recording(path.as_posix(), stem, emotion, actor, ACTORS[actor], actor, {"text": f"s{sentence:02d}"})


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    return Scan(*sort_files(folder, _recognise))


READER = Reader(
    name="nemo",
    title="nEMO",
    source="https://github.com/amu-cai/nEMO, or the data set amu-cai/nEMO of Hugging Face",
    licence="CC BY-NC-SA 4.0",
    paper="Christop (2024): nEMO: Dataset of Emotional Speech in Polish. LREC-COLING",
    tree="""\
samples/              or no folder
  EB0_anger_1.wav     speaker EB0, emotion, sentence 1
  ...
data.tsv              not needed""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions=COUNTS,
    columns={"text": tuple(f"s{number:02d}" for number in range(1, SENTENCES + 1))},
    unknown="the owner states no number of recordings of each speaker",
)
