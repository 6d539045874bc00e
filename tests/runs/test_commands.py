"""The commands `runs` and `grid`: what the store holds, what it lacks, and filling it for all models at once."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.commands.grid import array_task
from pipeline.core.errors import InputError
from pipeline.models.registry import FAMILIES
from pipeline.params import load_params
from pipeline.runs import lock as locks
from pipeline.runs import scheduler as engine
from pipeline.runs.identity import data_hash
from pipeline.runs.lock import STALE, RunLock
from pipeline.runs.scheduler import fill_store, plan
from pipeline.runs.store import STORE, RunFolder
from pipeline.runs.worker import Trainer
from tests.helpers.experiment import params_with, write_experiment


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    write_params({"train.epochs": 2})
    return tmp_path


def write_params(changes):
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(json.loads(params_with(changes).model_dump_json(exclude_none=True)), stream)


def command(capsys, *arguments, status=0):
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code or 0) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def specs(model="PreAct"):
    return plan(load_params(), model, [data_hash(Path("data/inputs.json"), Path("data/folds.csv"), "spectrogram")])


def test_an_empty_store_is_all_missing(root, capsys):
    lines = command(capsys, "runs").splitlines()
    assert lines[0].split() == ["model", "done", "diverged", "running", "failed", "stopped", "missing"]
    assert [line.split() for line in lines[1:]] == [["PreAct", "4"], ["PreActBN-Full", "4"]]


def test_before_there_is_data_the_way_to_it_is_named(root, capsys):
    shutil.rmtree("data")
    assert "data/inputs.json does not exist; `dvc repro` makes it" in command(capsys, "runs", status=1)
    assert "run `dvc repro inputs partition` once" in command(capsys, "grid", "--no-data", status=1)


def test_every_state_of_a_run_is_distinguished(root, capsys):
    done, stopped, failed, running = specs()
    fill_store([done], load_params(), STORE)
    # One that was killed between two epochs: its checkpoint of the first is there, its end is not.
    shorter = plan(params_with({"train.epochs": 1}), "PreAct", [stopped.data])[1]
    assert shorter.identity == stopped.identity
    fill_store([shorter], params_with({"train.epochs": 1}), STORE)
    shutil.rmtree(RunFolder(STORE, stopped).folder / "finished")
    RunFolder(STORE, failed).note_failure("the reason", "Traceback ...")
    with RunLock(RunFolder(STORE, running).lock.path).acquire():
        printed = command(capsys, "runs", "--all")
        lines = {line[:20].strip(): line for line in printed.splitlines()}
        found = [json.loads(line) for line in command(capsys, "runs", "--json").splitlines()]
    assert lines["PreAct"].split()[1:] == ["1", "1", "1", "1"]
    assert "done" in lines["PreAct fold 1 seed 1"]
    assert "2/2" in lines["PreAct fold 1 seed 1"]
    assert "stopped" in lines["PreAct fold 1 seed 2"]
    assert "1/2" in lines["PreAct fold 1 seed 2"]
    assert lines["PreAct fold 2 seed 1"].endswith("the reason")
    assert f"process {os.getpid()} on " in lines["PreAct fold 2 seed 2"]
    assert [one["state"] for one in found] == ["done", "stopped", "failed", "running", *["missing"] * 4]
    assert found[0]["identity"] == done.identity
    assert found[0]["seconds_per_epoch"] > 0
    assert found[4]["valid_ua"] is None


def test_a_run_that_failed_and_then_went_well_is_done(root, capsys):
    spec = specs()[0]
    RunFolder(STORE, spec).note_failure("no space left")
    fill_store([spec], load_params(), STORE)
    assert RunFolder(STORE, spec).failure() is None


def test_cleaning_drops_what_params_do_not_name_and_only_with_yes(root, capsys):
    fill_store(specs()[:2], load_params(), STORE)
    assert "every run in it is one of params.yaml" in command(capsys, "runs", "--clean")
    write_params({"train.epochs": 2, "train.learning_rate": 0.5})
    fill_store(specs()[:1], load_params(), STORE)
    printed = command(capsys, "runs", "--clean")
    assert "2 runs of other params, data or code" in printed
    assert "`python -m pipeline runs --clean --yes` deletes them" in printed
    assert len(list(STORE.iterdir())) == 3
    old = sorted(path for path in STORE.iterdir() if path.name != specs()[0].identity)
    with RunLock(old[0] / "lock").acquire():
        assert "kept: process" in command(capsys, "runs", "--clean", "--yes")
    assert old[0].exists()
    assert not old[1].exists()
    assert "deleted 1 run" in command(capsys, "runs", "--clean", "--yes")
    assert [path.name for path in STORE.iterdir()] == [specs()[0].identity]


def test_cleaning_describes_a_model_by_what_sets_it_apart(root, monkeypatch, capsys):
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    fitted = {"models.C": {"label": "C", "family": "centroid", "scale": 2.0}}
    data = specs()[0].data
    for name in ("PreAct", "PreActBN-Full", "C"):
        spec = plan(params_with(fitted | {"train.learning_rate": 0.5}), name, [data])[0]
        folder = RunFolder(STORE, spec).folder
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(spec.description()))
    lines = command(capsys, "runs", "--clean").splitlines()[:3]
    described = [line.split("  ", 1)[1].split(", 0 epochs")[0] for line in lines]
    assert described[0] == "PreAct, fold 1 seed 1"
    assert described[1].startswith("PreActBN, shake {'bands': 1, ")
    assert described[2].startswith("centroid, scale 2.0, fold 1")


def test_a_grid_fills_the_store_for_all_models_and_then_finds_nothing_to_do(root, capsys):
    assert "8 runs: 8 trained, 0 already in the store, 0 left" in command(capsys, "grid", "--no-data")
    assert "8 runs: 0 trained, 8 already in the store" in command(capsys, "grid", "--no-data")
    assert "4 runs: 0 trained, 4 already" in command(capsys, "grid", "--no-data", "PreAct")
    assert "did you mean 'PreAct'" in command(capsys, "grid", "--no-data", "PreAkt", status=1)


def test_one_damaged_record_costs_the_list_no_other_line(root, capsys):
    fill_store(specs()[:2], load_params(), STORE)
    record = next(RunFolder(STORE, specs()[0]).folder.glob("finished/*.json"))
    record.write_text(record.read_text()[:30])
    lines = command(capsys, "runs", "--all").splitlines()
    assert lines[1].split() == ["PreAct", "1", "1", "2"]
    assert "delete both to train the run again" in next(line for line in lines if "failed " in line and "fold" in line)


def test_a_run_that_was_tried_again_and_stopped_is_no_longer_failed(root, capsys):
    spec = specs()[0]
    RunFolder(STORE, spec).note_failure("no space left")
    Path("data/features/spectrogram/savee.scp").rename("aside")
    with pytest.raises(InputError):
        fill_store([spec], load_params(), STORE)
    assert RunFolder(STORE, spec).failure() != "no space left"
    Path("aside").rename("data/features/spectrogram/savee.scp")

    class Stopped(BaseException):
        pass

    def stop(state):
        raise Stopped

    with pytest.raises(Stopped):
        Trainer(load_params(), "cpu", STORE).train(spec, stop)
    assert RunFolder(STORE, spec).failure() is None


def test_yes_alone_deletes_nothing(root, capsys):
    assert "--yes does nothing by itself; expected it with --clean or --adopt" in command(
        capsys, "runs", "--yes", status=1
    )


def test_a_cleaning_that_was_killed_is_finished_by_the_next(root, capsys):
    half = STORE / "0123456789abcdef0123.1a2b3c4d.dropped"
    half.mkdir(parents=True)
    assert half.name in command(capsys, "runs", "--clean")
    command(capsys, "runs", "--clean", "--yes")
    assert list(STORE.iterdir()) == []


def test_a_grid_takes_up_the_run_of_another_host_that_is_silent(root, capsys, monkeypatch):
    """Nobody is known to be dead there: the run is left only to a process whose heart is seen to beat."""
    monkeypatch.setattr(engine, "LOCKED_SECONDS", 0.2)
    path = RunFolder(STORE, specs()[1]).lock.path
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"host": "node7/boot/pid:[1]", "pid": 7, "started": 1.0, "mark": "theirs"}))
    silent = time.time() - STALE + 4
    os.utime(path, (silent, silent))
    assert "4 runs: 4 trained, 0 already in the store, 0 left" in command(capsys, "grid", "--no-data", "PreAct")


def test_a_grid_leaves_runs_to_those_who_are_at_them_or_waits(root, capsys, monkeypatch):
    monkeypatch.setattr(locks, "HEARTBEAT", 0.5)
    lock = RunLock(RunFolder(STORE, specs()[1]).lock.path)
    with lock.acquire():
        assert "4 runs: 3 trained, 0 already in the store, 1 left" in command(capsys, "grid", "--no-data", "PreAct")

    def hold_for_a_while():
        with RunLock(lock.path).acquire():
            holding.set()
            time.sleep(8)

    holding = threading.Event()
    holder = threading.Thread(target=hold_for_a_while)
    holder.start()
    holding.wait()
    assert "4 runs: 1 trained, 3 already in the store, 0 left" in command(
        capsys, "grid", "--no-data", "--wait", "PreAct"
    )
    holder.join()


def test_two_grids_share_the_runs_and_train_each_once(root, capsys):
    environment = os.environ | {"SLURM_ARRAY_TASK_ID": "3", "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [sys.executable, "-m", "pipeline", "grid"]
    other = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ours = command(capsys, "grid", "--no-data", "--wait")
    theirs = other.communicate()[0]
    assert other.returncode == 0
    counts = [int(text.split(" trained")[0].rsplit(" ", 1)[1]) for text in (ours, theirs)]
    assert sum(counts) == 8
    assert all(RunFolder(STORE, spec).finished() for model in ("PreAct", "PreActBN-Full") for spec in specs(model))


def test_the_task_of_a_slurm_array():
    assert array_task({}) is None
    assert array_task({"SLURM_ARRAY_TASK_ID": "7"}) == 7
