"""Utterances that are parts of longer recordings, from the table to the features."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipeline.audio.decoding import load
from pipeline.audio.parts import part
from pipeline.core.errors import InputError
from pipeline.core.tables import REJECTED, UTTERANCES, read_table, write_table
from pipeline.corpora.ingestion import Ingested, ingest
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.features.extraction import _samples, plan
from pipeline.features.segmentation import segment

HEAD = "path,emotion,actor,gender,start,end,group\n"


def run(root: Path, rows: str, rate: int = 16000, seconds: float = 4.0, **options: object) -> Ingested:
    root.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(-3000, 3000, round(seconds * rate), dtype=np.int16)
    soundfile.write(root / "talk.wav", noise, rate)
    (root / "table.csv").write_text(HEAD + rows, encoding="utf-8")
    corpus = CorpusParams(path=str(root), reader="custom", table="table.csv", **options)
    found = ingest("own", corpus, READERS["custom"], ("joy", "anger"))
    write_table(found.utterances, root.parent / "utterances.csv", UTTERANCES)
    write_table(found.rejected, root.parent / "rejected.csv", REJECTED)
    return found


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_features_are_extracted_from_the_part_alone(tmp_path, rate):
    root = tmp_path / "own"
    run(root, "talk.wav,joy,ann,F,0,1.5,\ntalk.wav,anger,ann,F,1.5,2.125,\ntalk.wav,joy,ben,M,3,,\n", rate)
    utterances = read_table(tmp_path / "utterances.csv", UTTERANCES)
    segments = segment(utterances, None)
    whole = load(root / "talk.wav")
    expected = {
        "own-talk-0.000-1.500": (0, 24000),
        "own-talk-1.500-2.125": (24000, 34000),
        "own-talk-3.000-end": (48000, 64000),
    }
    assert set(utterances["utterance"]) == set(expected)
    for recording in plan(utterances, segments, root):
        bounds = [(start, length) for _, start, length in recording.segments]
        first, last = expected[recording.utterance]
        np.testing.assert_array_equal(_samples(recording, bounds), whole[first:last])


def test_parts_that_cannot_be_used_are_named_one_by_one(tmp_path):
    root = tmp_path / "own"
    rows = (
        "talk.wav,joy,ann,F,0,1,\ntalk.wav,anger,ann,F,1,2,\ntalk.wav,joy,ann,F,3.5,4.2,\ntalk.wav,joy,ann,F,9,10,\n"
        "talk.wav,joy,ann,F,2,2.01,\ntalk.wav,fear,ann,F,2.5,3,\n"
    )
    found = run(root, rows)
    assert len(found.utterances) == 2
    assert list(found.rejected.loc[found.rejected["path"] == "talk.wav", "reason"]) == [
        "other emotion: fear (2.5 to 3 s)",
        "too short: a window is 25 ms (2 to 2.01 s)",
        "too short: the file ends after 4 s, before this part does (3.5 to 4.2 s)",
        "too short: the file ends after 4 s, before this part does (9 to 10 s)",
    ]
    assert any(message.startswith("warning: 3 recordings cannot be used") for message in found.messages)


def test_an_end_that_a_table_rounded_up_is_the_end_of_the_file(tmp_path):
    found = run(tmp_path / "own", "talk.wav,joy,ann,F,3,4.04,\ntalk.wav,anger,ann,F,0,1,\n")
    assert sorted(found.utterances["num_samples"]) == [16000, 16000]


def test_a_silent_part_and_an_unreadable_file(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    rows = "quiet.wav,joy,ann,F,0,1,\nquiet.wav,anger,ann,F,1,2,\nquiet.wav,joy,ann,F,2,3,\nbad.wav,joy,ann,F,0,1,\n"
    noise = np.random.default_rng(1).integers(-300, 300, 48000, dtype=np.int16)
    noise[:16000] = 0
    soundfile.write(root / "quiet.wav", noise, 16000)
    (root / "bad.wav").write_bytes(b"no sound")
    found = run(root, rows)
    reasons = dict(zip(found.rejected["path"], found.rejected["reason"], strict=True))
    assert reasons["quiet.wav"] == "silent: (0 to 1 s)"
    assert reasons["bad.wav"].startswith("unreadable: ")
    assert reasons["talk.wav"] == "unlabelled"


def test_one_part_under_two_labels_or_two_actors_is_refused_with_all_pairs(tmp_path):
    rows = "talk.wav,joy,ann,F,0,2,\ntalk.wav,anger,ben,M,1,3,\ntalk.wav,anger,ann,F,2.5,4,\n"
    with pytest.raises(InputError, match="2 pairs of parts overlap and belong to different groups") as refused:
        run(tmp_path / "own", rows)
    assert "talk.wav: ann, joy (0 to 2 s) and ben, anger (1 to 3 s)" in str(refused.value)
    assert "talk.wav: ben, anger (1 to 3 s) and ann, anger (2.5 to 4 s)" in str(refused.value)
    rows = "talk.wav,joy,ann,F,0,2,pair\ntalk.wav,anger,ben,M,1,3,pair\n"
    assert any("1 pair of parts of one group overlap" in message for message in run(tmp_path / "own", rows).messages)


def test_all_files_with_one_sound_and_two_labels_are_named_at_once(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    rows = "talk.wav,joy,zoe,F,,,\n"
    for number in range(10):
        noise = np.random.default_rng(number + 7).integers(-300, 300, 8000, dtype=np.int16)
        for emotion in ("joy", "anger"):
            soundfile.write(root / f"{emotion}{number}.wav", noise, 16000)
            rows += f"{emotion}{number}.wav,{emotion},ann,F,,,\n"
    with pytest.raises(InputError, match="10 pairs of recordings hold the same sound") as refused:
        run(root, rows)
    for number in range(10):
        assert f"anger{number}.wav (ann, anger) and joy{number}.wav (ann, joy)" in str(refused.value)


def test_a_part_has_the_length_that_was_asked_for_at_the_end_of_a_file_too():
    samples = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(part(samples, 0.05, 100), samples[800:900])
    np.testing.assert_array_equal(part(samples, 0.06, 100), samples[900:1000])
    assert len(part(samples, 0.0, 1000)) == 1000


def test_a_table_without_times_has_no_columns_of_times(tmp_path):
    found = run(tmp_path / "own", "talk.wav,joy,ann,F,,,\n")
    assert not {"start_s", "end_s"} & set(found.utterances.columns)
    assert isinstance(found.utterances, pd.DataFrame)
