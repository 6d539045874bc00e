import re

import pytest
from ruamel.yaml import YAML

from pipeline.core.errors import InputError
from pipeline.params import load_params
from tests.helpers.closure import ROOT

PAPER = (ROOT / "params.paper.yaml").read_text("utf-8")


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
        ("cmvn: segment", "cmvn: corpus", r"features\.cmvn .*: 'corpus': .*'segment' or 'utterance'"),
        ("rope: 1.0", "rope: .nan", r"report\.rope .*: \.nan or \.inf: .*finite number"),
        ("segment:\n  seconds", "segmant:\n  seconds", r"segmant .*: unknown key; did you mean 'segment'\?"),
        ("layout: PreAct,", "layout: Preact,", r"models\.PreAct\.layout .*: 'Preact': .*'PreAct', 'PreActBN'"),
        ("shake: {bands: 1}", "shake: {bands: 0}", r"models\.PreAct-Full\.shake\.bands .*: 0: .*at least|greater"),
        ("shake: {bands: 1}", "shake: {band: 1}", r"shake\.band .*: unknown key; did you mean 'bands'\?"),
        ("  emodb:", "  emo.db:", r"corpora\.emo\.db .*: 'emo\.db' cannot be a key; expected a letter, then letters"),
        ("  savee: {path:", "  savee: {patch:", r"corpora\.savee\.path .*: missing; this key has no default"),
        ("  savee: {", "  mine: {", r"corpora\.mine\.reader: missing, and 'mine' is no reader's name; expected one of"),
        ("device: auto", "device: gpu", r"execution\.device .*: 'gpu': .*pattern"),
        ("blocks: [3, 1, 1]", "blocks: [1]", r"widths names 4 widths .* expected 2 widths"),
        ("folds: [1, 2, 3, 4]", "folds: [1, 5]", r"train\.folds: \[5\] beyond partition\.folds = 4"),
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
        ("tables: {}", "tables: {T: {title: T, models: [X]}}", r"report\.tables\.T: 'X' is no model; expected one of PreAct"),
        ("path: data/corpora/emodb", "path: x, table: t.csv", r"corpora\.emodb\.table: only the reader custom takes it"),
        ("path: data/corpora/emodb", "path: x, split_group: session", r"'session' is known to the reader iemocap only"),
        ("path: data/corpora/emodb", "path: x, reader: custom", r"corpora\.emodb\.table: missing"),
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
    with pytest.raises(InputError, match="does not exist; run from the repository root"):
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
