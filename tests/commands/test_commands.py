import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from ruamel.yaml import YAML

from pipeline import __version__
from pipeline.__main__ import main
from pipeline.audio.decoding import load
from pipeline.commands.estimate import _noise
from pipeline.core.features import Shape
from pipeline.frontends.kaldi import normalise, spectrogram
from pipeline.frontends.opensmile import OpenSmile
from pipeline.frontends.spectrogram import Spectrogram
from pipeline.models.families.resnext import FAMILY as RESNEXT
from pipeline.models.registry import FAMILIES
from pipeline.runs.cost import StepTime, cost
from pipeline.runs.identity import RunSpec
from pipeline.runs.weights import Weights, save_weights
from pipeline.training.splicing import splice
from tests.helpers.closure import ROOT
from tests.helpers.experiment import params_with, write_experiment


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def weights(tmp_path):
    params = params_with()
    spec = RunSpec("PreActBN-Full", 1, 1, 7, params, "data")
    design = spec.design(Shape(dims=257))
    frontend = {"kind": "spectrogram", "cmvn": "segment"}
    weights = Weights(
        spec.family.build(design, 3).state_dict(), "identity", 7, design, spec.reading, frontend, params.classes,
        params.segment,
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


def test_summary_lists_the_options_of_a_model(tmp_path, monkeypatch, capsys):
    text = (ROOT / "params.paper.yaml").read_text()
    asked = "models:\n  Asked: {label: Asked, layout: PreAct, shake: {backward: M2}, vcl: {samples: 3}}\n"
    (tmp_path / "params.yaml").write_text(text.replace("models:\n", asked))
    monkeypatch.chdir(tmp_path)
    assert run("summary", "Asked") == 0
    printed = capsys.readouterr().out
    assert "shaking 1 band (backward M2), vcl (samples 3, weight 0.01, clip 1, unit position), 2 branches" in printed
    counts = [
        int(line.split()[-1].replace(",", "")) for line in printed.splitlines()[2:] if line[:7] != "average" and line
    ]
    assert sum(counts[:-1]) == counts[-1]


def test_summary_prints_all_models(at_root, capsys):
    assert run("summary") == 0
    assert capsys.readouterr().out.count("prelim-conv") == 5


def test_an_unknown_model_is_refused_with_the_nearest(at_root, capsys):
    assert run("summary", "PreActt") == 1
    assert "'PreActt' is not a model in params.yaml; did you mean 'PreAct'?" in capsys.readouterr().err


def test_the_version_is_that_of_the_citation(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"shaking-emotions {__version__}\n"
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__


def test_check_says_that_there_are_no_mistakes(at_root, capsys):
    assert run("check") == 0
    assert capsys.readouterr().out == "params.yaml: no mistakes; 6 corpora, 3 front ends, 7 models\n"
    assert run("check", "params.paper.yaml") == 0
    assert capsys.readouterr().out == "params.paper.yaml: no mistakes; 6 corpora, 1 front end, 22 models\n"


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        (
            {"epochs: 12": "epochs: x", "rope: 1.0": "rope: -1.0", "seconds: 6.4": "seconds: 0", "engine: local": "engine: x"},
            ["train.epochs", "report.rope", "segment.seconds", "execution.engine"],
        ),
        (
            {
                "[joy, anger, sadness, fear]": "[joy, joy]", "seeds: [1, 2]": "seeds: [1, 1]",
                "models: [Functionals-SVM,": "models: [X,", "emodb: {path": "emodb: {table: x, path", "{label: PreAct,":
                "{frontend: mel, label: PreAct,",
            },
            ["classes", "train.seeds", "report.tables.baselines", "corpora.emodb.table", "models.PreAct.frontend"],
        ),
    ],
    ids=["alone", "together"],
)  # fmt: skip
def test_check_lists_all_mistakes_of_all_sections(tmp_path, capsys, changes, places):
    text = (ROOT / "params.yaml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "p.yaml").write_text(text)
    assert run("check", tmp_path / "p.yaml") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *lines = captured.err.splitlines()
    assert first == f"check: {tmp_path / 'p.yaml'}: {len(places)} mistakes"
    assert {line.split(":")[0].split()[0] for line in lines} == {*places}


def test_check_refuses_a_front_end_whose_package_is_not_installed(at_root, monkeypatch, capsys):
    monkeypatch.setattr(Spectrogram, "needs", ("no_such_package",))
    monkeypatch.setattr(Spectrogram, "install", "pip install it")
    assert run("check") == 1
    assert capsys.readouterr().err == (
        "check: the front end spectrogram needs no_such_package, which is not installed; `pip install it` installs it\n"
    )


def params_of(tmp_path, frontends):
    """params.yaml with more front ends."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    (tmp_path / "p.yaml").write_text(
        json.dumps({**params, "frontends": {**params["frontends"], **frontends}})
    )  # JSON is YAML
    return tmp_path / "p.yaml"


def test_check_says_the_licence_of_a_front_end_once(tmp_path, capsys):
    entries = {"egemaps": {"kind": "opensmile"}, "lld": {"kind": "opensmile", "level": "low_level_descriptors"}}
    assert run("check", params_of(tmp_path, entries)) == 0
    captured = capsys.readouterr()
    assert captured.err == f"{OpenSmile.notice}\n"
    assert "not for commercial use" in captured.err
    assert "5 front ends" in captured.out


def test_check_names_the_nearest_feature_set(tmp_path, capsys):
    assert run("check", params_of(tmp_path, {"egemaps": {"kind": "opensmile", "feature_set": "egemapsv02"}})) == 1
    message = (
        "frontends.egemaps.feature_set (line 1): 'egemapsv02' is not a feature set of openSMILE; did you mean 'eGeM"
    )
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"kind": "ssl", "path": "no/such/folder"},
            "no/such/folder is not a folder; expected a folder with config.json",
        ),
        ({"kind": "table", "path": "none.csv"}, "the table none.csv cannot be opened (No such file or directory)"),
        ({"kind": "table", "path": "none.csv", "shift": 2}, "frontends.mine.shift: 2; with one row an utterance"),
    ],
)
def test_check_refuses_a_front_end_whose_files_are_not_there(tmp_path, capsys, entry, message):
    assert run("check", params_of(tmp_path, {"mine": entry})) == 1
    assert message in capsys.readouterr().err


def test_predict_refuses_a_front_end_that_reads_no_audio(weights, tmp_path, capsys):
    save_weights(replace(weights[1], frontend={"kind": "table", "path": "gone.csv"}), tmp_path / "table.safetensors")
    assert run("predict", tmp_path / "table.safetensors", tmp_path / "a.wav") == 1
    captured = capsys.readouterr()
    assert "table.safetensors was trained on the front end table, which reads no audio, so " in captured.err
    assert captured.out == ""


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
    assert "52 in all" in printed, "48 of networks, and one for each fold of the SVM"
    assert "1 thread a run: PreAct, PreAct-Full, PreAct-Both, PreActBN, PreActBN-Full\n" in printed
    assert "for 12 epochs of PreAct\n" in printed
    words = [line.split()[0] for line in printed.splitlines()]
    assert [word for word in dict.fromkeys(words) if word != "not"] == [
        "data",
        "runs",
        "step",
        "one",
        "all",
        "disk",
    ]


def test_estimate_says_what_the_experiment_can_show(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(json.loads(params_with().model_dump_json(exclude_none=True)), stream)
    assert run("estimate", "--power", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["noise", "plan", "error", "power", *["for"] * 4, "spend", "actors"]
    assert lines[0].endswith("(no predictions of two claimed models yet: two networks on RAVDESS, docs/statistics.md)")
    assert lines[1].startswith("plan      96 actors, 1 partition × ")
    assert ", 3 points " in lines[3]
    assert run("estimate", "--power", "-1") == 1
    assert "--power is -1; expected a difference in points of UA, above 0 and at most 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    "partition", [{"scheme": "texts", "folds": 2, "seed": 0}, {"scheme": "cross_corpus", "folds": 2, "seed": 0}]
)
def test_estimate_says_that_power_is_not_known_where_actors_are_in_several_folds(
    tmp_path, monkeypatch, capsys, partition
):
    monkeypatch.chdir(tmp_path)
    with Path("params.yaml").open("w") as stream:
        params = params_with({"partition": partition})
        YAML(typ="safe").dump(json.loads(params.model_dump_json(exclude_none=True)), stream)
    expected = (
        "power     not known: the test over actors needs every actor to be validated in one fold of each partition; "
        f"scheme: {partition['scheme']} validates some in several"
    )
    assert run("estimate", "--power") == 0
    assert expected in capsys.readouterr().out
    rows = [f"savee,{actor},M,{actor},{fold}" for actor in ("DC", "JE") for fold in (1, 2)]
    Path("data").mkdir()
    Path("data/folds.csv").write_text("\n".join(["corpus,actor,gender,group,fold", *rows, ""]))
    assert run("estimate", "--power") == 0
    assert expected in capsys.readouterr().out


def test_estimate_reads_the_predictions_of_the_epoch_and_folds_that_are_reported(tmp_path, monkeypatch):
    """With `dev`, of that epoch; where runs leave one corpus out beside others, of these alone."""
    monkeypatch.chdir(tmp_path)
    params = params_with(
        {"partition": {"scheme": "actors", "folds": 4, "seed": 0, "dev": True}, "report.selection": "dev"}
    )
    seen = []
    path = Path("data/segments")
    path.mkdir(parents=True)
    names = ["segment,utterance,corpus,emotion,actor,gender,group,start_frame,num_frames"]
    for corpus in params.corpora:
        (path / f"{corpus}.csv").write_text("\n".join([*names, f"{corpus}-1,{corpus},{corpus},joy,a,F,a,0,12", ""]))
    table = pd.DataFrame({"selection": ["last", "dev"], "fold": [1, 1]})
    monkeypatch.setattr(
        "pipeline.evaluation.loading.load_predictions", lambda *given: seen.append(given) or {"PreAct": table}
    )
    monkeypatch.setattr("pipeline.evaluation.bootstrap.count_by_actor", lambda rows, _: rows["selection"].tolist())
    monkeypatch.setattr("pipeline.evaluation.planning.noise_of", lambda _, counts: (counts, 1))
    assert _noise(params)[0] == {"PreAct": ["dev"]}
    assert seen[0][-1].keys() == params.corpora.keys()
    crossed = params.partition.model_copy(update={"scheme": "cross_corpus", "leave_one_out": True, "folds": 6})
    table["fold"] = [1, 4]
    changed = params.model_copy(update={"partition": crossed})
    assert _noise(changed)[0] == {"PreAct": ["dev"]}


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
    assert "savee not segmented yet, so the paper's six corpora are assumed" in printed
    assert "run `dvc repro segment@savee`" in printed
    Path("dvc.lock").write_text(Path("dvc.lock").read_text().replace("demo/savee", "savee"))
    assert run("estimate") == 0
    assert "64 segments" in capsys.readouterr().out


def test_the_cost_of_an_experiment_adds_up():
    params = params_with({"train.epochs": 10, "train.eval_train_every": 2})
    frames = 8 * 1000  # a thousand model frames, half of them to train on
    steps = {"PreAct": StepTime(train=3.0, score=1.0), "PreActBN-Full": StepTime(train=3.0, score=1.0)}

    def shapes(model):
        return Shape(257)

    runs = {"PreAct": 5, "PreActBN-Full": 1}
    counts = {"segments": 40, "frames": frames, "workers": 2}
    result = cost(params, steps, shapes, runs=runs, **counts)
    epoch = 500 * 3 + 500 * 1 + 500 * 1 / 2
    assert result.run_hours == pytest.approx(10 * epoch / 3600)
    assert result.hours == pytest.approx(4 * 10 * epoch / 3600), (
        "five runs, two at a time, take three rounds, the other model one"
    )
    nothing = cost(params, steps, shapes, runs={"PreAct": 0}, **counts)
    assert (nothing.hours, nothing.results_bytes) == (0, 0)


def test_the_longest_run_is_that_of_the_model_with_its_own_epochs():
    params = params_with({"models.PreActBN-Full.train": {"epochs": 90}})
    step = StepTime(train=3.0, score=1.0)
    counts = {"segments": 1, "frames": 80, "workers": 1}
    result = cost(params, dict.fromkeys(params.models, step), lambda key: Shape(257), runs={"PreAct": 1}, **counts)
    assert result.longest == "PreAct"
    result = cost(
        params,
        dict.fromkeys(params.models, step),
        lambda key: Shape(257),
        runs=dict.fromkeys(params.models, 1),
        **counts,
    )
    assert result.longest == "PreActBN-Full"
    assert result.hours == pytest.approx(result.run_hours * (1 + 4 / 90))


def test_a_model_that_reads_one_row_a_segment_costs_by_segments(monkeypatch):
    rows = SimpleNamespace(FAMILY=replace(RESNEXT, reads="rows"))
    monkeypatch.setitem(sys.modules, "rows", rows)
    monkeypatch.setitem(FAMILIES, "rows", "rows")
    params = params_with({"models.R": {"label": "R", "family": "rows", "layout": "PreAct"}, "train.epochs": 1})
    step = {"R": StepTime(train=2.0, score=0.0)}
    result = cost(params, step, lambda key: Shape(257), runs={"R": 1}, segments=60, frames=10**6, workers=1)
    assert result.hours == pytest.approx(30 * 2 / 3600), "half of the segments are trained on"


def test_estimate_counts_what_is_trained_and_extracted_once(tmp_path, monkeypatch, capsys):
    """Models that differ only in their key share their runs, and every front end is extracted, read or not."""
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    fitted = {"label": "C", "family": "centroid", "scale": 2.0}
    changes = {"models.Twin": {"label": "Twin", "layout": "PreAct"}, "models.C": fitted}

    def estimate(more):
        with Path("params.yaml").open("w") as stream:
            YAML(typ="safe").dump(json.loads(params_with(changes | more).model_dump_json(exclude_none=True)), stream)
        assert run("estimate") == 0
        return {line[:9].strip(): line for line in capsys.readouterr().out.splitlines()}

    lines = estimate({})
    assert "10 in all, 10 not in the store: 4 models" in lines["runs"], "4 of each network, and 2 of C: one a fold"
    (tmp_path / "data/inputs.json").unlink()
    assert "10 in all, 10 not in the store: 4 models" in estimate({})["runs"]
    more = estimate({"frontends": {"other": {"kind": "spectrogram", "cmvn": "utterance"}}})
    size = [float(one["disk"].split()[1]) for one in (lines, more)]
    assert size[1] == pytest.approx(2 * size[0], rel=0.03), "another front end, twice the bytes"
    assert "4 epochs of PreAct" in lines["one run"]
    own = estimate({"models.Twin": changes["models.Twin"] | {"train": {"epochs": 77, "threads": 2}}})
    assert own["one run"].endswith("for 77 epochs of Twin")
    assert own["step"].endswith("2 threads a run: Twin")


def test_predict_names_the_packages_that_its_front_end_lacks(weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Spectrogram, "needs", ("no_such_package",))
    monkeypatch.setattr(Spectrogram, "install", "pip install no-such-package")
    assert run("predict", weights[0], tmp_path / "a.wav") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "needs no_such_package, which is not installed; `pip install no-such-package` installs it" in printed.err
