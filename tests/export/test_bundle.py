"""Exports: the graph gives torch's probabilities, the runner needs no torch, and bad input is refused by name."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pipeline.__main__ import main
from pipeline.audio.decoding import load
from pipeline.audio.resampling import resample
from pipeline.features.segmentation import cut, frames_of
from pipeline.frontends.registry import front_end_of
from pipeline.models.family import Design
from pipeline.models.options import NetworkParams
from pipeline.models.registry import FAMILIES, family
from pipeline.prediction.ensemble import Ensemble, Member, load_ensemble
from pipeline.prediction.segments import score
from pipeline.runs.weights import Weights, save_weights
from pipeline.training.params import Reading
from tests.helpers.experiment import params_with
from tests.helpers.small_weights import swelling, trained

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from pipeline.export import runner  # noqa: E402
from pipeline.export.bundle import build_model, largest_difference  # noqa: E402
from pipeline.export.features import expressible  # noqa: E402

SPECTROGRAM = {"kind": "spectrogram", "cmvn": "segment"}
LOGMEL = {"kind": "logmel", "bands": 16}
STATS = {"kind": "functionals", "of": {"kind": "logmel", "bands": 6, "cmvn": "none"}}

RESNEXTS = [
    {"layout": "PreAct"},
    {"layout": "PreActBN", "shake": {"bands": 2}, "standardise": "fold"},
    {"layout": "PostAct", "network": {"padding": "same", "pooling": "bins"}},
    {"layout": "RPreAct", "shakedrop": {"last_keep": 0.3}, "network": {"kernel": (3, 5)}},
    {"layout": "BN-Shake", "network": {"kernel": (2, 16), "branches": 3, "widths": (2, 2, 3), "blocks": (2, 1)}},
]
FRAMEWISE = [
    {"family": "attention"},
    {"family": "attention", "convolutions": (4, 8, 4), "halvings": 2, "pooling": "statistics", "every": 1},
    {"family": "cnn_lstm", "convolutions": (4, 6), "lstm": 5, "pooling": "mean", "mlp": (7, 3)},
]


def weights_of(frontend, classes=("joy", "anger", "sadness"), seed=0, **options):
    """Weights whose numbers are random, statistics of normalisations and standardisation included."""
    params, front_end = params_with(), front_end_of(frontend)
    kind = family(options.setdefault("family", "resnext"))
    network = NetworkParams.model_validate(params.network.model_dump() | options.pop("network", {}))
    model = kind.options.model_validate({"label": "x", **options})
    design = Design(model, network, params.features, len(classes), front_end.shape)
    built = kind.classifier(design, seed)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, values in built.state_dict().items():
            if name.endswith(("running_var", "deviation")):
                values.uniform_(0.5, 2)
            elif values.is_floating_point() and name.endswith(("running_mean", ".mean", "coef", "intercept")):
                values.normal_(0, 0.3)
    left, right, every = (2, 1, 8) if kind.reads == "spliced" else (0, 0, 1)
    reading = Reading("x", left, right, every, "fp32", framewise=kind.reads != "rows")
    return Weights(built.state_dict(), f"run{seed}", 1, design, reading, frontend, classes, params.segment)


def ensemble_of(*weights):
    front_end = weights[0].front_end()
    return Ensemble(
        tuple(Member(Path(f"{one.identity}.safetensors"), one, one.build(), 0) for one in weights), (front_end,)
    )


def compared(tmp_path, weights, lengths=(0.3, 0.72, 7.1)):
    """The largest difference between a graph and `score` on recordings of these seconds."""
    ensemble = ensemble_of(*weights)
    session = onnxruntime.InferenceSession(
        build_model(ensemble).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    largest = 0.0
    for number, seconds in enumerate(lengths):
        soundfile.write(tmp_path / "a.wav", swelling(seconds, seed=number), 16000)
        expected = score(tmp_path / "a.wav", ensemble)
        samples = load(tmp_path / "a.wav")
        bounds = np.array(cut(frames_of(len(samples)), 640))
        mean, members = session.run(["probabilities", "members"], {"samples": samples, "bounds": bounds})
        np.testing.assert_allclose(mean, members.mean(axis=1), atol=1e-6)
        largest = max(largest, float(np.abs(members - expected.members).max()))
    return largest


@pytest.mark.parametrize("options", RESNEXTS, ids=lambda one: one["layout"])
def test_a_resnext_with_its_front_end_gives_the_probabilities_of_torch(tmp_path, options):
    assert compared(tmp_path, [weights_of(SPECTROGRAM, **options)]) < 1e-4


@pytest.mark.parametrize("options", FRAMEWISE, ids=["attention", "statistics", "cnn_lstm"])
def test_a_network_of_frames_does(tmp_path, options):
    assert compared(tmp_path, [weights_of(LOGMEL, **options)]) < 1e-4


@pytest.mark.parametrize("frontend", [SPECTROGRAM, {"kind": "logmel", "bands": 16, "cmvn": "utterance"}])
def test_a_minute_does(tmp_path, frontend):
    assert compared(tmp_path, [weights_of(frontend, family="attention", convolutions=())], (60.0,)) < 1e-4


@pytest.mark.parametrize(
    "frontend",
    [
        {"kind": "spectrogram", "cmvn": "utterance"},
        {"kind": "mfcc", "cmvn": "segment", "deltas": 2},
        {"kind": "mfcc", "use_energy": False, "deltas": 0, "cmvn": "none"},
        {"kind": "logmel", "cmvn": "utterance", "low_freq": 100.0, "high_freq": -500.0},
    ],
    ids=lambda one: "-".join(map(str, one.values())),
)
def test_every_front_end_of_kaldi_does(tmp_path, frontend):
    assert compared(tmp_path, [weights_of(frontend, family="attention", convolutions=())]) < 1e-4


@pytest.mark.parametrize("standardise", ["none", "fold"])
def test_a_linear_svm_on_functionals_does(tmp_path, standardise):
    weights = weights_of(STATS, family="linear_svm", standardise=standardise)
    tensors = weights.tensors | {"coef": weights.tensors["coef"] / 30}
    assert compared(tmp_path, [replace(weights, tensors=tensors)]) < 1e-4


def fitted(name, rows, labels, **options):
    """A family of scikit-learn that learned something, on the columns of functionals."""
    from pipeline.models.base import Batch, TrainingSet

    weights = weights_of(STATS, family=name, **options)
    built = family(name).classifier(weights.design, 0)
    batch = Batch(torch.from_numpy(rows)[:, None, None], torch.arange(len(rows)), torch.from_numpy(labels))
    built.fit(
        TrainingSet(built.prepared(batch), torch.ones(3), torch.from_numpy(labels) * 0 + torch.arange(len(rows)) % 6, 1)
    )
    return replace(weights, tensors={key: value.clone() for key, value in built.state_dict().items()})


@pytest.mark.parametrize(
    ("name", "options"),
    [("random_forest", {"n_trees": 7, "min_leaf": 1}), ("mlp", {"hidden": (5, 4), "alpha": 0.1, "passes": 20})],
)
def test_families_of_scikit_learn_do(tmp_path, name, options):
    source = np.random.default_rng(0)
    labels = np.arange(60) % 3
    scale = np.abs(source.normal(5, 3, 60)).astype(np.float32)
    rows = (source.standard_normal((60, 60)).astype(np.float32) + labels[:, None]) * scale
    weights = fitted(name, rows, labels, standardise="none", **options)
    assert compared(tmp_path, [weights], (0.3, 6.5, 15.0)) < 1e-4


def test_every_family_has_an_onnx_form():
    tried = {"resnext", *(one["family"] for one in FRAMEWISE), "linear_svm", "logistic", "random_forest", "mlp"}
    assert set(FAMILIES) == tried, "logistic is the classifier of linear_svm"


def test_several_members_and_temperatures(tmp_path):
    several = [weights_of(LOGMEL, seed=seed, family="attention") for seed in range(3)]
    assert compared(tmp_path, [replace(one, temperature=0.5 + one.identity.count("1")) for one in several]) < 1e-4


def test_recordings_whose_upper_bins_are_rounding_alone(tmp_path):
    """Of 8 kHz: what stands above 4 kHz is the rounding of the resampling, and the two transforms round differently."""
    ensemble = ensemble_of(weights_of(SPECTROGRAM, **RESNEXTS[0]))
    content = build_model(ensemble).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    soundfile.write(tmp_path / "a.wav", swelling(4, 8000), 8000)
    samples = load(tmp_path / "a.wav")
    bounds = np.array(cut(frames_of(len(samples)), 640))
    found = session.run(["members"], {"samples": samples, "bounds": bounds})[0]
    assert np.abs(found - score(tmp_path / "a.wav", ensemble).members).max() < 1e-3


def test_a_front_end_that_is_no_graph_leaves_features_as_input():
    options = {"kind": "logmel", "bands": 16, "speed": 1.1}
    assert not expressible(front_end_of(options).options)
    ensemble = ensemble_of(weights_of(options, family="attention"))
    content = build_model(ensemble).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["features", "bounds"]
    assert largest_difference(content, ensemble) < 1e-4


RUN_WITHOUT_TORCH = """
import runpy, sys
for name in ("torch", "pipeline", "scipy", "soxr"):
    sys.modules[name] = None
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""`python -c` with the path of the runner and its arguments; an import of what it must not need fails."""


def without_torch(folder, *recordings):
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT_TORCH, str(folder / "run.py"), *map(str, recordings)],
        capture_output=True, text=True, check=False, cwd=folder.parent,
    )  # fmt: skip
    return done.returncode, list(csv.DictReader(io.StringIO(done.stdout))), done.stderr


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def test_the_runner_predicts_without_torch_what_predict_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = [trained(tmp_path, LOGMEL, seed, temperature=1.7, name=f"s{seed}") for seed in (1, 2)]
    assert run("export", files[0], "--also", files[1], "--to", "bundle") == 0
    assert "it reads recordings; largest difference from torch" in capsys.readouterr().out
    assert sorted(path.name for path in Path("bundle").iterdir()) == [
        "README.md",
        "config.json",
        "model.onnx",
        "run.py",
        "weights",
    ]
    assert Path("bundle/weights/s1.safetensors").read_bytes() == files[0].read_bytes()
    names = {"a.wav": (15, 16000, 1), "b.wav": (3, 44100, 2), "c.wav": (0.3, 16000, 1)}
    for number, (name, (seconds, rate, channels)) in enumerate(names.items()):
        soundfile.write(name, swelling(seconds, rate, channels, seed=number), rate)
    (tmp_path / "bad.wav").write_text("x")
    status, rows, error = without_torch(tmp_path / "bundle", *names, "bad.wav")
    assert (status, error) == (1, "")
    for row, name in zip(rows, names, strict=False):
        expected, spread = score(Path(name), load_ensemble(files)).of_utterance
        for place, one in enumerate(("joy", "anger", "sadness")):
            assert float(row[f"p_{one}"]) == pytest.approx(expected[place], abs=1e-4)
            assert float(row[f"spread_{one}"]) == pytest.approx(spread[place], abs=1e-4)
    assert rows[-1]["error"].startswith("unreadable: ")


@pytest.mark.parametrize(
    ("rate", "tolerance"),
    [(8000, 1e-5), (24000, 1e-5), (32000, 1e-5), (48000, 1e-5), (96000, 1e-5), (44100, 2e-4), (22050, 2e-4), (11025, 5e-4)],
)  # fmt: skip
def test_without_soxr_recordings_are_resampled_as_soxr_does(rate, tolerance):
    """White noise, so the edge of the filter counts too, which the highest mel band sees. At both ends they differ."""
    samples = np.random.default_rng(0).standard_normal(rate // 2).astype(np.float32)
    expected = np.concatenate(list(resample([samples], rate)))
    found = runner._filtered(samples, rate, len(expected))
    assert np.abs(found - expected)[200:-200].max() < tolerance * np.abs(expected).max()


def test_what_the_runner_cannot_use_is_a_named_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("export", trained(tmp_path, LOGMEL), "--to", "bundle") == 0
    os.mkfifo("pipe.wav")
    odd = os.fsdecode(b"caf\xe9.wav")
    soundfile.write("a.wav", swelling(1), 16000)
    Path("a.wav").rename(odd)
    status, rows, error = without_torch(tmp_path / "bundle", "pipe.wav", odd, "gone.wav")
    assert (status, error) == (1, "")
    assert [row["path"] for row in rows] == ["pipe.wav", "caf\\udce9.wav", "gone.wav"]
    errors = [row["error"] for row in rows]
    assert errors == ["unreadable: not a regular file", "", "unreadable: there is no such file"]


def test_features_that_the_runner_cannot_use_are_a_named_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("export", trained(tmp_path, LOGMEL | {"speed": 1.1}), "--to", "bundle") == 0
    Path("empty.npy").touch()
    Path("zip.npy").write_bytes(b"PK\x03\x04 not an archive")
    np.save("words.npy", np.array(["a", "b"]))
    np.save("nan.npy", np.full((4, 16), np.nan, np.float32))
    np.save("good.npy", np.ones((4, 16), np.float32))
    names = ("empty", "zip", "words", "nan", "good")
    status, rows, error = without_torch(tmp_path / "bundle", *(f"{name}.npy" for name in names))
    assert (status, error) == (1, "")
    errors = [row["error"] for row in rows]
    assert all(one.startswith("unreadable as .npy of numbers: ") for one in errors[:3])
    assert errors[3:] == ["not finite: the model gives no finite probabilities for it", ""]


def test_a_bundle_that_was_changed_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("export", trained(tmp_path, LOGMEL), "--to", "bundle") == 0
    soundfile.write("a.wav", swelling(1), 16000)
    config, model = Path("bundle/config.json"), Path("bundle/model.onnx")
    good = config.read_text()
    for values, message in (
        ({"classes": ["joy", "an\x1b[31mger"]}, "config.json is damaged"),
        ({"longest_segment": 10**9}, "config.json is damaged"),
        ({"format": "shaking-emotions-export-9"}, "expected 'shaking-emotions-export-1'"),
        ({"sha256": "0" * 64}, "model.onnx is not the model that config.json describes"),
    ):
        config.write_text(json.dumps(json.loads(good) | values))
        status, _, error = without_torch(tmp_path / "bundle", "a.wav")
        assert status == 1
        assert message in error
        assert "Traceback" not in error
    config.write_text(good)
    model.write_bytes(model.read_bytes()[:-100])
    assert "model.onnx is not the model" in without_torch(tmp_path / "bundle", "a.wav")[2]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: (folder.mkdir(), (folder / "x").touch()), "is not empty; expected a new or an empty one"),
        (lambda folder: folder.touch(), "is not a folder; expected a new or an empty one"),
        (lambda folder: folder.symlink_to("gone"), "is not a folder"),
    ],
)
def test_a_used_folder_is_kept(tmp_path, monkeypatch, capsys, prepare, message):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path / "bundle")
    assert run("export", trained(tmp_path, LOGMEL), "--to", "bundle") == 1
    assert message in capsys.readouterr().err


def test_a_model_that_did_not_finish_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.helpers.small_weights.CLASSES", tuple(params_with().classes))
    Path("params.yaml").write_text(params_with().model_dump_json(exclude_none=True))  # JSON is YAML
    for folder in ("PreAct", "PreActBN-Full"):
        Path(f"results/weights/{folder}").mkdir(parents=True)
    trained(Path("results/weights/PreAct"), LOGMEL, name="fold1-seed1-last")
    assert run("export", "PreAct", "--to", "bundle") == 1
    assert "PreAct did not finish: results/runs/PreAct.csv does not exist; `dvc repro" in capsys.readouterr().err
    assert run("export", "PreActBN-Full", "--to", "bundle") == 1
    assert "results/weights/PreActBN-Full has no weights, so the model was not trained" in capsys.readouterr().err
    assert not Path("bundle").exists()


def test_weights_of_strangers_are_refused_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = trained(tmp_path, LOGMEL)
    content = file.read_bytes()
    newer = content.replace(b"shaking-emotions-weights-3", b"shaking-emotions-weights-4")
    for name, bad, message in (
        ("newer", newer, "written by a newer version of this software; install that version"),
        ("cut", content[:-50], "cut.safetensors cannot be read as weights"),
        ("huge", (1 << 60).to_bytes(8, "little") + content[8:], "huge.safetensors cannot be read as weights"),
        ("labels", content.replace(b"sadness", b"sad\\u001b"[:7]), "labels.safetensors"),
    ):
        Path(f"{name}.safetensors").write_bytes(bad)
        assert run("export", f"{name}.safetensors", "--to", "bundle") == 1
        printed = capsys.readouterr().err
        assert message in printed
        assert "Traceback" not in printed
        assert not Path("bundle").exists()


def test_weights_are_those_that_save_weights_wrote(tmp_path):
    weights = weights_of(LOGMEL, family="attention")
    save_weights(weights, tmp_path / "a.safetensors")
    assert load_ensemble([tmp_path / "a.safetensors"]).members[0].weights.identity == weights.identity
