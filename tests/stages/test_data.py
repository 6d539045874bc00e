"""The stages between ingest and train as they are run: `python -m stages.<name>` where `params.yaml` lies."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from ruamel.yaml import YAML

from pipeline.core.tables import FOLDS, SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.features.archive import read_archive
from tests.helpers.warm_python import run_stage

ROOT = Path(__file__).parents[2]

EMOTIONS = ("joy", "anger", "sadness", "fear")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ingest leaves of one configured corpus of four actors, and of one that was taken out of the params."""
    folder = tmp_path_factory.mktemp("repository")
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["corpora"] = {"emodb": {"path": "recordings"}}
    (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")  # JSON is YAML
    (folder / "recordings").mkdir()
    random = np.random.default_rng(0)
    rows = []
    for actor, gender in (("s03", "M"), ("s08", "F"), ("s09", "F"), ("s10", "M")):
        for emotion in EMOTIONS:
            key, samples = f"{actor}{emotion}", 105_000 if emotion == "fear" else 8_000
            sound = (random.normal(size=samples) * 3000).astype(np.int16)
            soundfile.write(folder / "recordings" / f"{key}.wav", sound, 16_000)
            seconds, digest = samples / 16_000, hashlib.sha256(sound).hexdigest()
            rows.append((key, "emodb", f"{key}.wav", emotion, actor, gender, seconds, actor, 16_000, samples, digest))
    table = pd.DataFrame(rows, columns=list(UTTERANCES.columns))
    write_table(table, folder / "data/utterances/emodb.csv", UTTERANCES)
    removed = pd.DataFrame([("x-1", "x", "savee", "joy", "DC", "M", "DC", 0, 10)], columns=list(SEGMENTS.columns))
    write_table(removed, folder / "data/segments/savee.csv", SEGMENTS)
    return folder


def test_from_utterances_to_what_training_reads(folder: Path) -> None:
    done = run_stage(folder, "segment", "emodb")
    assert (done.returncode, done.stdout, done.stderr) == (0, "emodb: 16 utterances, 20 segments\n", "")
    segments = read_table(folder / "data/segments/emodb.csv", SEGMENTS)

    done = run_stage(folder, "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    described = json.loads((folder / "data/frontends/spectrogram.json").read_text(encoding="utf-8"))
    assert described["options"] == {"kind": "spectrogram", "cmvn": "segment"}

    for front_end in ("spectrogram", "logmel", "stats"):
        done = run_stage(folder, "extract", front_end, "emodb")
        assert done.returncode == 0, done.stderr
        assert "16/16" in done.stderr
    features = dict(read_archive(folder / "data/features/spectrogram/emodb.scp", folder))
    assert list(features) == list(segments["segment"])
    assert [len(matrix) for matrix in features.values()] == list(segments["num_frames"])
    assert all(matrix.shape[1] == 257 for matrix in features.values())

    done = run_stage(folder, "partition")
    assert (done.returncode, done.stderr) == (0, "")
    total = done.stdout.splitlines()[-1].split()
    assert (total[0], sorted(total[1:])) == ("Total", list("00001111"))
    folds = read_table(folder / "data/folds.csv", FOLDS)
    assert sorted(folds["fold"]) == [1, 2, 3, 4]
    assert set(folds["corpus"]) == {"emodb"}

    done = run_stage(folder, "inputs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    inputs = json.loads((folder / "data/inputs.json").read_text(encoding="utf-8"))
    assert list(inputs) == ["emodb"]
    assert inputs["emodb"]["num_segments"] == 20
    assert list(inputs["emodb"]["features"]) == ["logmel", "spectrogram", "stats"]
    rows = [matrix.shape for _, matrix in read_archive(folder / "data/features/stats/emodb.scp", folder)]
    assert rows == [(1, 320)] * 20, "ten statistics of 32 bands"


def test_one_sound_in_two_corpora_is_refused_before_there_are_folds(tmp_path: Path) -> None:
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["corpora"] = {"emodb": {"path": "a"}, "savee": {"path": "b"}}
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for corpus in params["corpora"]:
        row = (f"{corpus}-x", corpus, f"{corpus}.wav", "joy", "spk1", "F", 1.0, "spk1", 16_000, 16_000, "0" * 64)
        table = pd.DataFrame([row], columns=list(UTTERANCES.columns))
        write_table(table, tmp_path / f"data/utterances/{corpus}.csv", UTTERANCES)
    done = run_stage(tmp_path, "partition")
    assert done.returncode == 1
    assert done.stderr.startswith("partition: different corpora hold the same sound")
    assert "emodb.wav of emodb and savee.wav of savee" in done.stderr
    assert not (tmp_path / "data/folds.csv").exists()


@pytest.mark.parametrize("arguments", [("segment", "savee"), ("extract", "spectrogram", "savee")])
def test_an_unknown_corpus_is_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run_stage(folder, *arguments)
    assert done.returncode == 1
    name = f"{arguments[0]}@{'-'.join(arguments[1:])}"
    assert done.stderr == f"{name}: 'savee' is not a corpus in params.yaml; expected one of emodb\n"


def test_an_unknown_front_end_is_refused(folder: Path) -> None:
    done = run_stage(folder, "extract", "mfcc", "emodb")
    assert done.returncode == 1
    assert done.stderr.startswith("extract@mfcc-emodb: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["ingest", "segment", "partition", "inputs"])
def test_stages_without_tensors_do_not_wait_for_torch(stage: str) -> None:
    program = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
