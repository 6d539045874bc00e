"""eNTERFACE'05: 44 subjects of 14 nations act six emotions in English, on video.

Speaker and emotion come from the folders, since some file names are wrong: all 30 of subject 11 are called `s12_*`,
16 of subject 3 `s_3_*`, and one of subject 16 `s16_su_3avi.avi`. Subject 6 has six long unsegmented recordings,
subject 23 only two recordings of joy; the paper's 42 actors are all but subjects 6 and 12 (`exclude_actors`).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_FOLDERS = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "happiness": "joy", "sadness": "sadness",
    "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip
"""One subject has a folder `neutral`, empty in the owner's copy."""

WOMEN = frozenset((4, 5, 7, 26, 28, 29, 31, 33, 44))
"""From one public source; the corpus itself has no speaker data."""

ACTORS: dict[str, Gender] = {f"subject{number}": "F" if number in WOMEN else "M" for number in range(1, 45)}

UNSEGMENTED = "subject6"

SENTENCES = ("1", "2", "3", "4", "5")

SUBJECT = re.compile(r"subject[ _-]*0*(\d+)", re.IGNORECASE)
SENTENCE = re.compile(r"sentence[ _-]*0*(\d+)", re.IGNORECASE)
FILE = re.compile(r"s_?\d+_(?:an|di|fe|ha|sa|su)(?:_?(\d).*)?", re.IGNORECASE)
"""The owner's file names; they end with the sentence, except those of unsegmented recordings."""


def _expected() -> dict[tuple[str, str], int]:
    counts = {}
    for actor in ACTORS:
        for emotion in ("joy", "anger", "sadness", "fear", "disgust", "surprise"):
            counts[actor, emotion] = 1 if actor == UNSEGMENTED else 5
    counts["subject23", "joy"] = 2
    return counts


def _recognise(path: PurePosixPath) -> Recording | str:
    folders = path.parts[:-1]
    for position, folder in enumerate(folders):
        if subject := SUBJECT.fullmatch(folder.strip()):
            actor = f"subject{int(subject[1])}"
            if actor not in ACTORS:
                return f"not a recording: the corpus has no {folder!r}"
            emotion = (
                EMOTION_FOLDERS.get(folders[position + 1].strip().lower()) if len(folders) > position + 1 else None
            )
            if emotion is None:
                return "misplaced: not in a folder of an emotion"
            name = f"{actor}-{emotion}-{_name_within_emotion(path)}"
            sentence = _sentence(path)
            text = {"text": f"{emotion}-{sentence}" if sentence else ""}
            return Recording(path.as_posix(), name, emotion, actor, ACTORS[actor], actor, text)
    if FILE.fullmatch(path.stem):
        return "misplaced: not in a folder of a subject"
    return "not a recording: not in a folder of a subject"


def _name_within_emotion(path: PurePosixPath) -> str:
    """A name that distinguishes a subject's recordings of one emotion.

    It is the same in a copy without sentence folders as in the owner's folders. The owner's file names include the
    sentence; where a file name lacks it, or disagrees with the sentence folder, the folder decides.
    """
    plain = re.sub(r"[^!-~]+", "_", path.stem)
    if plain != path.stem:
        plain += f"-{hashlib.sha256(path.stem.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    folder = SENTENCE.fullmatch(path.parent.name.strip())
    named = FILE.fullmatch(path.stem)
    if folder is None or (named and named[1] == folder[1]):
        return plain
    return f"sentence{folder[1]}-{plain}"


def _sentence(path: PurePosixPath) -> str:
    """The number of the sentence, by the folder, else by the file name; empty for an unsegmented recording.

    The five sentences of one emotion are not those of another.
    """
    folder, named = SENTENCE.fullmatch(path.parent.name.strip()), FILE.fullmatch(path.stem)
    number = folder[1] if folder else (named[1] if named else None)
    return number if number in SENTENCES else ""


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    endings = sorted({PurePosixPath(recording.path).suffix.lower() for recording in recordings})
    return Scan(recordings, rejected, layout=f"{' and '.join(endings)} in folders of subjects and emotions")


_COUNTS = _expected()

READER = Reader(
    name="enterface",
    title="eNTERFACE'05",
    source="http://www.enterface.net/enterface05/ (project2_database.zip, 0.8 GB)",
    licence="free for research",
    paper="Martin, Kotsia, Macq, Pitas (2006): The eNTERFACE'05 Audio-Visual Emotion Database. ICDE Workshops",
    tree="""\
subject 1/
  anger/          also disgust, fear, happiness, sadness, surprise
    sentence 1/   to sentence 5
      s1_an_1.avi
...
subject 44/""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    columns={
        "text": tuple(f"{emotion}-{number}" for emotion in EMOTION_FOLDERS.values() for number in SENTENCES),
    },
    unknown="the corpus has no data of its speakers; their genders are from one public source",
    emotions={
        emotion: sum(count for (_, other), count in _COUNTS.items() if other == emotion)
        for emotion in ("joy", "anger", "sadness", "fear", "disgust", "surprise")
    },
    per_actor={actor: sum(count for (other, _), count in _COUNTS.items() if other == actor) for actor in ACTORS},
)
