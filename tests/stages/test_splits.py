"""The stages from `partition` to `report` on splits that are not the default, in one process."""

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.core.tables import REJECTED, SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.evaluation.loading import load_results
from pipeline.figures.composition import draw_folds
from pipeline.figures.inputs import FigureInputs
from pipeline.folds import assignment
from pipeline.params import load_params
from tests.helpers.closure import ROOT
from tests.helpers.experiment import ACTORS, params_with, write_experiment


def stage(name, *arguments):
    runpy.run_path(str(ROOT / f"stages/{name}.py"))["main"](*arguments)


def write_utterances(corpus):
    """What `ingest` would have written: the take of a recording is its sentence."""
    segments = read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS)
    table = segments[["utterance", "corpus", "emotion", "actor", "gender", "group"]].assign(
        path=segments["utterance"] + ".wav", duration_s=1.0, sample_rate=16000, num_samples=16000,
        text=segments["utterance"].str[-1], digest=[f"{corpus.encode().hex():0<44.44}{at:020x}" for at in segments.index],
    )  # fmt: skip
    write_table(table, Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    write_table(pd.DataFrame(columns=list(REJECTED.columns)), Path(f"data/rejected/{corpus}.csv"), REJECTED)


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_experiment(tmp_path, takes=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the check of params.yaml, a process of its own
    monkeypatch.setattr(assignment, "CANDIDATES", 20)
    monkeypatch.setattr(assignment, "_STEPS", 20)
    for corpus in ACTORS:
        write_utterances(corpus)
    return tmp_path


def run(changes, capsys):
    one = {"PreAct": {"label": "PreAct", "layout": "PreAct"}}
    params = params_with({"models": one, "train.epochs": 2, "train.seeds": (1,), "train.folds": (1,), **changes})
    values = json.loads(params.model_dump_json(exclude_none=True))
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(values, stream)
    stage("partition")
    printed = capsys.readouterr().out
    for model in params.models:
        stage("train", model)
    stage("compare")
    Path("results/figures").mkdir()
    Path("results/figures/index.json").write_text("[]")
    stage("report")
    return printed


def test_sentences_and_a_held_out_fold_reach_tables_and_page(root, capsys):
    printed = run(
        {"partition.scheme": "texts", "partition.folds": 3, "partition.dev": True, "report.selection": "dev"}, capsys
    )
    assert "repeat" not in printed
    runs = pd.read_csv("results/runs/PreAct.csv")
    assert runs["selection"].value_counts().to_dict() == dict.fromkeys(("last", "best", "dev"), 1)
    predictions = pd.read_csv("results/predictions/PreAct.csv")
    assert set(predictions["selection"]) == {"last", "best", "dev"}
    assert pd.read_csv("results/test/PreAct.csv").empty
    page = Path("results/report.html").read_text()
    assert "each is validated on sentences that it never heard, by actors that it may have heard." in page
    assert "one more fold is held out of training, to choose epochs and temperatures by (partition.dev)." in page
    table = pd.read_csv("results/tables/table8.csv")
    assert set(table["selection"]) == {"last", "best", "crossval", "dev"}
    assert table["selection"].iloc[0] == "dev"
    pooled = pd.read_csv("results/pooled.csv")
    one = pooled[(pooled["model"] == "PreAct") & (pooled["selection"] == "dev") & (pooled["level"] == "segment")]
    rows = predictions[predictions["selection"] == "dev"]
    recalls = (rows["emotion"] == rows["predicted"]).groupby(rows["emotion"]).mean()
    assert one["ua"].item() == pytest.approx(100 * recalls.mean())
    assert not Path("results/tables/pooled.csv").exists()  # every fold validates every class
    results = load_results(load_params(), Path("data"), Path("results"))
    assert sorted(results.validated["segment"]) == sorted(results.segments["segment"])
    drawing = draw_folds(FigureInputs(results, pd.DataFrame(), pd.DataFrame(), results.segments[:1], []))
    counts = drawing.data[drawing.data["bar"] == "Segments by corpus"]
    assert counts["count"].sum() == len(results.segments)
    assert "an actor may be in several (partition.scheme)" in drawing.caption


def test_repeats_and_a_test_reach_tables_and_page(root, capsys):
    printed = run({"partition.repeats": 2, "partition.test": {"actors": ("savee/DC",)}}, capsys)
    assert "set apart as test: 12 recordings (savee 12)" in printed
    assert "repeat 2\n" in printed
    test = pd.read_csv("results/test/PreAct.csv")
    ensemble = test[(test["kind"] == "ensemble") & (test["level"] == "segment")]
    assert ensemble["runs"].tolist() == [2, 2]
    assert ensemble["n"].tolist() == [12, 12]
    assert len(test) == 2 * 2 * 3
    assert not pd.read_csv("results/predictions/PreAct.csv")["segment"].str.startswith("savee-DC").any()
    table = pd.read_csv("results/tables/test.csv")
    assert table["runs"].tolist() == [2] * 2
    page = Path("results/report.html").read_text()
    assert "The test set apart" in page
    assert "Set apart as test: 12 recordings (savee 12)." in page
