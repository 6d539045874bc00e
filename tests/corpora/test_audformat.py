"""The reader of databases in audformat, on folders laid out as audb does."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipeline.core.errors import InputError
from pipeline.corpora.base import Scan, list_folder
from pipeline.corpora.ingestion import ingest
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS

HEADER = """\
name: emo
source: ''
usage: unrestricted
languages: [deu]
schemes:
  emotion: {dtype: str, labels: {anger: {}, happiness: {}}}
  gender: {dtype: str, labels: [female, male]}
  speaker: {dtype: int, labels: speaker}
  transcription: {dtype: str}
tables:
  emotion:
    type: filewise
    columns: {emotion: {scheme_id: emotion}, emotion.confidence: {}}
  emotion.test:
    type: segmented
    columns: {emotion: {scheme_id: emotion}}
  files:
    type: filewise
    columns: {duration: {}, speaker: {scheme_id: speaker}, transcription: {scheme_id: transcription}}
misc_tables:
  speaker:
    levels: {speaker: int}
    columns: {age: {}, gender: {scheme_id: gender}}
"""
TABLES = {
    "db.yaml": HEADER,
    "db.emotion.csv": "file,emotion,emotion.confidence\nwav/a.wav,anger,0.9\nwav/b.wav,happiness,0.8\nwav/c.wav,,0.1\n",
    "db.emotion.test.csv": "file,start,end,emotion\n"
    "wav/a.wav,0 days 00:00:00,0 days 00:00:01.250000,anger\nwav/a.wav,0 days 00:00:01.250000,,happiness\n",
    "db.files.csv": "file,duration,speaker,transcription\n"
    "wav/a.wav,2.0,3,a01\nwav/b.wav,1.0,10,b02\nwav/c.wav,1.0,10,b02\n",
    "db.speaker.csv": "speaker,age,gender\n3,31,male\n10,32,female\n",
}


def plant(root: Path, **changed: str | None) -> Path:
    for name, text in {**TABLES, **{f"db.{key}": text for key, text in changed.items()}}.items():
        if text is not None:
            root.mkdir(exist_ok=True, parents=True)
            (root / name).write_text(text, encoding="utf-8")
    for number, name in enumerate(("a", "b", "c")):
        path = root / f"wav/{name}.wav"
        path.parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(number).integers(-3000, 3000, 32000 if name == "a" else 16000, dtype=np.int16)
        soundfile.write(path, noise, 16000)
    return root


def scan(root: Path, **params: object) -> Scan:
    folder = list_folder(root)
    options = {"table": "emotion", **params}
    return READERS["audformat"].scan(folder, CorpusParams(path=str(root), reader="audformat", **options))


def test_a_table_of_whole_files(tmp_path):
    scanned = scan(plant(tmp_path))
    assert [(one.path, one.name, one.emotion, one.actor, one.gender, one.columns) for one in scanned.recordings] == [
        ("wav/a.wav", "wav-a", "anger", "spk3", "M", {"text": "a01", "emotion.confidence": "0.9"}),
        ("wav/b.wav", "wav-b", "happiness", "spk10", "F", {"text": "b02", "emotion.confidence": "0.8"}),
    ]
    assert {entry.path: entry.reason for entry in scanned.rejected} == {
        "db.emotion.csv": "not a recording: the table", "db.emotion.test.csv": "not a recording: the table",
        "db.files.csv": "not a recording: the table", "db.speaker.csv": "not a recording: the table",
        "db.yaml": "not a recording: the table", "wav/c.wav": "unlabelled",
    }  # fmt: skip
    assert scanned.layout == "emo, 3 rows of emotion"
    assert scanned.notes == ("1 row of emotion without emotion",)


def test_a_table_of_segments_becomes_utterances_with_times(tmp_path):
    root = plant(tmp_path / "emo")
    corpus = CorpusParams(path=str(root), reader="audformat", table="emotion.test", emotions={"happiness": "joy"})
    found = ingest("emo", corpus, READERS["audformat"], ("joy", "anger"))
    rows = found.utterances.set_index("utterance")
    assert rows[["path", "emotion", "start_s", "end_s", "num_samples", "text"]].to_dict("index") == {
        "emo-wav-a-0.000-1.250": {
            "path": "wav/a.wav", "emotion": "anger", "start_s": "0.000000", "end_s": "1.250000", "num_samples": 20000,
            "text": "a01",
        },
        "emo-wav-a-1.250-end": {
            "path": "wav/a.wav", "emotion": "joy", "start_s": "1.250000", "end_s": "", "num_samples": 12000,
            "text": "a01",
        },
    }  # fmt: skip


def test_speakers_and_genders_beside_the_emotion_or_in_the_header(tmp_path):
    beside = HEADER.replace("emotion.confidence: {}", "speaker: {}, gender: {scheme_id: gender}")
    table = "file,emotion,speaker,gender\nwav/a.wav,anger,eva,female\nwav/b.wav,happiness,kim,other\n"
    scanned = scan(plant(tmp_path / "beside", **{"yaml": beside, "emotion.csv": table}))
    assert [(one.actor, one.gender) for one in scanned.recordings] == [("eva", "F"), ("kim", "X")]
    labels = HEADER.replace("labels: speaker}", "labels: {3: {gender: male}, 10: {gender: female}}}")
    scanned = scan(plant(tmp_path / "labels", **{"yaml": labels, "speaker.csv": None}))
    assert [(one.actor, one.gender) for one in scanned.recordings] == [("spk3", "M"), ("spk10", "F")]


def test_a_database_below_the_folder_and_files_that_are_not_there(tmp_path):
    root = plant(tmp_path / "emo/1.0.0")
    (root / "wav/b.wav").unlink()
    scanned = scan(tmp_path / "emo")
    assert [one.path for one in scanned.recordings] == ["1.0.0/wav/a.wav"]
    assert scanned.notes[0] == "1 row of files that are not in the folder: wav/b.wav"


def test_parquet_tables(tmp_path):
    pytest.importorskip("pyarrow")
    root = plant(tmp_path, **{"emotion.csv": None})
    frame = pd.DataFrame({"file": ["wav/a.wav"], "emotion": pd.Categorical(["anger"]), "emotion.confidence": [0.5]})
    frame.to_parquet(root / "db.emotion.parquet")
    assert [(one.path, one.columns["emotion.confidence"]) for one in scan(root).recordings] == [("wav/a.wav", "0.5")]


def test_whole_numbers_in_a_parquet_table_with_gaps_stay_whole(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    root = plant(tmp_path, **{"files.csv": None})
    columns = {"file": ["wav/a.wav", "wav/b.wav", "wav/c.wav"], "speaker": [3, 10, None], "transcription": ["a01"] * 3}
    parquet.write_table(pyarrow.table(columns), root / "db.files.parquet")
    assert [(one.actor, one.gender) for one in scan(root).recordings] == [("spk3", "M"), ("spk10", "F")]


def test_the_tables_of_the_package_audformat(tmp_path):
    """What the package writes today, for whoever has it installed."""
    audformat = pytest.importorskip("audformat")
    root = plant(tmp_path)
    for name in TABLES:
        (root / name).unlink()
    database = audformat.Database("emo")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    database.schemes["gender"] = audformat.Scheme(labels=["female", "male"])
    index = pd.Index([3, 10], dtype="Int64", name="speaker")
    database["speaker"] = audformat.MiscTable(index)
    database["speaker"]["gender"] = audformat.Column(scheme_id="gender")
    database["speaker"]["gender"].set(["male", "female"])
    database.schemes["speaker"] = audformat.Scheme("int", labels="speaker")
    database["files"] = audformat.Table(audformat.filewise_index(["wav/a.wav", "wav/b.wav"]))
    database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["files"]["speaker"].set([3, 10])
    segments = audformat.segmented_index(["wav/a.wav", "wav/b.wav"], ["0s", "0.5s"], ["1.5s", pd.NaT])
    database["emotion"] = audformat.Table(segments)
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["anger", "joy"])
    database.save(str(root), storage_format="csv")
    assert [(one.emotion, one.actor, one.gender, one.start, one.end) for one in scan(root).recordings] == [
        ("anger", "spk3", "M", 0.0, 1.5), ("joy", "spk10", "F", 0.5, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "params", "message"),
    [
        ({}, {"table": "emotions"}, r"table in params\.yaml is 'emotions', .*did you mean 'emotion'\? expected one of emotion \(emotion, emotion\.confidence\); emotion\.test"),
        ({}, {"column": "emotio"}, r"column in params\.yaml is 'emotio', which the table emotion of .* does not have; did you mean 'emotion'\?"),
        ({"emotion.csv": None}, {}, r"has no table db\.emotion\.csv or db\.emotion\.parquet; save the database"),
        ({"emotion.csv": None, "emotion.pkl": "x"}, {}, r"db\.emotion\.pkl is a pickle, which can run code and is not read"),
        ({"yaml": None}, {}, r"holds 0 db\.yamls?; expected one, at the top of a database in audformat"),
        ({"yaml": "a: ["}, {}, r"db\.yaml cannot be read as YAML"),
        ({"yaml": "!!python/object/apply:os.system ['true']"}, {}, r"db\.yaml cannot be read as YAML"),
        ({"yaml": "name: x"}, {}, r"db\.yaml lists no tables"),
        ({"yaml": HEADER.replace("speaker: {scheme_id: speaker}, ", "")}, {}, r"no table of files .* has the column 'speaker', so that actors cannot be kept in one fold; .* reader: custom"),
        ({"yaml": HEADER.replace(", gender: {scheme_id: gender}", "")}, {}, r"neither a table of files nor the scheme of the speakers .* says 'gender'"),
        ({"speaker.csv": "speaker,gender\n3,male\n"}, {}, r"wav/b\.wav has no gender in .*complete the tables"),
        ({"speaker.csv": "speaker,gender\n3,man\n10,female\n"}, {}, r"has the gender 'man'; expected one of f, female"),
        ({"emotion.test.csv": "file,start,end,emotion\nwav/a.wav,soon,,anger\n"}, {"table": "emotion.test"}, r"row 1 of the table emotion\.test .* is from 'soon'"),
        ({"emotion.test.csv": "file,start,end,emotion\nwav/a.wav,2s,1s,anger\n"}, {"table": "emotion.test"}, r"from 2 s to 1 s; expected an end behind the start"),
        ({"emotion.csv": "file,emotion\nwav/a.wav,anger\nwav/b.wav,anger\nwav/a.wav,happiness\n"}, {}, r"has more than one row for wav/a\.wav; expected one emotion for each"),
        ({"files.csv": "file,speaker,gender,transcription\nwav/a.wav,3,male,\nwav/b.wav,3,female,\n", "yaml": HEADER.replace("duration: {}", "gender: {}")}, {}, r"says more than one gender of spk3; expected one for each speaker"),
        ({"yaml": "tables: {emotion: }"}, {}, r"db\.yaml lists no tables with their columns"),
        ({"yaml": HEADER.replace("schemes:", "schemes: [a]\nothers:")}, {}, r"db\.yaml lists no tables with their columns"),
        ({"yaml": "tables: {emotion: {columns: [emotion, speaker]}}"}, {}, r"db\.yaml lists no tables with their columns"),
        ({"emotion.csv": "file,feeling\nwav/a.wav,anger\n"}, {}, r"the table emotion of .* has no column emotion; found file, feeling"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_the_remedy(tmp_path, changed, params, message):
    root = plant(tmp_path, **changed)
    with pytest.raises(InputError, match=message):
        scan(root, **params)
