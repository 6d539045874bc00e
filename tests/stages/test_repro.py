"""The whole way through DVC, on two small corpora of tones: what runs, what does not run again, what leaves no trace."""

import shutil

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.helpers.project import CLASSES, Project
from tests.helpers.stories import STORIES, extend

TRAINING = ("train@PreAct", "train@PreActBN-Full")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.write_params()
    ran, printed = project.repro()
    per_corpus = {
        f"{stage}{corpus}"
        for stage in ("ingest@", "segment@", "extract@spectrogram-")
        for corpus in ("tonesA", "tonesB")
    }
    assert ran == per_corpus | {
        "check",
        "inputs",
        "partition",
        *TRAINING,
        "compare",
        "figures",
        "report",
    }
    assert printed.count("2 runs trained, 0 already in the store") == 2
    return project


def test_everything_is_there_and_the_demo_was_not_needed(project):
    results = project.folder / "results"
    assert len(list((results / "tables").glob("table*.csv"))) == 9
    assert (results / "report.html").is_file()
    assert not (project.folder / "demo/corpora").exists()
    runs = pd.read_csv(results / "runs/PreAct.csv")
    assert list(runs.columns)[:5] == ["model", "fold", "seed", "selection", "epoch"]
    predictions = pd.read_csv(results / "predictions/PreAct.csv")
    assert [name for name in predictions if name.startswith("p_")] == [f"p_{name}" for name in CLASSES]
    assert len(predictions) == 2 * 48


def test_a_second_repro_runs_nothing(project):
    assert project.repro()[0] == set()


def test_an_edit_of_one_model_retrains_that_model_only_and_its_reversal_nothing(project):
    project.write_params({"models.PreAct.gamma0": 0.5})
    ran, printed = project.repro(*TRAINING)
    assert ran == {"check", "train@PreAct"}
    assert "PreAct: 2 runs trained" in printed
    project.write_params()
    assert project.repro()[0] == set()


def test_how_runs_are_executed_concerns_no_stage(project):
    project.write_params({"execution.workers": 2, "execution.checkpoint_seconds": 1.0})
    assert project.repro()[0] == {"check"}
    project.write_params()


def test_a_new_label_trains_nothing(project):
    project.write_params({"models.PreAct.label": "Pre-activation"})
    ran, printed = project.repro()
    assert "train@PreActBN-Full" not in ran
    assert "PreAct: 0 runs trained, 2 already in the store" in printed
    assert "Pre-activation" in (project.folder / "results/report.html").read_text()
    project.write_params()


def test_a_comment_in_the_training_code_trains_nothing_and_arithmetic_everything(project):
    loop = project.folder / "pipeline/training/speech.py"
    code = loop.read_text()
    loop.write_text(f"# A comment.\n{code}")
    ran, printed = project.repro("train@PreAct")
    assert ran == {"check", "train@PreAct"}, "DVC sees the edit, the store does not"
    assert "0 runs trained, 2 already in the store" in printed
    changed = code.replace("loss / batch_weight", "2 * loss / batch_weight")
    assert changed != code
    loop.write_text(changed)
    assert "PreAct: 2 runs trained, 0 already" in project.repro("train@PreAct")[1]
    loop.write_text(code)
    assert project.repro("train@PreAct")[0] == set()


def test_an_unreadable_recording_is_named_and_the_stage_goes_on(project):
    bad = project.folder / "tonesB/ann-joy-0.wav"
    good = bad.read_bytes()
    bad.write_bytes(b"RIFF")
    _, printed = project.repro("ingest@tonesB")
    assert "unreadable" in printed
    rejected = pd.read_csv(project.folder / "data/rejected/tonesB.csv")
    assert rejected.set_index("path")["reason"]["ann-joy-0.wav"].startswith("unreadable")
    bad.write_bytes(good)
    assert project.repro("ingest@tonesB")[0] == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"corpora": {"tonesA": {"reader": "emodb", "path": "tonesA"}}}, "no recording of Emo-DB"),
        ({"corpora": {"tonesA": {"reader": "custom", "path": "tonesA/list.csv", "table": "list.csv"}}}, "is a file"),
        ({"corpora": {"tonesA": {"reader": "custom", "path": "nowhere", "table": "list.csv"}}}, "nowhere"),
        ({"partition.folds": 9, "train.folds": (1,)}, "partition.folds is 9, and there are 8 groups of actors"),
        ({"classes": (*CLASSES, "fear")}, "fear"),
    ],
)
def test_a_users_mistake_ends_in_a_message_and_never_in_a_traceback(project, changes, expected):
    project.write_params(changes)
    _, printed = project.repro(fails=True)
    assert expected in printed
    assert "Traceback" not in printed
    project.write_params()


def test_a_wrong_key_is_refused_before_anything_long_begins(project):
    project.write_params()
    text = (project.folder / "params.yaml").read_text()
    project.write_params(text=text.replace("learning_rate", "learnig_rate"))
    _, printed = project.repro(fails=True)
    assert "train.learnig_rate" in printed
    assert "did you mean 'learning_rate'?" in printed
    assert "Traceback" not in printed
    project.write_params()


@pytest.fixture(scope="module")
def extended(project):
    """The project with the five extensions of CONTRIBUTING.md, each one file and its lines in a registry."""
    project.write_params()
    stories = [extend(project.folder, title) for title in STORIES]
    values = YAML(typ="safe").load((project.folder / "params.yaml").read_text())
    for story in stories:
        for section, entries in story.items():
            values.setdefault(section, {}).update(entries)
    # Recordings of tonesA for the reader of the story, which knows them by another spelling; tonesB is left out.
    del values["corpora"]["tonesB"]
    values["corpora"]["mine"]["path"] = "mine"
    shutil.copytree(project.folder / "tonesB", project.folder / "mine")
    for path in (project.folder / "mine").glob("*.wav"):
        path.rename(path.with_name(path.name.replace("-", "_")))
    before = store_of(project)
    with (project.folder / "params.yaml").open("w") as stream:
        YAML(typ="safe").dump(values, stream)
    ran, printed = project.repro()
    return project, ran, printed, before


def store_of(project):
    """What every run in the store is, by its identity."""
    return {
        path.parent.name: YAML(typ="safe").load(path.read_text()) for path in project.folder.glob(".runs/*/run.json")
    }


def test_an_extension_is_one_file_and_one_entry(extended):
    _, ran, printed, _ = extended
    assert {"ingest@mine", "extract@loudness-mine", "extract@loudness-tonesA", "train@centroid"} <= ran, printed


def test_a_new_front_end_and_a_new_corpus_extract_no_other(extended):
    _, ran, _, _ = extended
    assert not {"segment@tonesA", "extract@spectrogram-tonesA"} & ran


def test_a_removed_corpus_leaves_no_trace(extended):
    project = extended[0]
    assert (project.folder / "data/features/spectrogram/tonesB.ark").exists(), "its files are still there"
    assert "tonesA" in project.everything_written()
    assert "tonesB" not in project.everything_written()


def test_the_file_of_a_new_family_changes_no_identity_of_another(extended):
    project, _, _, before = extended
    sources = {run["model"]["family"]: set() for run in store_of(project).values()}
    for run in store_of(project).values():
        sources[run["model"]["family"]].add(run["source"])
    assert len(sources["centroid"]) == 1
    assert sources["centroid"] != sources["resnext"]
    assert {run["source"] for run in before.values() if run["model"]["family"] == "resnext"} >= {
        run["source"] for identity, run in store_of(project).items() if identity not in before
        and run["model"]["family"] == "resnext"
    }  # fmt: skip


def test_the_new_model_figure_and_table_stand_in_the_results_and_on_the_page(extended):
    results = extended[0].folder / "results"
    runs = pd.read_csv(results / "runs/centroid.csv")
    assert set(runs["status"]) == {"done"}
    assert (runs["epoch"] == 1).all()
    assert (results / "weights/centroid/fold1-seed1-last.safetensors").is_file()
    page = (results / "report.html").read_text()
    assert "Nearest centroid" in page
    assert "Segments by length" in page, "the figure"
    assert "Recordings of each actor" in page, "the table"
    assert (results / "tables/actors.csv").is_file()
    assert (results / "figures/lengths.svg").is_file()


def test_what_is_taken_back_trains_and_extracts_nothing(extended):
    project = extended[0]
    project.copy_code()
    project.write_params()
    ran, _ = project.repro("inputs", "partition", *TRAINING)
    assert not [stage for stage in ran if stage.startswith(("ingest", "segment", "extract", "train"))]
