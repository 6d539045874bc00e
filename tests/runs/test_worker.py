"""One worker that trains models which read the data in different ways."""

import pickle
from pathlib import Path

import pytest
import torch

from pipeline.runs import identity
from pipeline.runs.identity import RunSpec
from pipeline.runs.scheduler import plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer
from tests.helpers.experiment import note_inputs, params_with, write_experiment

WIDE = {"models.Wide": {"label": "Wide", "layout": "PreAct", "features": {"left": 3, "every": 4}}, "train.epochs": 1}


@pytest.fixture
def params(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return params_with(WIDE)


def test_a_worker_trains_models_of_different_readings_as_one_of_its_own_each(params):
    first, second = plan_all(params, ["PreAct"])[:2]
    wide, wider = plan_all(params, ["Wide"])[:2]
    turns = [first, wide, second, wider]
    together = Trainer(params, "cpu", Path("together"))
    assert all(together.train(spec).trained for spec in turns)
    for spec in turns:
        assert Trainer(params, "cpu", Path("alone")).train(spec).trained
        both = [RunFolder(Path(store), spec).load() for store in ("together", "alone")]
        assert repr(both[0].history) == repr(both[1].history)
        assert torch.equal(*(run.snapshots["last"].probabilities for run in both))


def test_the_features_of_one_reading_are_kept_at_a_time(params, monkeypatch):
    load, kept = RunSpec.load_experiment, []
    trainer = Trainer(params, "cpu", Path("store"))

    def watched(spec, *arguments):
        kept.append((spec.model, len(trainer._experiments)))
        return load(spec, *arguments)

    monkeypatch.setattr(RunSpec, "load_experiment", watched)
    for model in ("PreAct", "PreActBN-Full", "Wide", "PreAct"):
        for spec in plan_all(params, [model])[:2]:
            assert trainer.train(spec).failure is None
    assert kept == [("PreAct", 0), ("Wide", 0), ("PreAct", 0)], (
        "read when the reading changes, and nothing else is kept then"
    )


def test_a_run_keeps_the_identity_that_was_planned_and_is_not_trained_with_other_code(params, monkeypatch):
    spec = plan_all(params, ["PreAct"])[0]
    planned = spec.identity
    file = "pipeline/training/loop.py"
    monkeypatch.setattr(identity, "science_sources", lambda modules: spec.sources | {file: "0" * 20})
    sent = pickle.loads(pickle.dumps(spec))  # noqa: S301 (made right here)
    assert sent.identity == planned, "as the process that trains it finds it"
    assert plan_all(params, ["PreAct"])[0].identity != planned, "a plan after the edit is another one"
    failure = Trainer(params, "cpu", Path("store")).train(sent).failure
    assert failure is not None
    assert failure.startswith(f"{file} changed between the planning of this run and the start of the process that")
    assert [path.name for path in Path("store").iterdir()] == [planned]
    assert not RunFolder(Path("store"), sent).finished()


def test_the_code_is_hashed_when_all_of_it_was_imported(params, monkeypatch):
    spec, events = plan_all(params, ["PreAct"])[0], []
    hashes, imports = identity.science_sources, identity.import_module
    monkeypatch.setattr(identity, "science_sources", lambda modules: events.append("hash") or hashes(modules))
    monkeypatch.setattr(identity, "import_module", lambda name: events.append(name) or imports(name))
    spec.refuse_edited_code()
    assert events[-1] == "hash"
    assert {"pipeline.training.loop", "pipeline.models", "pipeline.models.resnext", "hash"} <= {*events}
    assert len(events) == len(spec.sources) + 1


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("data/folds.csv", "data/folds.csv, data/parts.csv or data/inputs.json"),
        ("data/inputs.json", "data/inputs.json"),
    ],
)
def test_data_that_changed_since_the_run_was_planned_are_not_trained_on(params, name, changed):
    trainer = Trainer(params, "cpu", Path("store"))
    first, spec = plan_all(params, ["PreAct"])[:2]
    assert trainer.train(first).trained
    if name == "data/folds.csv":
        lines = Path(name).read_text().splitlines()
        Path(name).write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    else:
        ark = Path("data/features/spectrogram/emodb.ark")
        changed_bytes = ark.read_bytes()[:-4] + b"\0\0\0\0"
        ark.unlink()  # replaced, as DVC does it: what is mapped stays
        ark.write_bytes(changed_bytes)
        note_inputs(Path())
    failure = Trainer(params, "cpu", Path("store")).train(spec).failure
    assert failure is not None
    assert failure.startswith(f"{changed} changed since this run was planned (the hash of the data is ")
    assert trainer.train(spec).trained, "a process that has read them before goes on with what it was planned on"
    again = plan_all(params, ["PreAct"])[1]
    assert again.identity != spec.identity
    assert trainer.train(again).trained
