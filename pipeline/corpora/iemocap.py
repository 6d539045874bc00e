"""IEMOCAP: ten actors in five sessions of a woman and a man, 10,039 utterances with consensus labels.

Labels come from `dialog/EmoEvaluation/*.txt`, not from its sub-folders. **The speaker is the session and the letter
after the last underscore** (`Ses01F_impro01_M003`: the man). The letter after `Ses01` is who wears the markers.
Emotions are mapped by the owner's codes: joy is `hap` alone unless `emotions: {exc: joy}` joins excitement to it, which
gives the 5,531 utterances of four classes that most papers use. Both speakers are audible in each other's recordings;
`split_group: session` keeps a session in one fold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed
from pipeline.corpora.base import (
    Folder,
    Gender,
    Reader,
    Recording,
    Rejected,
    Scan,
    as_utf8,
    folders_upward,
    is_system_file,
    sort_files,
)
from pipeline.corpora.params import CorpusParams

EMOTION_CODES = {
    "hap": "joy", "ang": "anger", "sad": "sadness", "fea": "fear", "neu": "neutral", "dis": "disgust",
    "sur": "surprise", "exc": "excitement", "fru": "frustration", "oth": "other", "xxx": "undecided",
}  # fmt: skip

ACTORS: dict[str, Gender] = {
    f"Ses{session:02d}{gender}": gender for session in range(1, 6) for gender in ("F", "M")
}  # fmt: skip

COUNTS = {
    "joy": 595, "anger": 1103, "sadness": 1084, "fear": 40, "neutral": 1708, "disgust": 2, "surprise": 107,
    "excitement": 1041, "frustration": 1849, "other": 3, "undecided": 2507,
}  # fmt: skip

DIALOGUE = re.compile(r"Ses(0[1-5])[FM]_(impro|script)\d\d(_\d)?[a-z]?")
UTTERANCE = re.compile(rf"({DIALOGUE.pattern})_([FM])\w+")
_NUMBER = r"(-?\d+(?:\.\d+)?)"
LABEL = re.compile(rf"\[\d[^\]]*\]\s+(\S+)\s+(\w+)(?:\s+\[\s*{_NUMBER}\s*,\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\].*|\s.*)?")
"""`[6.2901 - 8.2357]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[2.5000, 2.5000, 2.5000]`: valence, activation, dominance."""

STYLES = {"impro": "improvised", "script": "scripted"}
RATINGS = ("valence", "activation", "dominance")
"""Means of the raters' scores from 1 to 5, in the order of the label files' header."""

SESSION_FOLDER = re.compile(r"session[ _-]*0*(\d)", re.IGNORECASE)
TREE = """\
IEMOCAP_full_release/
  Session1/       to Session5
    sentences/wav/Ses01F_impro01/
      Ses01F_impro01_F000.wav
      ...
    dialog/EmoEvaluation/
      Ses01F_impro01.txt"""


def _recognise(path: PurePosixPath) -> Recording | str:
    """The recording without its emotion, which only label files know."""
    name = UTTERANCE.fullmatch(path.stem)
    if name is None:
        whole = DIALOGUE.fullmatch(path.stem)
        return "not a recording: a whole dialogue" if whole else "not a recording: no IEMOCAP name"
    session, speaker = name[2], name[5]
    for above in folders_upward(path):
        if (numbered := SESSION_FOLDER.fullmatch(above)) and int(numbered[1]) != int(session):
            return f"misplaced: session {int(session)} in the folder {above}"
    actor = f"Ses{session}{speaker}"
    columns = {"text": _text(name[1]), "style": STYLES[name[3]], "session": f"Ses{session}"}
    return Recording(path.as_posix(), path.stem, "", actor, ACTORS[actor], actor, columns)


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    labels, ratings, label_files = _labels(folder)
    unlabelled: list[str] = []

    def recognise(path: PurePosixPath) -> Recording | str:
        found = _recognise(path)
        if isinstance(found, str):
            return found
        code = labels.get(found.name)
        if code is None:
            unlabelled.append(as_utf8(found.path))
            return "unlabelled"
        session = found.columns["session"]
        group = session if params.split_group == "session" else found.actor
        known = {name: value for name, value in found.columns.items() if name != "session"}
        columns = {**known, **ratings[found.name], "session": session}
        return replace(found, emotion=EMOTION_CODES[code], group=group, columns=columns, code=code)

    recordings, rejected = sort_files(folder, recognise)
    if not label_files and (recordings or unlabelled):
        raise InputError(
            f"{folder.root} has IEMOCAP's recordings ({listed(unlabelled, 1)}) but none of its label files; expected "
            "SessionN/dialog/EmoEvaluation/SesNN*.txt; copy these folders of the release next to the recordings"
        )
    present = {recording.name for recording in recordings} | {PurePosixPath(path).stem for path in unlabelled}
    missing = sorted(labels.keys() - present)
    notes = []
    if missing and recordings:
        notes.append(
            f"{counted(len(missing), 'labelled recording')} not in the folder: "
            f"{listed(missing)}; copy them into SessionN/sentences/wav to use them"
        )
    if unlabelled and recordings:
        notes.append(f"{counted(len(unlabelled), 'recording')} without a line in the label files: {listed(unlabelled)}")
    sessions = len({recording.actor[:5] for recording in recordings})
    layout = f"{counted(sessions, 'session')}, {counted(len(label_files), 'label file')}"
    return Scan(recordings, _with_label_files_named(rejected, label_files), layout, tuple(notes))


def _text(dialogue: str) -> str:
    """The script of a dialogue without its session and take (`script01_1`); empty where the words were improvised."""
    name = re.search(r"script\d\d(_\d)?", dialogue)
    return name[0] if name else ""


def _labels(folder: Folder) -> tuple[dict[str, str], dict[str, dict[str, str]], frozenset[str]]:
    """The consensus label of each utterance, its mean ratings, and the files that they were read from.

    Raises:
        InputError: a label file cannot be read, has an unknown label, or contradicts another.
    """
    labels: dict[str, str] = {}
    ratings: dict[str, dict[str, str]] = {}
    sources: dict[str, str] = {}
    files = [name for name in folder.files if _is_label_file(PurePosixPath(name))]
    for name in files:
        try:
            text = (folder.root / name).read_text(encoding="latin-1")
        except OSError as error:
            raise InputError(
                f"the label file {folder.root / name} cannot be read: {error.strerror}; expected the text file of the "
                "release; copy it again, or give yourself permission (chmod -R u+rX)"
            ) from None
        for number, line in enumerate(text.splitlines(), start=1):
            if not (found := LABEL.fullmatch(line.rstrip())):
                continue
            utterance, code, *scores = found.groups()
            if code not in EMOTION_CODES:
                raise InputError(
                    f"{folder.root / name} line {number}: {code!r} is not a label of IEMOCAP; "
                    f"expected one of {', '.join(EMOTION_CODES)}"
                )
            if labels.setdefault(utterance, code) != code:
                raise InputError(
                    f"{utterance} is {labels[utterance]!r} in {folder.root / sources[utterance]} and {code!r} in "
                    f"{folder.root / name} line {number}; keep only the copy of the labels that is right"
                )
            sources.setdefault(utterance, name)
            ratings.setdefault(utterance, {key: score or "" for key, score in zip(RATINGS, scores, strict=True)})
    return labels, ratings, frozenset(files)


def _is_label_file(path: PurePosixPath) -> bool:
    return (
        path.suffix.lower() == ".txt"
        and path.parent.name.lower() == "emoevaluation"
        and DIALOGUE.fullmatch(path.stem) is not None
        and not is_system_file(path)
    )


def _with_label_files_named(rejected: tuple[Rejected, ...], label_files: frozenset[str]) -> tuple[Rejected, ...]:
    return tuple(
        Rejected(entry.path, "not a recording: labels") if entry.path in label_files else entry for entry in rejected
    )


READER = Reader(
    sessions=True,
    name="iemocap",
    title="IEMOCAP",
    source="https://sail.usc.edu/iemocap/ (release form)",
    licence="restricted, academic use",
    paper="Busso et al. (2008): IEMOCAP: interactive emotional dyadic motion capture database. LREV 42",
    tree=TREE,
    scan=_scan,
    recognise=_recognise,
    actors=ACTORS,
    emotions=COUNTS,
    codes=EMOTION_CODES,
    columns={
        "text": (),
        "style": tuple(STYLES.values()),
        **dict.fromkeys(RATINGS, ()),
        "session": tuple(f"Ses{session:02d}" for session in range(1, 6)),
    },
    unknown="the owner states no number of recordings of each actor; improvised dialogues have no text",
)
