"""RAVDESS: 24 actors speak and sing two sentences in eight emotions.

File name: modality-channel-emotion-intensity-statement-repetition-actor. The two archives contain the same folders
`Actor_XX`, so users keep them apart or mixed. `Actor_07/03-01-03-01-02-01-07` and `...-02-02-07` hold the same sound;
the paper counts both.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.corpora.base import Folder, Gender, Reader, Recording, Scan, folders_upward, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "01": "neutral", "02": "calm", "03": "joy", "04": "sadness", "05": "anger", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip

CHANNELS = {"01": "speech", "02": "song"}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "kids", "02": "dogs"}
"""Kids are talking by the door, dogs are sitting by the door."""
AUDIO_ONLY = "03"
NORMAL = "01"

ACTORS: dict[str, Gender] = {f"Actor_{number:02d}": "M" if number % 2 else "F" for number in range(1, 25)}

SPEECH = {"neutral": 4, "calm": 8, "joy": 8, "sadness": 8, "anger": 8, "fear": 8, "disgust": 8, "surprise": 8}
SONG = {"neutral": 4, "calm": 8, "joy": 8, "sadness": 8, "anger": 8, "fear": 8}
"""Number of recordings of one actor; actor 18 did not sing."""

SILENT_SINGER = "Actor_18"

NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
ACTOR_FOLDER = re.compile(r"actor[ _-]*(\d+)", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    codes = NAME.fullmatch(path.stem)
    if codes is None:
        return "not a recording: no RAVDESS name"
    modality, channel, emotion, intensity, statement, repetition, number = codes.groups()
    if modality != AUDIO_ONLY:
        return f"not a recording: modality {modality} is video; expected {AUDIO_ONLY}, audio only"
    actor = f"Actor_{number}"
    known = channel in CHANNELS and emotion in EMOTION_CODES and actor in ACTORS
    if not known or {intensity, statement, repetition} - {"01", "02"}:
        return "not a recording: a code that RAVDESS does not have"
    if nonexistent := _nonexistent(CHANNELS[channel], EMOTION_CODES[emotion], intensity, actor):
        return f"not a recording: RAVDESS has no {nonexistent}"
    for folder in folders_upward(path):
        if (named := ACTOR_FOLDER.fullmatch(folder)) and int(named[1]) != int(number):
            return f"misplaced: actor {number} in the folder {folder}"
    columns = {
        "text": STATEMENTS[statement],
        "channel": CHANNELS[channel],
        "intensity": INTENSITIES[intensity],
        "take": repetition,
    }
    return Recording(path.as_posix(), path.stem, EMOTION_CODES[emotion], actor, ACTORS[actor], actor, columns)


def _nonexistent(channel: str, emotion: str, intensity: str, actor: str) -> str:
    """The combination of known codes that the owner did not record, else an empty text."""
    if emotion == "neutral" and intensity != NORMAL:
        return f"neutral of intensity {intensity}; expected {NORMAL}, normal"
    if channel == "song" and emotion not in SONG:
        return f"{emotion} that is sung; expected speech"
    if channel == "song" and actor == SILENT_SINGER:
        return f"song of {actor}; expected speech"
    return ""


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    recordings, rejected = sort_files(folder, _recognise)
    present = sorted({recording.name[3:5] for recording in recordings})
    return Scan(recordings, rejected, layout=" and ".join(CHANNELS[channel] for channel in present))


READER = Reader(
    name="ravdess",
    title="RAVDESS",
    source="https://zenodo.org/record/1188976 (Audio_Speech_Actors_01-24.zip and Audio_Song_Actors_01-24.zip)",
    licence="CC BY-NC-SA 4.0",
    paper="Livingstone, Russo (2018): The Ryerson Audio-Visual Database of Emotional Speech and Song. PLoS ONE 13(5)",
    tree="""\
Audio_Speech_Actors_01-24/
  Actor_01/
    03-01-01-01-01-01-01.wav
...
Audio_Song_Actors_01-24/
  Actor_01/
    03-02-01-01-01-01-01.wav""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    columns={
        "text": tuple(STATEMENTS.values()),
        "channel": tuple(CHANNELS.values()),
        "intensity": tuple(INTENSITIES.values()),
        "take": ("01", "02"),
    },
    emotions={name: 24 * SPEECH[name] + 23 * SONG.get(name, 0) for name in EMOTION_CODES.values()},
    per_actor={actor: sum(SPEECH.values()) + (0 if actor == SILENT_SINGER else sum(SONG.values())) for actor in ACTORS},
)
