"""The model card: its numbers are those of the tables, and licences are named."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline.core.tables import SEGMENTS, write_table
from pipeline.evaluation.intervals import accuracy_intervals
from pipeline.evaluation.measures import measure
from pipeline.evaluation.tables import INTERVALS, measures_schema
from pipeline.export.card import Corpus, load_facts, selection_of, write_card
from pipeline.prediction.ensemble import load_ensemble
from pipeline.runs.calibration import calibrated, cross_validated_temperatures
from pipeline.runs.selection import select_epochs
from pipeline.runs.tables import HISTORY, RUNS
from tests.helpers.experiment import CLASSES, params_with, write_experiment
from tests.helpers.small_weights import trained
from tests.runs.test_calibration import drawn


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with data and results of one model, made of drawn predictions."""
    root = tmp_path_factory.mktemp("project")
    write_experiment(root)
    params = params_with()
    segments = pd.concat([pd.read_csv(root / f"data/segments/{one}.csv", dtype=str) for one in params.corpora])
    rows = []
    for fold in (1, 2):
        for seed in (1, 2):
            validated = segments[fold - 1 :: 2]
            values, _ = drawn(len(validated), 2.0, 10 * fold + seed)
            table = validated[["segment", "utterance", "corpus", "actor", "gender", "emotion"]].copy()
            for place, name in enumerate(CLASSES):
                table[f"p_{name}"] = values[:, place] if place < 3 else 0.0
            table["predicted"] = [CLASSES[one] for one in values.argmax(axis=1)]
            rows.append(table.assign(model="PreAct", repeat=1, fold=fold, seed=seed, selection="last"))
    predictions = {"PreAct": pd.concat(rows, ignore_index=True)}
    scaled = {
        model: calibrated(table, CLASSES, cross_validated_temperatures(table, CLASSES))
        for model, table in predictions.items()
    }
    measures = measure(predictions, scaled, CLASSES)
    write_table(measures, root / "results/measures.csv", measures_schema(CLASSES))
    everyone = measures[(measures["corpus"] == "all") & (measures["level"] == "segment")]
    history = pd.DataFrame(
        [("PreAct", row.fold, row.seed, 1, 1.0, 50.0, 1.0, 51.0, 1.0, row.ua, 1) for row in everyone.itertuples()],
        columns=list(HISTORY.columns),
    )
    write_table(select_epochs(history, {}), root / "results/runs/PreAct.csv", RUNS)
    records = [
        {"fold": row.fold, "seed": row.seed, "device": "cpu", "precision": "fp32", "versions": {}, "data": "d",
         "source": "s", "identity": f"run{row.fold}{row.seed}", "family": "resnext", "frontend": "spectrogram"}
        for row in everyone.itertuples()
    ]  # fmt: skip
    (root / "results/runs/PreAct.json").write_text(json.dumps({"model": "PreAct", "runs": records}))
    write_table(accuracy_intervals(predictions, CLASSES), root / "results/intervals.csv", INTERVALS)
    return root


@pytest.fixture
def card(project, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.helpers.small_weights.CLASSES", CLASSES)
    ensemble = load_ensemble([trained(tmp_path, {"kind": "logmel", "bands": 8}, temperature=1.5)])
    return write_card(load_facts("PreAct", params_with(), "last", project), ensemble)


def numbers(line):
    return [float(one) for one in re.findall(r"\d+\.\d", line)]


def test_its_numbers_are_those_of_the_tables(project, card):
    intervals, measures = pd.read_csv(project / "results/intervals.csv"), pd.read_csv(project / "results/measures.csv")
    runs = pd.read_csv(project / "results/runs/PreAct.csv")
    overall = intervals[intervals["corpus"] == "all"].iloc[0]
    first = next(line for line in card.splitlines() if line.startswith("Unweighted accuracy"))
    assert numbers(first) == [round(overall[name], 1) for name in ("ua", "ci_low", "ci_high")]
    assert "chance is 25 %" in first
    assert "mean over 4 runs" in first
    for row in runs[runs["selection"] == "last"].itertuples():
        assert f"| {row.fold} | {row.seed} | {row.valid_ua:.1f} |" in card
    everyone = measures[
        (measures["corpus"] == "all") & (measures["gender"] == "all") & (measures["level"] == "segment")
    ]
    for name in CLASSES:
        assert f"| {name} | {everyone[f'recall_{name}'].mean():.1f} |" in card
    for row in intervals[intervals["corpus"] != "all"].itertuples():
        assert f"| {row.corpus} | {row.gender} | {row.actors} | {row.ua:.1f} |" in card
    calibration = next(line for line in card.splitlines() if line.startswith("Expected calibration error"))
    assert numbers(calibration) == [round(everyone[name].mean(), 1) for name in ("ece", "ece_calibrated")]
    assert "The scores of a run are divided by a temperature (1.5)" in card


def test_weights_of_other_runs_have_no_numbers_of_the_model(project):
    """Such as those of a former version of the model, in a folder of the same name."""
    ours = load_facts("PreAct", params_with(), "last", project, ["run11", "run22"])
    assert not ours.missing
    foreign = load_facts("PreAct", params_with(), "last", project, ["run11", "run99"])
    assert foreign.missing == "these weights are of other runs than those in results/runs/PreAct.json"
    assert not len(foreign.runs)


def test_tables_of_different_results_are_not_mixed(project, tmp_path):
    """Such as after `dvc repro train@PreAct`, without `dvc repro compare`."""
    shutil.copytree(project, tmp_path / "later")
    path = tmp_path / "later/results/runs/PreAct.csv"
    runs = pd.read_csv(path)
    runs["valid_ua"] += 3
    runs.to_csv(path, index=False)
    missing = load_facts("PreAct", params_with(), "last", tmp_path / "later").missing
    assert missing.startswith("results/intervals.csv is not of the runs in results/runs/PreAct.csv; `dvc repro compare")


@pytest.mark.parametrize(
    ("names", "selection"),
    [
        (["fold1-seed1-best", "fold2-seed1-best"], "best"), (["fold1-seed1-dev"], "dev"), (["mine"], "last"),
        (["fold1-seed1-best", "fold2-seed1-last"], None),
    ],
)  # fmt: skip
def test_the_epoch_is_that_of_the_files(names, selection):
    """Not that of `--selection`, which a file that is named itself does not look at."""
    assert selection_of([Path(f"{name}.safetensors") for name in names], "last") == selection


def test_the_card_says_how_the_epoch_was_chosen(project, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.helpers.small_weights.CLASSES", CLASSES)
    ensemble = load_ensemble([trained(tmp_path, {"kind": "logmel", "bands": 8})])
    facts = load_facts("PreAct", params_with(), "last", project)
    for selection, words in (
        ("best", "which flatters."),
        ("dev", "epoch chosen on a fold that is neither trained nor"),
    ):
        assert words in write_card(replace(facts, selection=selection), ensemble)


def test_it_names_corpora_licences_and_what_forbids_commerce(project, card):
    segments = pd.read_csv(project / "data/segments/savee.csv")
    assert (
        f"| SAVEE (`savee`) | {len(segments)} | {segments['actor'].nunique()} | research only | not allowed |" in card
    )
    assert "**Not for commercial use**: the terms of Emo-DB and SAVEE allow none." in card


def test_it_says_what_it_must_not_be_used_for(card):
    assert "## What it must not be used for\n\n- to judge a person" in card
    assert "are one run" not in card
    assert "exported is one run of it" in card


@pytest.mark.parametrize(
    ("licence", "closed"),
    [
        ("CC BY-NC-SA 4.0", True), ("free for research", True), ("restricted, academic use", True),
        ("free for non-commercial use", True), ("CC BY 4.0", False), ("Open Database License 1.0", False), ("yours", False),
        ("license: CC0, usage: unrestricted", False), ("usage: restricted", True), ("usage: research", True),
    ],
)  # fmt: skip
def test_licences_without_commerce_are_known(licence, closed):
    assert Corpus("a", "A", licence, "", 1, 1).non_commercial == closed


def test_the_licence_of_a_database_in_audformat_is_that_of_its_header(project, tmp_path):
    (tmp_path / "emo").mkdir()
    (tmp_path / "emo/db.yaml").write_text("name: emo\nusage: research\nlicense: CC-BY-NC-4.0\n")
    for path, licence in (
        ("emo", "license: CC-BY-NC-4.0, usage: research"),
        ("gone", "see license and usage in db.yaml"),
    ):
        reader = {"reader": "audformat", "table": "emotion", "path": str(tmp_path / path)}
        params = params_with({"corpora": {"emodb": {"path": "emodb"}, "savee": reader}})
        assert load_facts("PreAct", params, "last", project).corpora[1].licence == licence


def test_without_results_it_says_so(tmp_path):
    (tmp_path / "data/segments").mkdir(parents=True)
    for corpus in params_with().corpora:
        write_table(pd.DataFrame(columns=list(SEGMENTS.columns)), tmp_path / f"data/segments/{corpus}.csv", SEGMENTS)
    facts = load_facts("PreAct", params_with(), "last", tmp_path)
    assert "intervals.csv does not exist" in facts.missing
    ensemble = load_ensemble([trained(tmp_path, {"kind": "logmel", "bands": 8})])
    text = write_card(facts, ensemble)
    assert "Not known here: " in text
    assert "No temperature is stored" in text


def test_labels_of_strangers_are_no_markup(tmp_path):
    ensemble = load_ensemble([trained(tmp_path, {"kind": "logmel", "bands": 8})])
    from pipeline.export.card import Facts

    text = write_card(Facts("[x](http://evil)\n# y<script>", "last", missing="nothing"), ensemble)
    assert text.splitlines()[0] == r"# \[x\](http://evil)\n\# y\<script\>".replace("\\n", "\\\\n")
    assert Path(tmp_path / "a.safetensors").is_file()
