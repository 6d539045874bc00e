"""From a folder of recordings and a CSV to the report, with two and with six classes: every stage, in one process."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from ruamel.yaml import YAML

from pipeline.params import load_params
from tests.helpers.closure import ROOT
from tests.helpers.experiment import params_with

PITCH = {"Freude": 200, "Wut": 400, "Trauer": 800, "Angst": 1600, "Ekel": 3200, "neutral": 6400}
EMOTIONS = {"Freude": "joy", "Wut": "anger", "Trauer": "sadness", "Angst": "fear", "Ekel": "disgust"}


def write_corpus(folder: Path) -> None:
    """Four actors say everything twice, as one note in noise; the first pair share a group."""
    source = np.random.default_rng(0)
    lines = ["path,emotion,actor,gender,group"]
    for actor, gender, group in (("ann", "F", "pair"), ("bob", "M", "pair"), ("cleo", "F", ""), ("dan", "M", "")):
        (folder / actor).mkdir(parents=True)
        for emotion, pitch in PITCH.items():
            for take in range(2):
                time = np.arange(int(source.integers(5000, 9000))) / 16000
                sound = 0.1 * np.sin(2 * np.pi * pitch * time) + 0.01 * source.standard_normal(len(time))
                soundfile.write(folder / actor / f"{emotion} {take}.flac", sound, 16000)
                lines.append(f"{actor}/{emotion} {take}.flac,{emotion},{actor},{gender},{group}")
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_params_that_the_page_shows_are_valid(tmp_path):
    page = (ROOT / "docs/corpora.md").read_text(encoding="utf-8")
    shown = YAML(typ="safe").load(page.split("```yaml\n")[1].split("```")[0])
    demo = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "params.yaml").write_text(json.dumps(demo | shown), encoding="utf-8")  # JSON is YAML
    params = load_params(tmp_path / "params.yaml")
    assert params.classes == ("joy", "anger")
    assert params.reader("speech") == "custom"


def stage(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [f"stages/{name}.py", *arguments])
    runpy.run_path(str(ROOT / "stages" / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize(
    "classes", [("anger", "neutral"), ("joy", "anger", "sadness", "fear", "disgust", "neutral")], ids=["2", "6"]
)
def test_other_classes_than_four_from_recordings_to_report(tmp_path, monkeypatch, capsys, classes):
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "mine")
    corpus = {"reader": "custom", "path": "mine", "table": "recordings.csv", "emotions": EMOTIONS}
    params = params_with({
        "classes": classes, "corpora": {"mine": corpus}, "train.epochs": 2, "train.seeds": (1,),
        "models": {"PreAct": {"label": "PreAct", "layout": "PreAct"}},
    })  # fmt: skip
    YAML(typ="safe").dump(json.loads(params.model_dump_json(exclude_none=True)), tmp_path / "params.yaml")

    stage(monkeypatch, "check")
    for name in ("ingest", "segment"):
        stage(monkeypatch, name, "mine")
    stage(monkeypatch, "extract", "spectrogram", "mine")
    for name in ("inputs", "partition"):
        stage(monkeypatch, name)
    stage(monkeypatch, "train", "PreAct")
    for name in ("compare", "figures", "report"):
        stage(monkeypatch, name)

    assert f"{8 * len(classes)} utterances" in capsys.readouterr().out
    folds = pd.read_csv("data/folds.csv").set_index("actor")["fold"]
    assert folds["ann"] == folds["bob"], "a group shares a fold"
    predictions = pd.read_csv("results/predictions/PreAct.csv")
    assert [name for name in predictions if name.startswith("p_")] == [f"p_{name}" for name in classes]
    assert set(predictions["emotion"]) == set(classes)
    table = pd.read_csv("results/tables/table3.csv").set_index("corpus")
    assert table.loc["mine", ["actors", *classes]].tolist() == [4, *[8] * len(classes)]
    page = Path("results/report.html").read_text(encoding="utf-8")
    assert all(name in page for name in classes)
