"""Rows of predictions in their formats, and the command that writes them."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipeline.__main__ import main
from pipeline.core.errors import InputError
from pipeline.prediction.rows import refuse_output, writing
from tests.helpers.small_weights import swelling, trained

LOGMEL = {"kind": "logmel", "bands": 8}


@pytest.fixture
def speech(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "results/weights/small"
    weights.mkdir(parents=True)
    for seed in (1, 2):
        trained(weights, LOGMEL, seed, name=f"fold1-seed{seed}-last")
        trained(weights, LOGMEL, seed + 10, name=f"fold1-seed{seed}-best")
    (tmp_path / "speech").mkdir()
    soundfile.write("speech/long.wav", swelling(9), 16000)
    soundfile.write("speech/low.wav", swelling(1, 8000), 8000)
    (tmp_path / "speech/bad.wav").write_text("no sound")
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def read(name):
    if name.endswith(".json"):
        return pd.DataFrame(json.loads(Path(name).read_text("utf-8")))
    return pd.read_parquet(name) if name.endswith(".parquet") else pd.read_csv(name)


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet"])
def test_a_folder_becomes_a_table_in_each_format_with_a_row_for_what_cannot_be_read(speech, name, capsys):
    assert run("predict", "small", "speech", "--out", name) == 1
    table = read(name)
    assert list(table["path"]) == ["speech/bad.wav", "speech/long.wav", "speech/low.wav"]
    assert table["error"][0].startswith("unreadable: ")
    assert table["error"][1:].isna().all()
    assert table["predicted"].isna().tolist() == [True, False, False]
    classes = ("joy", "anger", "sadness")
    good = table[1:]
    assert np.allclose(good[[f"p_{one}" for one in classes]].astype(float).sum(axis=1), 1, atol=1e-5)
    assert (good[[f"spread_{one}" for one in classes]].astype(float) > 0).all(axis=None), "of two classifiers"
    assert good["notes"].tolist()[1].startswith("sampled at 8000 Hz")
    assert list(good["seconds"].astype(float)) == [9.0, 1.0]
    printed = capsys.readouterr().err
    assert "speech/low.wav: sampled at 8000 Hz" in printed
    assert f"3 recordings in {name}, 1 of them not usable" in printed


def test_segments_have_their_times_and_average_to_the_utterance(speech, capsys):
    run("predict", "small", "speech/long.wav", "--out", "all.csv")
    run("predict", "small", "speech/long.wav", "--per", "segment", "--out", "parts.csv")
    whole, parts = read("all.csv"), read("parts.csv")
    assert list(parts["segment"]) == [1, 2]
    assert (parts["start_s"].iloc[0], parts["end_s"].iloc[-1]) == (0, pytest.approx(9.0, abs=0.01))
    assert (parts["end_s"] - parts["start_s"]).tolist() == pytest.approx([6.415, 6.415], abs=1e-3)
    for name in ("joy", "anger", "sadness"):
        assert parts[f"p_{name}"].mean() == pytest.approx(whole[f"p_{name}"][0], abs=2e-6)


def test_the_selection_chooses_the_weights_of_a_model_and_more_can_be_added(speech, capsys):
    def joy(*arguments):
        assert run("predict", *arguments, "speech/long.wav", "--out", "x.csv", "--overwrite") == 0
        return read("x.csv")["p_joy"][0]

    last, best = joy("small"), joy("small", "--selection", "best")
    files = [f"results/weights/small/fold1-seed{seed}-best.safetensors" for seed in (1, 2)]
    apart = [joy(file) for file in files]
    assert last != best
    assert np.mean(apart) == pytest.approx(best, abs=2e-6)
    assert joy(files[0], "--also", files[1]) == best
    assert joy("results/weights/small/*-best.safetensors") == best
    assert "spread_joy" not in read("x.csv") or joy(files[0]) == apart[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "smal", "speech"), "smal cannot be read as weights: it is neither a file, nor a folder, nor a model with weights in results/weights; did you mean 'small'? "),
        (("predict", "speech", "speech"), "speech has no weights, so the model was not trained"),
        (("predict", "none*.safetensors", "speech"), "no file matches none*.safetensors"),
        (("predict", "small", "speech", "--out", "x.xlsx"), "x.xlsx: unknown ending '.xlsx'; expected a file that ends with .csv, .json, .parquet"),
        (("predict", "small", "speech", "--out", "speech"), "speech: unknown ending ''"),
        (("predict", "small", "speech", "--out", "no/x.csv"), "the folder no does not exist; make it"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_long(speech, capsys, arguments, message):
    assert run(*arguments) == 1
    assert message in capsys.readouterr().err


def test_a_file_that_exists_is_kept_unless_one_says_otherwise(tmp_path):
    (tmp_path / "x.csv").touch()
    with pytest.raises(InputError, match="x.csv exists; expected a new file, or --overwrite to replace it"):
        refuse_output(tmp_path / "x.csv", overwrite=False)
    refuse_output(tmp_path / "x.csv", overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write, root neither")
def test_a_folder_that_cannot_be_written_is_refused_before_anything_long(speech, capsys):
    assert run("predict", "small", "speech", "--out", "/proc/x.csv") == 1
    assert re.fullmatch(
        r"predict: the folder /proc cannot be written \(.+\); name a file elsewhere\n", capsys.readouterr().err
    )
    assert run("timeline", "small", "speech", "--to", "/proc/x") == 1
    assert re.fullmatch(
        r"timeline: the folder /proc/x cannot be written: .+; name another one\n", capsys.readouterr().err
    )


def test_weights_of_an_epoch_that_is_not_there_name_those_that_are(speech, capsys):
    assert run("predict", "small", "speech", "--selection", "dev") == 1
    assert (
        "results/weights/small has no weights of the dev epoch; expected --selection last or best, which it has"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["x.csv", "x.json"])
def test_rows_of_a_batch_that_was_stopped_are_kept_apart(tmp_path, name):
    def stopped():
        with writing(tmp_path / name, ["path", "error"]) as write:
            write({"path": "a.wav", "error": None})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.partial.csv"]
    assert (tmp_path / "x.partial.csv").read_text() == "path,error\na.wav,\n"


def test_classifiers_of_other_classes_do_not_predict_together(speech, capsys, monkeypatch):
    monkeypatch.setattr("tests.helpers.small_weights.CLASSES", ("joy", "fear"))
    trained(speech, LOGMEL, 5, name="other")
    assert run("predict", "small", "speech", "--also", "other.safetensors") == 1
    assert "other.safetensors has the classes joy and fear, and " in (printed := capsys.readouterr().err)
    assert "expected the same, since their probabilities are averaged" in printed


def test_the_home_folder_is_meant_where_the_shell_leaves_the_tilde(speech, monkeypatch):
    monkeypatch.setenv("HOME", str(speech))
    assert run("predict", "small", "speech/long.wav", "--out=~/out.csv") == 0
    assert (speech / "out.csv").is_file()
    assert run("timeline", "small", "speech/long.wav", "--to=~/lines") == 0
    assert (speech / "lines/long.csv").is_file()
