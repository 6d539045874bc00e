import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.audio.decoding import load
from pipeline.frontends.spectrogram import normalise, spectrogram, splice
from pipeline.models.configured import configured_network
from pipeline.runs.cost import StepTime, cost
from pipeline.runs.weights import Weights, save_weights
from tests.helpers.closure import ROOT
from tests.helpers.experiment import params_with, write_experiment


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def weights(tmp_path):
    params = params_with()
    model = params.models["PreActBN-Full"]
    network = configured_network(params.network, model, params.features, 4, seed=3)
    weights = Weights(
        network.state_dict(), "identity", 7, params.network, model, params.classes, params.features, params.segment
    )  # fmt: skip
    save_weights(weights, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors", weights


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def test_summary_prints_table_5_of_the_paper(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text((ROOT / "params.paper.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert run("summary", "PreAct-Both") == 0
    printed = capsys.readouterr().out
    assert "layout PreAct, gamma0 1, shaking 2 bands, 2 branches, model frames of 16 x 257" in printed
    rows = {line.split()[0]: line.split()[-1] for line in printed.splitlines()[1:] if line}
    assert rows["prelim-conv"] == "132"
    assert rows["res-8"] == "22,840"
    assert rows["res-32"] == "99,168"
    assert rows["total"] == "148,044"


def test_summary_tells_the_options_of_a_model(tmp_path, monkeypatch, capsys):
    text = (ROOT / "params.paper.yaml").read_text()
    asked = "models:\n  Asked: {label: Asked, layout: PreAct, shake: {backward: M2}, vcl: {samples: 3}}\n"
    (tmp_path / "params.yaml").write_text(text.replace("models:\n", asked))
    monkeypatch.chdir(tmp_path)
    assert run("summary", "Asked") == 0
    printed = capsys.readouterr().out
    assert "shaking 1 band (backward M2), vcl (samples 3, weight 0.01), 2 branches" in printed
    counts = [
        int(line.split()[-1].replace(",", "")) for line in printed.splitlines()[2:] if line[:7] != "average" and line
    ]
    assert sum(counts[:-1]) == counts[-1]


def test_summary_prints_all_models(at_root, capsys):
    assert run("summary") == 0
    assert capsys.readouterr().out.count("prelim-conv") == 5


def test_an_unknown_model_is_refused_with_the_nearest(at_root, capsys):
    assert run("summary", "PreActt") == 1
    assert "'PreActt' is no model of params.yaml; did you mean 'PreAct'?" in capsys.readouterr().err


def sound(path, seconds, rate=16000, channels=1):
    source = np.random.default_rng(0)
    samples = (
        source.standard_normal((int(seconds * rate), channels)) * np.linspace(0.01, 0.2, int(seconds * rate))[:, None]
    )
    soundfile.write(path, samples, rate)


def test_predict_prints_the_probabilities_of_a_recording(weights, tmp_path, capsys):
    path, trained = weights
    sound(tmp_path / "a.wav", 2.0)
    assert run("predict", path, tmp_path / "a.wav") == 0
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    frames = splice(normalise(spectrogram(torch.from_numpy(load(tmp_path / "a.wav")))), 2, 1, 8).unsqueeze(1)
    with torch.inference_mode():
        expected = trained.build()(frames, torch.zeros(len(frames), dtype=torch.int64), 1).softmax(1)[0]
    assert [float(row[f"p_{name}"]) for name in trained.classes] == pytest.approx(expected.tolist(), abs=1e-5)
    assert row["predicted"] == trained.classes[int(expected.argmax())]
    assert row["path"] == str(tmp_path / "a.wav")


def test_predict_reads_any_format_and_averages_over_segments(weights, tmp_path, capsys):
    sound(tmp_path / "long.flac", 15.0, rate=44100, channels=2)
    sound(tmp_path / "short.wav", 1.0, rate=8000)
    assert run("predict", weights[0], tmp_path / "long.flac", tmp_path / "short.wav") == 0
    for row in csv.DictReader(io.StringIO(capsys.readouterr().out)):
        assert sum(float(value) for name, value in row.items() if name.startswith("p_")) == pytest.approx(1, abs=1e-5)


def test_predict_names_what_it_cannot_read_and_goes_on(weights, tmp_path, capsys):
    (tmp_path / "bad.wav").write_text("no sound")
    sound(tmp_path / "good.wav", 1.0)
    assert run("predict", weights[0], tmp_path / "bad.wav", tmp_path / "none.wav", tmp_path / "good.wav") == 1
    captured = capsys.readouterr()
    assert "bad.wav: unreadable" in captured.err
    assert "none.wav: " in captured.err
    assert "good.wav," in captured.out


def test_predict_refuses_what_is_no_weights(tmp_path, capsys):
    (tmp_path / "x").write_text("x")
    assert run("predict", tmp_path / "x", tmp_path / "a.wav") == 1
    assert "cannot be read as weights" in capsys.readouterr().err


def test_estimate_says_runs_hours_and_disk(at_root, capsys):
    assert run("estimate") == 0
    printed = capsys.readouterr().out
    assert "40 in all" in printed
    assert [line.split()[0] for line in printed.splitlines()] == ["data", "runs", "step", "one", "all", "disk"]


def test_estimate_does_not_take_the_demos_segments_for_the_papers(tmp_path, monkeypatch, capsys):
    """After the demo, its files lie under the keys of the paper's corpora."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    values = json.loads(params_with().model_dump_json(exclude_none=True))
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(values, stream)
    deps = {
        name: [{"path": "pipeline/audio.py"}, {"path": path}]
        for name, path in (("emodb", "emodb"), ("savee", "demo/savee"))
    }
    with Path("dvc.lock").open("w") as stream:
        YAML(typ="safe").dump({"stages": {f"ingest@{name}": {"deps": dep} for name, dep in deps.items()}}, stream)
    assert run("estimate") == 0
    assert "6803 segments" in (printed := capsys.readouterr().out)
    assert "savee not segmented yet" in printed
    Path("dvc.lock").write_text(Path("dvc.lock").read_text().replace("demo/savee", "savee"))
    assert run("estimate") == 0
    assert "64 segments" in capsys.readouterr().out


def test_the_cost_of_an_experiment_adds_up():
    params = params_with({"train.epochs": 10, "train.eval_train_every": 2})
    frames = 8 * 1000  # a thousand model frames, half of them to train on
    result = cost(params, StepTime(train=3.0, score=1.0), runs=[5, 1], spectrogram_frames=frames, workers=2)
    epoch = 500 * 3 + 500 * 1 + 500 * 1 / 2
    assert result.run_hours == pytest.approx(10 * epoch / 3600)
    assert result.hours == pytest.approx(4 * 10 * epoch / 3600), (
        "five runs, two at a time, take three rounds, the other model one"
    )
    assert result.features_bytes == 4 * 257 * frames
    nothing = cost(params, StepTime(3.0, 1.0), runs=[0], spectrogram_frames=frames, workers=2)
    assert (nothing.hours, nothing.results_bytes) == (0, 0)
