import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from pipeline.core.errors import InputError
from pipeline.frontends.registry import FRONT_ENDS
from pipeline.frontends.spectrogram import Spectrogram
from pipeline.models.registry import FAMILIES
from pipeline.params import load_params
from tests.helpers.centroid import FAMILY
from tests.helpers.closure import ROOT

PAPER = (ROOT / "params.paper.yaml").read_text("utf-8")

MODEL = "layout: PreAct,"
"""The beginning of the options of the first model, `PreAct`."""

COLLISION = (
    r"frontends\.spectrogram-emodb: with the corpus savee it makes the name spectrogram-emodb-savee, as does spectrogram "
    r"with emodb-savee; rename one of them"
)


def refusal(tmp_path, old, new, count=1):
    """The message for the paper's params with `old` replaced by `new`."""
    assert old in PAPER
    path = tmp_path / "params.yaml"
    path.write_text(PAPER.replace(old, new, count))
    with pytest.raises(InputError) as caught:
        load_params(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  epochs:", "  epoch:", r"train\.epoch \(line \d+\): unknown key; did you mean 'epochs'\? known here: epochs"),
        ("learning_rate: 1.0e-3", "learning_rate: fast", r"train\.learning_rate \(line \d+\): 'fast': .*valid number"),
        ("epochs: 1000", 'epochs: "20"', r"train\.epochs \(line \d+\): '20': .*valid integer"),
        ("epochs: 1000", "epochs: 0", r"train\.epochs .*: 0: .*greater than or equal to 1"),
        ("dropout: 0.5", "dropout: 1.0", r"network\.dropout .*: 1\.0: .*less than 1"),
        ("precision: fp32", "precision: fp8", r"train\.precision .*: 'fp8': .*'fp32' or 'bf16'"),
        ("cmvn: segment", "cmvn: corpus", r"features\.cmvn .*: 'corpus': .*'segment', 'utterance' or 'none'"),
        ("rope: 1.0", "rope: .nan", r"report\.rope .*: \.nan or \.inf: .*finite number"),
        ("segment:\n  seconds", "segmant:\n  seconds", r"segmant .*: unknown key; did you mean 'segment'\?"),
        ("layout: PreAct,", "layout: Preact,", r"models\.PreAct\.layout .*: 'Preact': .*'PreAct', 'PreActBN'"),
        ("shake: {bands: 1}", "shake: {bands: 0}", r"models\.PreAct-Full\.shake\.bands .*: 0: .*at least|greater"),
        ("shake: {bands: 1}", "shake: {band: 1}", r"shake\.band .*: unknown key; did you mean 'bands'\?"),
        ("  emodb:", "  emo.db:", r"corpora\.emo\.db .*: 'emo\.db' cannot be a key; expected a letter, then letters"),
        ("  savee: {path:", "  savee: {patch:", r"corpora\.savee\.path .*: missing; this key has no default"),
        ("  savee: {", "  mine: {", r"corpora\.mine\.reader: missing, and 'mine' is not the name of a reader; expected one of"),
        ("device: auto", "device: gpu", r"execution\.device .*: 'gpu': .*pattern"),
        ("blocks: [3, 1, 1]", "blocks: [1]", r"widths names 4 widths .* expected 2 widths"),
        ("seeds: [1, 2, 3]", "seeds: [9223372036854775808]", r"train\.seeds\.0 .*less than 9223372036854775808"),
        ("  seed: 0 ", "  seed: 9223372036854775808 ", r"partition\.seed .*less than 9223372036854775808"),
        ("selection: last", "selection: dev", r"report\.selection: 'dev' needs partition\.dev: true"),
        ("  seed: 0 ", "  scheme: corpora\n  seed: 0 ", r"partition\.folds: 4, and with scheme: corpora every corpus is"),
        ("folds: [1, 2, 3, 4]", "folds: [1, 5]", r"train\.folds: \[5\] beyond partition\.folds = 4"),
        ("seeds: [1, 2, 3]", "seeds: [-1]", r": 1 mistake\n.*train\.seeds\.0 .*: -1: input should be greater than or equal to 0"),
        ("seeds: [1, 2, 3]", "seeds: [1, 1]", r"train\.seeds: \[1, 1\] names one value twice"),
        ("kernel: [2, 16]", "kernel: [17, 16]", r"network\.kernel: 17 frames high, .* model frames of 16"),
        ("branches: 2", "branches: 1", r"models\.PreAct-Full\.shake: shaking mixes branches, and network\.branches is 1"),
        (
            "shake: {bands: 1}", "shake: {forward: even, backward: even}",
            r"models\.PreAct-Full\.shake .*: forward and backward are even, so nothing is shaken; expected `shake: null`",
        ),
        (
            "shake: {bands: 1}", "shake: {forward: even, backward: M3}",
            r"shake .*: backward is 'M3', which follows the forward weights, and these are even",
        ),
        ("shake: {bands: 1}", "shake: {interval: [0.6, 0.4]}", r"shake .*: interval is \[0\.6, 0\.4\]; expected the lower"),
        ("shake: {bands: 1}", "shake: {bands: 1}, shakedrop: {}", r"PreAct-Full\.shakedrop: it and shake both replace"),
        ("shake: null", "vcl: {}, mixup: {alpha: 0.2}", r"models\.PreAct\.vcl: .* mixup leaves none as they are"),
        ("shake: null", "vcl: {samples: 5}", r"models\.PreAct\.vcl\.samples: two samples of 5 segments .* batch of 8"),
        ("shake: null", "mixup: {alpha: 0.0}", r"models\.PreAct\.mixup\.alpha .*: 0\.0: .*greater than 0"),
        (
            "tables: {}", "tables: {T: {title: T, models: [PreAct], pairs: [[PreAct, PreAct]]}}",
            r"report\.tables\.T: 'PreAct' is compared with itself; expected two models",
        ),
        ("tables: {}", "tables: {T: {title: T, models: [X]}}", r"report\.tables\.T: 'X' is not a model; expected one of PreAct"),
        ("  emodb: {path", "  all: {reader: emodb, path", r"corpora\.all: tables of results call all corpora together 'all'; choose another key"),
        ("path: data/corpora/emodb", "path: x, table: t.csv", r"corpora\.emodb\.table: only the readers audformat and custom have this option"),
        ("path: data/corpora/emodb", "path: x, column: c", r"corpora\.emodb\.column: only the readers cremad and audformat have this option"),
        ("path: data/corpora/emodb", "path: x, reader: audformat", r"corpora\.emodb\.table: missing; the reader 'audformat' needs it"),
        ("path: data/corpora/ravdess", "path: x, only: {chanel: [song]}", r"corpora\.ravdess\.only: the reader 'ravdess' knows no column 'chanel'; did you mean 'channel'\? expected some of emotion, actor, gender, group, text, channel, intensity, take"),
        ("path: data/corpora/ravdess", "path: x, exclude: {channel: []}", r"corpora\.ravdess\.exclude\.channel .*at least 1 item"),
        ("path: data/corpora/ravdess", "path: x, only: {take: [1]}", r"corpora\.ravdess\.only\.take.*: 1: input should be a valid string"),
        ("path: data/corpora/emodb", "path: x, split_group: session", r"'session' is available for the reader iemocap only"),
        ("path: data/corpora/emodb", "path: x, reader: custom", r"corpora\.emodb\.table: missing"),
        (MODEL, "train: {seeds: [1]}, layout: PreAct,", r"models\.PreAct\.train\.seeds: models are compared by seeds, .* remove it"),
        (MODEL, "train: {folds: [1]}, layout: PreAct,", r"models\.PreAct\.train\.folds: models are compared by folds"),
        (MODEL, "features: {cmvn: utterance}, layout: PreAct,", r"models\.PreAct\.features\.cmvn: normalisation is part of the front end"),
        (MODEL, "train: {epoch: 2}, layout: PreAct,", r"models\.PreAct\.train\.epoch: unknown key; did you mean 'epochs'\? known here: epochs"),
        (MODEL, "network: {dropout: 2.0}, layout: PreAct,", r"models\.PreAct\.network\.dropout: 2\.0: .*less than 1"),
        (MODEL, "network: {blocks: [1]}, layout: PreAct,", r"models\.PreAct\.network: widths names 4 widths .* expected 2 widths"),
        (MODEL, "network: [1], layout: PreAct,", r"models\.PreAct\.network .*: \(1,\): .*valid dictionary"),
        (MODEL, "features: {left: 0, right: 0}, layout: PreAct,", r"models\.PreAct\.network\.kernel: 2 frames high, .* model frames of 1"),
        (MODEL, "network: {kernel: [17, 2]}, layout: PreAct,", r"models\.PreAct\.network\.kernel: 17 frames high, .* model frames of 16"),
        (
            MODEL, "train: {batch_segments: 4}, vcl: {samples: 4}, layout: PreAct,",
            r"models\.PreAct\.vcl\.samples: two samples of 4 segments .* batch of 4",
        ),
        (MODEL, "layuot: PreAct, layout: PreAct,", r"models\.PreAct\.layuot .*: unknown key; did you mean 'layout'\?"),
        (MODEL, "family: resnet, layout: PreAct,", r"models\.PreAct .*: 'resnet' is not a family of classifiers; did you mean 'resnext'\? expected one of .*resnext"),
        (MODEL, "frontend: mel, layout: PreAct,", r"models\.PreAct\.frontend: 'mel' is not a front end; expected one of spectrogram"),
        ("features:", "frontends: {mel: {kind: spectogram}}\nfeatures:", r"frontends\.mel .*: 'spectogram' is not a kind of front end; did you mean 'spectrogram'\? expected one of spectrogram"),
        ("features:", "frontends: {mel: {cmvn: segment}}\nfeatures:", r": 1 mistake\n  frontends\.mel\.kind .*: missing; this key has no default$"),
        ("features:", "frontends: {mel: {kind: [1]}}\nfeatures:", r"frontends\.mel\.kind .*: \(1,\): input should be a valid string$"),
        ("features:", "frontends: {mel: null}\nfeatures:", r"frontends\.mel .*: None: input should be a valid dictionary$"),
        (MODEL, "family: [x], layout: PreAct,", r": 1 mistake\n  models\.PreAct\.family .*: \('x',\): input should be a valid string$"),
        ("features:", "frontends: {mel: {kind: spectrogram, cmnv: segment}}\nfeatures:", r"frontends\.mel\.cmnv .*: unknown key; did you mean 'cmvn'\?"),
        (
            "features:", "frontends: {logmel: {kind: logmel}, stats: {kind: functionals, of: logmell}}\nfeatures:",
            r"frontends\.stats\.of: 'logmell' is not a front end; did you mean 'logmel'\? expected one of spectrogram, logmel$",
        ),
        (
            "features:", "frontends: {a: {kind: functionals, of: b}, b: {kind: functionals, of: a}}\nfeatures:",
            r": 2 mistakes\n  frontends\.a\.of: 'b' gives one row a segment, .* as spectrogram or logmel\n  frontends\.b\.of: 'a' gives one row",
        ),
        (
            "features:", "frontends: {stats: {kind: functionals, of: {kind: logmel, bandz: 3}}}\nfeatures:",
            r": 1 mistake\n  frontends\.stats\.of\.bandz \(line \d+\): unknown key; did you mean 'bands'\? known here: kind, speed, noise_snr, cmvn, bands",
        ),
        ("features:", "frontends: {stats: {kind: functionals}}\nfeatures:", r"frontends\.stats\.of .*: missing; this key has no default$"),
        (
            "features:", "frontends: {stats: {kind: functionals, of: spectrogram, statistics: [mean, mean]}}\nfeatures:",
            r"frontends\.stats\.statistics .*: \['mean', 'mean'\] names one value twice; expected each once",
        ),
        (
            "features:", "frontends: {stats: {kind: functionals, of: spectrogram, statistics: [median]}}\nfeatures:",
            r"frontends\.stats\.statistics\.0 .*: 'median': input should be 'mean', 'deviation', 'p05'",
        ),
        ("features:", "frontends: {mel: {kind: logmel, bands: 128}}\nfeatures:", r"frontends\.mel\.bands: 128 from 20 to 8000 Hz are too many"),
        ("features:", "frontends: {mel: {kind: logmel, bands: 3}}\nfeatures:", r"frontends\.mel\.bands .*: 3: .*greater than or equal to 4"),
        ("features:", "frontends: {mel: {kind: mfcc, coefficients: 30}}\nfeatures:", r"frontends\.mel\.coefficients: 30 of 23 bands"),
        ("features:", "frontends: {mel: {kind: logmel, cmvn: corpus}}\nfeatures:", r"frontends\.mel\.cmvn .*: 'corpus': .*'none', 'segment' or 'utterance'"),
        (
            "corpora:\n", "frontends: {spectrogram-emodb: {kind: spectrogram}}\ncorpora:\n  emodb-savee: {path: x, reader: savee}\n", COLLISION,
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place_its_value_and_what_is_allowed(tmp_path, old, new, expected):
    message = refusal(tmp_path, old, new)
    assert re.search(expected, message), message


def test_the_line_is_the_files_own(tmp_path):
    message = refusal(tmp_path, "  epochs: 1000", "  epochs: no")
    line = next(number for number, text in enumerate(PAPER.splitlines(), 1) if text.startswith("  epochs: 1000"))
    assert f"train.epochs (line {line})" in message


def test_all_mistakes_are_listed_at_once(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PAPER.replace("epochs: 1000", "epochs: x").replace("dropout: 0.5", "dropout: 2"))
    with pytest.raises(InputError, match="2 mistakes") as caught:
        load_params(path)
    assert "train.epochs" in str(caught.value)
    assert "network.dropout" in str(caught.value)


def test_a_missing_file_no_yaml_and_a_key_twice_are_explained(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(InputError, match="does not exist; run in the folder that has it, or make one"):
        load_params(path)
    for text, expected in (
        ("a: [", "cannot be read as YAML"),
        ("- a", "holds no mapping"),
        ("a: 1\na: 2", r"line 2: the key a is there twice; expected each key once; remove or rename"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=expected):
            load_params(path)


def test_values_are_frozen_and_floats_are_read_as_dvc_reads_them(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PAPER.replace("1.0e-3", "1e-3"))
    params = load_params(path)
    assert params.train.learning_rate == 0.001 == YAML(typ="safe").load(path.read_text())["train"]["learning_rate"]
    with pytest.raises(Exception, match="frozen"):
        params.train.epochs = 3


def test_the_spectrogram_is_there_by_default_and_takes_its_cmvn_from_features(tmp_path):
    path = tmp_path / "params.yaml"
    for entry, expected in (
        ("", {"spectrogram": "segment"}),
        ("frontends: {other: {kind: spectrogram, cmvn: utterance}}", {"spectrogram": "segment", "other": "utterance"}),
        ("frontends: {spectrogram: {kind: spectrogram, cmvn: utterance}}", {"spectrogram": "utterance"}),
        ("frontends: {raw: {kind: spectrogram, cmvn: none}}", {"spectrogram": "segment", "raw": "none"}),
    ):
        path.write_text(f"{PAPER}\n{entry}\n")
        params = load_params(path)
        assert {key: params.front_end(key).options.cmvn for key in params.frontends} == expected
    with pytest.raises(InputError, match=r"'mel' is not a front end in params.yaml; expected one of spectrogram"):
        params.front_end("mel")


def test_functionals_take_the_options_of_the_entry_that_they_name_as_they_are_completed(tmp_path):
    path = tmp_path / "params.yaml"
    entries = "mel: {kind: logmel, bands: 40}, a: {kind: functionals, of: mel}, b: {kind: functionals, of: spectrogram}"
    path.write_text(f"{PAPER}\nfrontends: {{{entries}}}\n")
    params = load_params(path)
    assert (params.front_end("a").options.of.bands, params.front_end("a").dims) == (40, 400)
    assert (params.front_end("b").options.of.cmvn, params.front_end("b").dims) == ("segment", 2570)


@pytest.mark.parametrize(("bands", "kernel", "pooling", "least"), [(8, 16, "bands", 9), (7, 3, "bands", 8)])
def test_a_network_refuses_fewer_columns_than_its_pooling_needs(tmp_path, bands, kernel, pooling, least):
    def written(number):
        path = tmp_path / "params.yaml"
        text = PAPER.replace(MODEL, f"frontend: mel, {MODEL}", 1).replace("kernel: [2, 16]", f"kernel: [2, {kernel}]")
        path.write_text(f"frontends: {{mel: {{kind: logmel, bands: {number}}}}}\n{text}")
        return path

    with pytest.raises(InputError) as caught:
        load_params(written(bands))
    assert str(caught.value).endswith(
        f"models.PreAct.frontend: mel gives {bands} columns; expected at least {least} for network.kernel "
        f"[2, {kernel}] and network.pooling {pooling}"
    )
    params = load_params(written(least))
    assert params.family_of("PreAct").classifier(params.design_of("PreAct", params.front_end("mel").shape), 0)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            "{kind: functionals, of: spectrogram}",
            "other gives one row a segment, and the family resnext reads a row for each",
        ),
        (
            "{kind: mfcc}",
            "other gives columns that are not neighbouring frequencies, and the family resnext reads frequencies",
        ),
    ],
)
def test_networks_with_convolutions_along_frequencies_refuse_what_has_none(tmp_path, entry, reason):
    entries = f"frontends: {{other: {entry}, mel: {{kind: logmel}}}}\n"
    message = refusal(tmp_path, MODEL, f"frontend: other, {MODEL}")
    assert "models.PreAct.frontend: 'other' is not a front end" in message
    path = tmp_path / "params.yaml"
    path.write_text(entries + PAPER.replace(MODEL, f"frontend: other, {MODEL}", 1))
    with pytest.raises(InputError) as caught:
        load_params(path)
    assert f"models.PreAct.frontend: {reason}" in str(caught.value)
    path.write_text(entries + PAPER.replace(MODEL, f"frontend: mel, {MODEL}", 1))
    assert load_params(path).models["PreAct"].frontend == "mel"


def test_another_kind_under_the_key_of_the_spectrogram_is_refused(tmp_path, monkeypatch):
    class Other(Spectrogram):
        pass

    monkeypatch.setitem(sys.modules, "other", SimpleNamespace(FRONT_END=Other))
    monkeypatch.setitem(FRONT_ENDS, "other", "other")
    message = refusal(tmp_path, "features:\n", "frontends: {spectrogram: {kind: other}}\nfeatures:\n")
    assert message.endswith(
        "frontends.spectrogram.kind: 'other'; the figure of a recording draws this front end as a spectrogram; expected "
        "'spectrogram', or the other kind under another key"
    )


def test_what_all_models_share_is_named_once(tmp_path):
    message = refusal(tmp_path, "kernel: [2, 16]", "kernel: [17, 16]")
    assert "1 mistake\n" in message


def test_a_family_that_reads_rows_cannot_read_frames_nor_the_other_way_round(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rows", SimpleNamespace(FAMILY=replace(FAMILY, reads="rows")))
    monkeypatch.setitem(FAMILIES, "rows", "rows")
    model = "  Rows: {label: Rows, family: rows}\n"
    message = refusal(tmp_path, "models:\n", f"models:\n{model}")
    assert message.endswith(
        "models.Rows.frontend: spectrogram gives a row for each frame, and the family rows reads one row a segment; "
        "choose another front end or family, or read {kind: functionals, of: spectrogram}"
    )
    monkeypatch.setattr(Spectrogram, "framewise", False)
    message = refusal(tmp_path, "models:\n", f"models:\n{model}")
    assert "models.Rows" not in message
    assert (
        "models.PreAct.frontend: spectrogram gives one row a segment, and the family resnext reads a row for each"
        in (message)
    )
