"""Emo-DB, the Berlin database: ten actors speak ten German sentences in seven emotions.

File name: speaker (two digits), text (a letter and two digits), emotion (German initial), version. This is the first
edition with 535 recordings; EmoDB 2.0 has 816, of which 281 had low agreement, and is refused.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.core.errors import InputError
from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_LETTERS = {
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "joy", "T": "sadness", "N": "neutral",
}  # fmt: skip
"""Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral."""

ACTORS: dict[str, Gender] = {
    "spk03": "M", "spk08": "F", "spk09": "F", "spk10": "M", "spk11": "M", "spk12": "M", "spk13": "F", "spk14": "F",
    "spk15": "M", "spk16": "F",
}  # fmt: skip

COUNTS = {"joy": 71, "anger": 127, "sadness": 62, "fear": 69, "neutral": 79, "disgust": 46, "boredom": 81}

PER_ACTOR = {
    "spk03": 49, "spk08": 58, "spk09": 43, "spk10": 38, "spk11": 55, "spk12": 35, "spk13": 61, "spk14": 69, "spk15": 56,
    "spk16": 71,
}  # fmt: skip
"""Counted from the owner's file names; the owner left out recordings that listeners did not recognise."""

TEXTS = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")

NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])([a-z]?)", re.IGNORECASE)


def recognise(path: PurePosixPath) -> Recording | str:
    """The recording of a file of Emo-DB or EmoDB 2.0 by its name, or the reason for rejecting it."""
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no Emo-DB name"
    if "laryngo" in (folder.lower() for folder in folders_upward(path)):
        return "not a recording: a laryngograph's signal"
    speaker, text, emotion, version = name[1], name[2].lower(), name[3].upper(), name[4].lower()
    actor = f"spk{speaker}"
    if actor not in ACTORS:
        return f"not a recording: Emo-DB has no speaker {speaker}"
    # Some copies have names in capitals; the position of a letter decides what it means.
    plain = f"{speaker}{text}{emotion}{version}"
    return Recording(path.as_posix(), plain, EMOTION_LETTERS[emotion], actor, ACTORS[actor], actor, {"text": text})


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, recognise)
    found = len({recording.name for recording in recordings})
    laryngo = sum(entry.reason.endswith("laryngograph's signal") for entry in rejected)
    if found > sum(COUNTS.values()) or (laryngo and found):
        raise InputError(
            f"{folder.root} holds {found} recordings{f' and {laryngo} of a laryngograph' if laryngo else ''}: this "
            f"looks like EmoDB 2.0 (816 recordings, 281 of them of low agreement); expected the first edition of "
            f"{sum(COUNTS.values())}, on which published results are compared; get it from {SOURCE}, or set "
            "reader: emodb2"
        )
    return Scan(recordings, rejected, layout="first edition")


SOURCE = "http://emodb.bilderbar.info/ (download.zip, 40.5 MB)"

READER = Reader(
    name="emodb",
    title="Emo-DB",
    source=SOURCE,
    licence="free for research; cite the paper",
    paper="Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss (2005): A Database of German Emotional Speech. Interspeech",
    tree="""\
wav/              or wav_corpus/, or no folder
  03a01Fa.wav     speaker 03, text a01, Freude, version a
  ...
erkennung.txt     not needed""",
    scan=_scan,
    recognise=recognise,
    actors=ACTORS,
    columns={"text": TEXTS},
    emotions=COUNTS,
    per_actor=PER_ACTOR,
)
