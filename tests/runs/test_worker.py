"""One worker that trains models which read the data in different ways."""

from pathlib import Path

import pytest
import torch

from pipeline.runs.identity import RunSpec
from pipeline.runs.scheduler import plan
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer
from tests.helpers.experiment import params_with, write_experiment

WIDE = {"models.Wide": {"label": "Wide", "layout": "PreAct", "features": {"left": 3, "every": 4}}, "train.epochs": 1}


@pytest.fixture
def params(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return params_with(WIDE)


def test_a_worker_trains_models_of_different_readings_as_one_of_its_own_each(params):
    first, second = plan(params, "PreAct", "data")[:2]
    wide, wider = plan(params, "Wide", "data")[:2]
    turns = [first, wide, second, wider]
    together = Trainer(params, "cpu", Path("together"))
    assert all(together.train(spec).trained for spec in turns)
    for spec in turns:
        assert Trainer(params, "cpu", Path("alone")).train(spec).trained
        both = [RunFolder(Path(store), spec).load() for store in ("together", "alone")]
        assert both[0].history == both[1].history
        assert torch.equal(*(run.snapshots["last"].probabilities for run in both))


def test_the_features_of_one_reading_are_kept_at_a_time(params, monkeypatch):
    load, kept = RunSpec.load_experiment, []
    trainer = Trainer(params, "cpu", Path("store"))

    def watched(spec, *arguments):
        kept.append((spec.model, len(trainer._experiments)))
        return load(spec, *arguments)

    monkeypatch.setattr(RunSpec, "load_experiment", watched)
    for model in ("PreAct", "PreActBN-Full", "Wide", "PreAct"):
        for spec in plan(params, model, "data")[:2]:
            assert trainer.train(spec).failure is None
    assert kept == [("PreAct", 0), ("Wide", 0), ("PreAct", 0)], (
        "read when the reading changes, and nothing else is kept then"
    )
