"""The meaning of each column of a list, guessed from its name or given by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean, listed

NAMES: Mapping[str, tuple[str, ...]] = {
    "name": (
        "path", "filepath", "file", "filename", "wav", "wavpath", "wavfile", "audio", "audiopath", "audiofile",
        "utterance", "utteranceid", "utt", "uttid", "key", "segment", "segmentid", "recording", "clip", "id", "name",
    ),
    "speaker": (
        "speaker", "speakerid", "actor", "actorid", "spk", "spkid", "spkr", "spkrid", "talker", "subject", "subjectid",
        "participant", "speakername",
    ),
    "part": ("part", "split", "splitset", "partition", "subset", "set", "usage", "splittype"),
    "fold": ("fold", "foldid", "foldnumber", "cvfold", "kfold"),
    "repeat": ("repeat", "repeatid"),
    "label": ("emotion", "emo", "label", "emotionlabel", "class", "category", "target", "emoclass"),
    "gender": ("gender", "sex", "speakergender", "speakersex"),
    "corpus": ("corpus", "dataset", "database", "db"),
    "text": (
        "text", "textid", "sentence", "sentenceid", "transcript", "transcription", "statement", "prompt", "script",
        "words",
    ),
    "group": ("group", "groupid"),
    "session": ("session", "sessionid"),
    "digest": ("digest", "sha256", "md5", "checksum", "hash"),
    "start": ("start", "starttime", "begin", "onset"),
    "end": ("end", "endtime", "stop", "offset"),
}  # fmt: skip
"""Names of columns for each role, in small letters and without other signs; the first that a list has is taken."""


def plain(name: str) -> str:
    """A name in small letters, without blanks and signs."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def guess(columns: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    """The role of each column.

    Args:
        columns: names in a list.
        named: column of each role that the user names (`--column speaker=spkr`).

    Returns:
        {column: role} of those with a role; one column for each role.

    Raises:
        InputError: a column that the user names is not there.
    """
    roles: dict[str, str] = {}
    for role, column in named.items():
        if column not in columns:
            raise InputError(
                f"--column {role}={column}: no list has such a column; {did_you_mean(column, columns)}found "
                f"{listed(columns, most=20)}"
            )
        roles[column] = role
    free = [column for column in columns if column not in roles]
    for role, names in NAMES.items():
        if role in named:
            continue
        chosen = next((column for name in names for column in free if plain(column) == name), None)
        if chosen is not None:
            roles[chosen] = role
            free.remove(chosen)
    return roles


def soft_labels(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Columns that hold the share of listeners who heard each emotion, as EMO-SUPERB's lists have them.

    They are the numbers from 0 to 1 that add up to 1 in every row (within 0.02).
    """
    possible = list(columns)
    for row in rows:
        possible = [column for column in possible if _share(row[column]) is not None]
        if len(possible) < 2:
            return []
    totals = [sum(_share(row[column]) or 0.0 for column in possible) for row in rows]
    return possible if rows and all(abs(total - 1) <= 0.02 for total in totals) else []


def most_heard(row: Mapping[str, str], columns: Sequence[str]) -> str:
    """The emotion of the largest share; of equal ones the first."""
    return max(columns, key=lambda column: _share(row[column]) or 0.0)


def described(roles: Mapping[str, str]) -> Iterator[str]:
    """The columns and the roles that they are taken for, as parts of a sentence: "speaker from SpkrID"."""
    for column, role in roles.items():
        yield f"{role} from {column}" if plain(column) != role else role


def _share(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
