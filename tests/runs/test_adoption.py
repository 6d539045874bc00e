"""`python -m pipeline runs --adopt`: runs of an earlier version of the code, declared valid for this one."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from pipeline.params import load_params
from pipeline.runs import identity
from pipeline.runs.adoption import adopt, adoptable, declaration
from pipeline.runs.collecting import collect
from pipeline.runs.lock import RunLock
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.runs.run import execute
from pipeline.runs.store import ADOPTED, STORE, RunFolder
from pipeline.training.data import read_segments
from tests.helpers.experiment import read_experiment
from tests.runs.test_commands import command, root, specs, write_params

__all__ = ["root"]

OLD = {"pipeline/models/base.py": "1", "pipeline/training/loop.py": "1", "pipeline/models/gone.py": "1"}
NEW = {"pipeline/models/base.py": "1", "pipeline/training/loop.py": "2", "pipeline/models/mixing.py": "1"}
NEWEST = NEW | {"pipeline/models/base.py": "2"}

TRAINED = {"train.epochs": 2, "execution.checkpoint_seconds": 0}


@pytest.fixture
def code(root, monkeypatch):
    """Sets the code that this process takes for its own."""
    write_params(TRAINED)

    def edit(sources):
        monkeypatch.setattr(identity, "science_sources", lambda modules: sources)

    edit(OLD)
    return edit


def train(wanted, kill_at=None):
    params = load_params()
    experiment = read_experiment(params)

    def progress(state):
        epochs.append(state.epoch)
        if state.epoch == kill_at:
            raise KeyboardInterrupt

    epochs = []
    for spec in wanted:
        execute(spec, experiment, STORE, progress)
    return epochs


def files(spec):
    """What the store has of a run's results and checkpoints, by name."""
    folder = RunFolder(STORE, spec).folder
    paths = [path for part in ("finished", "checkpoints") for path in (folder / part).rglob("*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_without_yes_the_differences_are_listed_and_nothing_is_written(code, capsys):
    train([*specs()[:3], *specs("PreActBN-Full")[3:]])
    before = specs()[0].source
    code(NEW)
    stored = sorted(STORE.rglob("*"))
    assert command(capsys, "runs", "--adopt").splitlines()[:-1] == [
        f"4 finished runs of code {before}, here {specs()[0].source}:",
        "  PreAct: fold 1 seeds 1, 2; fold 2 seed 1",
        "  PreActBN-Full: fold 2 seed 2",
        "  removed pipeline/models/gone.py",
        "  added pipeline/models/mixing.py",
        "  changed pipeline/training/loop.py",
    ]
    assert "`python -m pipeline runs --adopt --yes` declares them valid" in command(capsys, "runs", "--adopt")
    assert sorted(STORE.rglob("*")) == stored


def test_adopted_runs_are_done_and_say_so(code, capsys):
    old = specs()
    train(old)
    code(NEW)
    assert "adopted 4 runs of earlier code, as " in command(capsys, "runs", "--adopt", "--yes")
    assert train(specs()) == []
    for before, now in zip(old, specs(), strict=True):
        code(OLD)
        kept = files(before)
        code(NEW)
        assert files(now) == kept
        record = json.loads((RunFolder(STORE, now).folder / ADOPTED).read_text())
        assert record["files"] == [
            "removed pipeline/models/gone.py", "added pipeline/models/mixing.py", "changed pipeline/training/loop.py",
        ]  # fmt: skip
        assert record["history"] == []
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["when"])
        assert re.fullmatch(r"\S+@\S+", record["by"])
    assert command(capsys, "runs").splitlines()[1].split() == ["PreAct", "4"]
    assert "nothing to adopt: 4 runs of params.yaml are missing" in command(capsys, "runs", "--adopt")
    assert "4 runs of other params, data or code" in command(capsys, "runs", "--clean")
    command(capsys, "runs", "--clean", "--yes")
    assert train(specs()) == [], "the adopted runs need no file of the old ones"


def test_the_record_of_a_model_names_adopted_runs_alone(code):
    train(specs()[:1])
    before = specs()[0]
    origin = before.identity, before.source
    code(NEW)
    assert adopt(*adoptable(specs(), STORE), STORE, declaration()) is None
    train(specs()[1:])
    params = load_params()
    finished = [RunFolder(STORE, spec).load() for spec in specs()]
    adopted, *others = collect("PreAct", finished, {1: read_segments(params.corpora)}, params).record["runs"]
    assert (adopted["adopted"]["identity"], adopted["adopted"]["source"]) == origin
    assert adopted["source"] == others[0]["source"] == specs()[0].source
    assert not any("adopted" in run for run in others)


@pytest.mark.parametrize(
    ("forget", "count"),
    [
        (["mixup"], 2),  # null here
        (["shake", "level"], 2),  # its default here
        (["shake", "bands"], 0),  # 2 here, which is not its default
        (["layout"], 0),
    ],
)
def test_options_that_the_earlier_code_did_not_know_may_have_their_defaults(code, forget, count):
    """As after an update that adds an option: the runs that do not use it stay valid."""
    write_params(TRAINED | {"models.PreActBN-Full.shake": {"bands": 2}})
    wanted = specs("PreActBN-Full")[:2]
    train(wanted)
    for spec in wanted:
        path = RunFolder(STORE, spec).folder / "run.json"
        described = json.loads(path.read_text())
        *places, name = ["model", *forget]
        options = described
        for place in places:
            options = options[place]
        del options[name]
        path.write_text(json.dumps(described))
    code(NEW)
    assert len(adoptable(specs("PreActBN-Full")[:2], STORE)) == count
    write_params(TRAINED | {"models.PreActBN-Full.shake": {"bands": 2}, "train.learning_rate": 0.02})
    assert adoptable(specs("PreActBN-Full"), STORE) == []


def test_an_adopted_run_is_continued_and_a_shorter_one_is_trained_here(code, capsys):
    write_params(TRAINED | {"train.epochs": 3})
    train(specs()[:1])
    code(NEW)
    command(capsys, "runs", "--adopt", "--yes")
    write_params(TRAINED | {"train.epochs": 4})
    assert train(specs()[:1]) == [4]
    assert RunFolder(STORE, specs()[0]).load().adopted["from_epoch"] == 2, "the older of the checkpoints that it had"
    write_params(TRAINED | {"train.epochs": 1})
    assert train(specs()[:1]) == [1]
    assert RunFolder(STORE, specs()[0]).load().adopted is None


def test_an_adopted_run_that_is_adopted_keeps_its_origin(code, capsys):
    train(specs()[:1])
    oldest = specs()[0]
    first, folder = oldest.source, RunFolder(STORE, oldest).folder
    code(NEW)
    command(capsys, "runs", "--adopt", "--yes")
    second = specs()[0].source
    shutil.rmtree(folder)
    code(NEWEST)
    command(capsys, "runs", "--adopt", "--yes")
    record = json.loads((RunFolder(STORE, specs()[0]).folder / ADOPTED).read_text())
    assert record["source"] == second
    assert record["files"] == ["changed pipeline/models/base.py"]
    assert [one["source"] for one in record["history"]] == [first]


def test_a_run_itself_comes_before_one_that_was_adopted_from_it(code, capsys):
    train(specs()[:1])
    first = specs()[0].source
    code(NEW)
    command(capsys, "runs", "--adopt", "--yes")
    code(NEWEST)
    (one,) = adoptable(specs(), STORE)
    assert one.source == first


@pytest.mark.parametrize(
    "edit",
    [
        lambda: write_params(TRAINED | {"train.learning_rate": 0.5}),
        lambda: write_params(TRAINED | {"train.epochs": 3}),
        lambda: Path("data/inputs.json").write_text("{}"),
    ],
    ids=["params", "more epochs", "data"],
)
def test_runs_that_differ_in_more_than_code_are_not_adopted(code, capsys, edit):
    train(specs()[:1])
    code(NEW)
    edit()
    printed = command(capsys, "runs", "--adopt", "--yes")
    assert "nothing to adopt: 8 runs of params.yaml are missing, and no finished run in .runs differs" in printed


def test_what_this_code_trained_is_put_aside_and_cleaning_lists_it(code, capsys):
    train(specs()[:1])
    code(NEW)
    (spec, *_) = specs()
    with pytest.raises(KeyboardInterrupt):
        train([spec], kill_at=1)
    own = files(spec)
    command(capsys, "runs", "--adopt", "--yes")
    (aside,) = STORE.glob("*.replaced")
    assert {path.name for path in aside.rglob("epoch*")} == {Path(name).name for name in own if "epoch" in name}
    assert checkpoint_epochs(RunFolder(STORE, spec).checkpoints) == [1, 2]
    assert aside.name in command(capsys, "runs", "--clean")


def test_an_adoption_that_was_killed_leaves_a_run_that_is_missing(code, capsys, monkeypatch):
    train(specs()[:1])
    code(NEW)
    (spec, *_) = specs()
    folder = RunFolder(STORE, spec).folder

    def killed(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        command(capsys, "runs", "--adopt", "--yes", status=130)
    assert (folder / ADOPTED).exists()
    assert not RunFolder(STORE, spec).finished()
    assert len(adoptable(specs(), STORE)) == 1
    assert train([spec]) == [1, 2]
    assert not (folder / ADOPTED).exists()


def test_a_run_that_somebody_trains_is_left_alone(code, capsys):
    train(specs()[:2])
    old = RunFolder(STORE, specs()[0]).folder
    code(NEW)
    with RunLock(old / "lock").acquire():
        error = command(capsys, "runs", "--adopt", "--yes", status=1)
    assert "PreAct fold 1 seed 1: not adopted: process" in error
    assert [RunFolder(STORE, spec).finished() for spec in specs()] == [False, True, False, False]


def test_damaged_results_are_not_adopted(code, capsys):
    train(specs()[:1])
    (path,) = RunFolder(STORE, specs()[0]).folder.glob("finished/*.safetensors")
    code(NEW)
    path.write_bytes(b"")
    assert "is damaged" in command(capsys, "runs", "--adopt", "--yes", status=1)
    assert not RunFolder(STORE, specs()[0]).finished()


def test_runs_without_hashes_by_file_can_be_adopted(code, capsys):
    train(specs()[:1])
    path = RunFolder(STORE, specs()[0]).folder / "run.json"
    described = json.loads(path.read_text())
    del described["sources"]
    path.write_text(json.dumps(described))
    code(NEW)
    assert "which files differ is not known" in command(capsys, "runs", "--adopt")
    command(capsys, "runs", "--adopt", "--yes")
    assert RunFolder(STORE, specs()[0]).load().adopted["files"] is None


def test_without_hard_links_files_are_copied(code, monkeypatch):
    train(specs()[:1])
    kept = files(specs()[0])
    code(NEW)

    def refused(*names, **options):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refused)
        assert adopt(*adoptable(specs(), STORE), STORE, declaration()) is None
    assert files(specs()[0]) == kept
    assert all(path.stat().st_nlink == 1 for path in (RunFolder(STORE, specs()[0]).folder).rglob("*.safetensors"))


def test_bad_input_says_what_to_do(root, capsys):
    assert "--adopt and --clean were given; expected one of them" in command(
        capsys, "runs", "--adopt", "--clean", status=1
    )
    assert "8 runs of params.yaml are missing" in command(capsys, "runs", "--adopt")
