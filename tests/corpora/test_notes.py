"""What is said about recordings reaches `ingest` and `corpora`."""

import numpy as np
import soundfile

from pipeline.audio.recording import Note
from pipeline.corpora.ingestion import ingest
from pipeline.corpora.notes import noted_recordings
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.survey import survey
from tests.helpers import corpus_trees as trees
from tests.helpers.sounds import by_libsndfile, noise

CLASSES = ("joy", "anger", "sadness", "fear")


def test_notes_are_counted_by_kind():
    length, delay = Note("length", "12 of 13"), Note("delay", "late")
    assert noted_recordings([("a", ()), ("b", (delay, length)), ("c", (length,))]) == [
        "warning: 2 recordings with another length than the header declares: b (12 of 13), c (12 of 13)",
        "warning: 1 recording with the silence of its coder's delay at the start: b (late)",
    ]
    assert noted_recordings([("a", ())]) == []


def test_ingest_and_corpora_say_what_was_found(tmp_path):
    trees.plant(tmp_path, [f"wav/{speaker}a01{letter}a.wav" for speaker in ("03", "08") for letter in "FWTA"])
    content = bytearray(by_libsndfile("AU", "PCM_16", samples=noise(8000)))
    content[8:12] = bytes(4)
    (tmp_path / "wav/03a01Fa.wav").write_bytes(content)
    left = noise(8000, seed=2).astype(np.float32) / 32768
    soundfile.write(tmp_path / "wav/08a01Fa.wav", np.stack([left, -left], axis=1), 16_000, format="WAV")
    params = CorpusParams(path=str(tmp_path))
    length = (
        "warning: 1 recording with another length than the header declares: wav/03a01Fa.wav (its header declares 0 bytes "
        "of samples and 16000 follow)"
    )
    phase = (
        "warning: 1 recording with channels that cancel each other or are silent: wav/08a01Fa.wav (its 2 channels cancel "
        "each other (opposite phase), so channel 1 is taken alone)"
    )
    ingested = ingest("emodb", params, READERS["emodb"], CLASSES)
    assert {length, phase} <= set(ingested.messages)
    rows = ingested.utterances.set_index("path")
    assert rows.loc["wav/03a01Fa.wav", "num_samples"] == 8000
    assert length in survey("emodb", params, READERS["emodb"], CLASSES).warnings
