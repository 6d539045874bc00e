"""EmoDB 2.0: all 816 recordings of the Berlin database, also the 281 that listeners recognised less often.

Names are those of the first edition (`emodb.py`); the emotion is the one that the actor was asked for. The release is
in audformat; where a table of it has the column `emotion.confidence`, the share of listeners who heard that emotion,
`agreement` is high from 0.8, the first edition's limit, else low: `only: {agreement: [high]}` is the first edition's
choice. `audformat` reads the same folder by its tables.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.core.errors import InputError
from pipeline.corpora import emodb
from pipeline.corpora.base import Folder, Reader, Recording, Scan, sort_files
from pipeline.corpora.params import CorpusParams

RECORDINGS = 816
RECOGNISED = 0.8
CONFIDENCE = "emotion.confidence"


def _scan(folder: Folder, params: CorpusParams) -> Scan:
    agreements = _agreements(folder)

    def recognise(path: PurePosixPath) -> Recording | str:
        found = emodb.recognise(path)
        if isinstance(found, Recording) and agreements:
            return replace(found, columns={**found.columns, "agreement": agreements.get(path.name.lower(), "")})
        return found

    recordings, rejected = sort_files(folder, recognise)
    names = {recording.name for recording in recordings}
    if len(names) == sum(emodb.COUNTS.values()):
        raise InputError(
            f"{folder.root} holds {len(names)} recordings: this looks like the first edition of Emo-DB; expected the "
            f"{RECORDINGS} of EmoDB 2.0; set reader: emodb, or get the second edition from {SOURCE}"
        )
    return Scan(recordings, rejected, layout="second edition")


def _agreements(folder: Folder) -> dict[str, str]:
    """High or low for each file name, from all tables with the confidence of the emotion.

    Raises:
        InputError: a table cannot be read, or a confidence is not a number.
    """
    found: dict[str, str] = {}
    for name in folder.files:
        path = PurePosixPath(name)
        if not (path.name.startswith("db.") and path.suffix == ".csv"):
            continue
        try:
            text = (folder.root / name).read_text(encoding="utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
            for row in rows:
                if row.get("file") and row.get(CONFIDENCE):
                    recognised = float(row[CONFIDENCE]) >= RECOGNISED
                    found[PurePosixPath(row["file"]).name.lower()] = "high" if recognised else "low"
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            raise InputError(f"the table {folder.root / name} cannot be read: {error}; copy it again") from None
    return found


SOURCE = "https://doi.org/10.5281/zenodo.17651657"

READER = Reader(
    name="emodb2",
    title="EmoDB 2.0",
    source=SOURCE,
    licence="CC BY 4.0",
    paper="Burkhardt et al. (2025): EmoDB 2.0. Interspeech",
    tree="""\
wav/                       or no folder
  03a01Fa.wav              speaker 03, text a01, Freude, version a
  ...
db.*.csv                   optional: tables with the column emotion.confidence""",
    scan=_scan,
    recognise=emodb.recognise,
    actors=emodb.ACTORS,
    total=RECORDINGS,
    codes={name: name for name in emodb.COUNTS},
    columns={**emodb.READER.columns, "agreement": ("high", "low")},
    unknown="how many recordings each emotion and each actor has",
    edition=True,
)
