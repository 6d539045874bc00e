"""CREMA-D: 91 actors speak twelve English sentences in six emotions, which more than two thousand people rated.

File name: actor, sentence, intended emotion, level. The emotion is the intended one; `column: voice_vote`, `face_vote`
or `multimodal_vote` takes the raters' instead, from `processedResults/summaryTable.csv` of the owner's repository; a
tie is `undecided`. Where that table is in the folder, all three votes are columns. Genders are those of the owner's
`VideoDemographics.csv`.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean
from pipeline.corpora.base import Folder, Gender, Reader, Recording, Rejected, Scan, sort_files
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "joy", "NEU": "neutral", "SAD": "sadness",
}  # fmt: skip
VOTE_LETTERS = {"A": "anger", "D": "disgust", "F": "fear", "H": "joy", "N": "neutral", "S": "sadness"}

COUNTS = {"anger": 1271, "disgust": 1271, "fear": 1271, "joy": 1271, "neutral": 1087, "sadness": 1271}

WOMEN = frozenset((
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025, 1028, 1029, 1030, 1037,
    1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060, 1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078,
    1079, 1082, 1084, 1089, 1091,
))  # fmt: skip
"""The owner's `VideoDemographics.csv`."""

ACTORS: dict[str, Gender] = {f"actor{number}": "F" if number in WOMEN else "M" for number in range(1001, 1092)}

SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
"""Levels of which only one sentence (IEO) has three; one file of the release ends with a single X."""

INTENDED = "intended"
VOTES = {"voice_vote": "VoiceVote", "face_vote": "FaceVote", "multimodal_vote": "MultiModalVote"}
"""Our columns of votes, and the owner's."""

NAME = re.compile(rf"(\d{{4}})_({'|'.join(SENTENCES)})_({'|'.join(EMOTION_CODES)})_(LO|MD|HI|XX?)", re.IGNORECASE)


def _recognise(path: PurePosixPath) -> Recording | str:
    """The recording with its intended emotion."""
    if path.suffix.lower() == ".flv":
        return "not a recording: a video, whose sound is in AudioWAV"
    name = NAME.fullmatch(path.stem)
    if name is None:
        return "not a recording: no CREMA-D name"
    actor = f"actor{name[1]}"
    if actor not in ACTORS:
        return f"not a recording: CREMA-D has no actor {name[1]}"
    columns = {"text": name[2].upper(), "intensity": INTENSITIES[name[4].upper()]}
    emotion = EMOTION_CODES[name[3].upper()]
    return Recording(path.as_posix(), path.stem.upper(), emotion, actor, ACTORS[actor], actor, columns)


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    column = params.column or INTENDED
    if column != INTENDED and column not in VOTES:
        choices = [INTENDED, *VOTES]
        raise InputError(
            f"column in params.yaml is {column!r}; {did_you_mean(column, choices)}expected one of {', '.join(choices)}"
        )
    table, votes = _votes(folder)
    if column in VOTES and not votes:
        raise InputError(
            f"{folder.root} has no summaryTable.csv, which holds the {column} of every recording; expected the file "
            "processedResults/summaryTable.csv of the owner's repository; copy it into the folder"
        )

    def recognise(path: PurePosixPath) -> Recording | str:
        found = _recognise(path)
        if isinstance(found, str):
            return found
        columns = dict(found.columns)
        if votes:
            columns |= votes.get(found.name, dict.fromkeys(VOTES, ""))
        if column in VOTES:
            columns[INTENDED] = found.emotion
            if not columns[column]:
                return f"unlabelled: no {column} in {table}"
            return replace(found, emotion=columns[column], columns=columns)
        return replace(found, columns=columns)

    recordings, rejected = sort_files(folder, recognise)
    rejected = tuple(
        Rejected(entry.path, "not a recording: votes") if entry.path == table else entry for entry in rejected
    )
    layout = "intended emotions" if column == INTENDED else f"emotions by {column}"
    return Scan(recordings, rejected, f"{layout}{', with the votes' if votes else ''}", other_labels=column != INTENDED)


def _votes(folder: Folder) -> tuple[str, dict[str, dict[str, str]]]:
    """The owner's table of votes, and the votes of each recording; empty without the table.

    Raises:
        InputError: the table cannot be read.
    """
    tables = [name for name in folder.files if PurePosixPath(name).name.lower() == "summarytable.csv"]
    if not tables:
        return "", {}
    path = folder.root / tables[0]
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table of votes {path} cannot be read: {error}; copy it again") from None
    votes = {}
    for row in rows:
        cells = {str(name).lower(): value or "" for name, value in row.items()}
        if "filename" not in cells or any(name.lower() not in cells for name in VOTES.values()):
            raise InputError(
                f"{path} has the columns {', '.join(map(str, row))}; expected fileName, {', '.join(VOTES.values())}, "
                "as the owner's table has; copy it again"
            )
        votes[cells["filename"].strip().upper()] = {
            ours: _emotion(cells[theirs.lower()], path.name) for ours, theirs in VOTES.items()
        }
    return tables[0], votes


def _emotion(vote: str, table: str) -> str:
    letters = [letter.strip().upper() for letter in vote.split(":") if letter.strip()]
    if unknown := [letter for letter in letters if letter not in VOTE_LETTERS]:
        raise InputError(
            f"{table}: {unknown[0]!r} is not a vote of CREMA-D; expected one of {', '.join(VOTE_LETTERS)}, or several "
            "with colons; copy the table again"
        )
    if not letters:
        return ""
    return VOTE_LETTERS[letters[0]] if len(letters) == 1 else "undecided"


READER = Reader(
    name="cremad",
    title="CREMA-D",
    source="https://github.com/CheyneyComputerScience/CREMA-D (AudioWAV, with Git LFS)",
    licence="Open Database License 1.0",
    paper="Cao, Cooper, Keutmann, Gur, Nenkova, Verma (2014): CREMA-D: Crowd-Sourced Emotional Multimodal Actors "
    "Dataset. IEEE Trans. Affective Computing 5(4)",
    tree="""\
AudioWAV/                          or AudioMP3/, or no folder
  1001_DFA_ANG_XX.wav              actor 1001, sentence, intended emotion, level
  ...
processedResults/summaryTable.csv  optional: the raters' votes
VideoDemographics.csv              not needed""",
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions=COUNTS,
    codes={name: name for name in (*COUNTS, "undecided")},
    columns={
        "text": SENTENCES,
        "intensity": ("low", "medium", "high", "unspecified"),
        **dict.fromkeys((*VOTES, INTENDED), (*COUNTS, "undecided")),
    },
    unknown="the owner states no number of recordings of each actor",
    options=frozenset({"column"}),
)
