"""`predict`: what is said about recordings, and files that do not end the batch."""

import argparse
import csv
import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

from pipeline.commands import predict as command
from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.features.params import SegmentParams
from pipeline.frontends.spectrogram import Spectrogram, SpectrogramOptions
from pipeline.prediction import ensemble, segments
from pipeline.prediction.ensemble import notes_on_features
from tests.helpers.sounds import by_libsndfile, noise


@pytest.fixture
def answer(monkeypatch):
    """Weights of no network, whose probabilities a test sets."""
    values = [0.25, 0.75]
    trained = SimpleNamespace(
        identity="identity",
        epoch=1,
        temperature=None,
        frontend={"kind": "spectrogram", "cmvn": "segment"},
        classes=("joy", "anger\x1b[31m"),
        segment=SegmentParams(seconds=6.4),
        reading=SimpleNamespace(left=2, right=1, every=8),
        build=lambda: SimpleNamespace(standardisation=None),
        depends={},
        design=SimpleNamespace(shape=Shape(257)),
        front_end=lambda: Spectrogram(SpectrogramOptions(kind="spectrogram", cmvn="segment")),
    )
    monkeypatch.setattr(ensemble, "load_weights", lambda path: trained)
    monkeypatch.setattr(ensemble, "weight_files", lambda model, selection: [Path(model)])
    monkeypatch.setattr(segments, "probabilities", lambda network, bank, segments: torch.tensor([values]))
    return values


def options(model, *recordings, **more):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(model), *map(str, recordings)], argparse.Namespace(**more))


def run(*paths):
    return command.run(options("weights", *([] if all(str(one)[0] not in "-" for one in paths) else ["--"]), *paths))


def test_notes_go_to_standard_error_and_rows_to_standard_output(answer, tmp_path, capsys):
    content = bytearray(by_libsndfile("AU", "PCM_16"))
    content[8:12] = (2000).to_bytes(4, "big")
    (tmp_path / "a.au").write_bytes(content)
    assert run(tmp_path / "a.au") == 0
    captured = capsys.readouterr()
    assert captured.err == f"{tmp_path}/a.au: its header declares 2000 bytes of samples and 96000 follow\n"
    header, row = csv.reader(io.StringIO(captured.out))
    assert header == ["path", "predicted", "p_joy", "p_anger\\x1b[31m", "seconds", "notes", "error"], (
        "no control character reaches the terminal"
    )
    note = "its header declares 2000 bytes of samples and 96000 follow"
    assert row[1:] == ["anger\\x1b[31m", "0.250000", "0.750000", row[4], note, ""]


def test_no_file_ends_the_batch(answer, tmp_path, capsys, monkeypatch):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    for name in (odd, tmp_path / "long.wav", tmp_path / "last.wav"):
        Path(name).write_bytes(by_libsndfile("WAV", samples=noise(4000)))
    os.mkfifo(tmp_path / "pipe.wav")
    load = segments.load_or_stream

    def loaded(path, most):
        if path.name == "long.wav":
            raise MemoryError
        return load(path, most)

    monkeypatch.setattr(segments, "load_or_stream", loaded)
    assert run(odd, tmp_path / "pipe.wav", tmp_path / "long.wav", tmp_path / "last.wav") == 1
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert [Path(row["path"]).name for row in rows] == ["caf\\xe9.wav", "pipe.wav", "long.wav", "last.wav"]
    assert [row["error"] for row in rows] == [
        "",
        "unreadable: not a regular file",
        "too long for the memory of this machine; cut it into shorter recordings",
        "",
    ]
    assert [row["predicted"] != "" for row in rows] == [True, False, False, True]
    pipe, long = captured.err.splitlines()
    assert pipe.endswith("pipe.wav: unreadable: not a regular file")
    assert long.endswith("long.wav: too long for the memory of this machine; cut it into shorter recordings")


def test_probabilities_that_are_not_finite_are_no_prediction(answer, tmp_path, capsys):
    answer[:] = [np.nan, np.nan]
    (tmp_path / "a.wav").write_bytes(by_libsndfile("WAV", samples=noise(4000)))
    assert run(tmp_path / "a.wav") == 1
    captured = capsys.readouterr()
    assert captured.err == f"{tmp_path}/a.wav: not finite: these weights give no finite probabilities for it\n"
    (row,) = csv.DictReader(io.StringIO(captured.out))
    assert (row["predicted"], row["error"]) == ("", "not finite: these weights give no finite probabilities for it")


def test_a_pipe_in_place_of_the_weights_is_refused(tmp_path):
    os.mkfifo(tmp_path / "weights")
    with pytest.raises(InputError, match="weights is no file; expected a file of results/weights"):
        command.run(options(tmp_path / "weights", "a.wav"))


class Depending(Spectrogram):
    """A spectrogram that depends on a file and on a version."""

    now: ClassVar = {"model": {"weights": "a" * 64}, "library": "1.0", "of": {"source": "b" * 64}}

    def identity(self):
        return self.now


def depending(**depends):
    front_end = Depending(SpectrogramOptions(kind="spectrogram", cmvn="segment"))
    return SimpleNamespace(depends=depends), front_end


def test_another_file_of_the_front_end_than_in_training_is_refused():
    weights, front_end = depending(model={"weights": "c" * 64}, library="1.0")
    with pytest.raises(InputError, match=f"reads another model weights than in training .SHA-256 {'a' * 64} now"):
        list(notes_on_features(weights, front_end))


def test_another_version_is_said_and_code_and_what_is_new_are_not():
    weights, front_end = depending(model={"weights": "a" * 64}, library="0.9", of={"source": "d" * 64})
    assert list(notes_on_features(weights, front_end)) == [
        "features are computed with library 1.0, and were with 0.9 in training"
    ]
    assert list(notes_on_features(depending()[0], front_end)) == []


def test_a_path_that_begins_like_a_formula_is_none_in_a_spreadsheet_and_still_the_path(
    answer, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = ("=1+1.wav", "+a.wav", "-a.wav", "@a.wav", "a=b.wav")
    for name in names:
        Path(name).write_bytes(by_libsndfile("WAV", samples=noise(4000)))
    assert run(*names) == 0
    cells = [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out))][1:]
    assert cells == ["./=1+1.wav", "./+a.wav", "./-a.wav", "./@a.wav", "a=b.wav"]
    assert all(Path(cell).is_file() for cell in cells)
