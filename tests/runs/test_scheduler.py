"""Runs spread over processes; the stage that trains a model from end to end."""

import errno
import json
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.core.errors import InputError
from pipeline.evaluation.loading import check_one_experiment, load_details
from pipeline.runs.identity import RunSpec
from pipeline.runs.scheduler import fill_store, lacks, plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer
from tests.helpers.closure import ROOT
from tests.helpers.experiment import params_with, write_experiment
from tests.helpers.warm_python import executables

STAGE = str(ROOT / "stages/train.py")


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(changes):
    params = params_with(changes)
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(json.loads(params.model_dump_json(exclude_none=True)), stream)


def run_stage(changes, model="PreAct"):
    """Run the stage as DVC does, and return what it printed of its work."""
    write_params(changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(executables() / "python"))  # runs the check of the whole params file
        runpy.run_path(STAGE)["main"](model)


def results():
    return {path: path.read_bytes() for path in sorted(Path("results").rglob("*")) if path.is_file()}


def test_only_what_is_missing_is_trained_and_every_run_exactly_once(root):
    store = root / "store"
    params = params_with({"train.epochs": 1, "execution.workers": 2})
    specs = plan_all(params, ["PreAct"])
    assert [(spec.fold, spec.seed) for spec in specs] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert fill_store(specs[:2], params, store).trained == 2
    assert fill_store(specs, params, store).trained == 2
    assert fill_store(specs, params, store).trained == 0
    assert all(RunFolder(store, spec).finished() for spec in specs)


def test_a_failing_run_does_not_stop_the_others_and_is_named(root):
    store = root / "store"
    params = params_with({"train.epochs": 1})
    good, bad = plan_all(params, ["PreAct"])[:2], RunSpec("PreAct", 9, 1, 1, params, "data")
    with pytest.raises(InputError, match=r"1 of 3 runs failed; the others are kept(?s:.*)PreAct fold 9 seed 1: "):
        fill_store([bad, *good], params, store)
    assert all(RunFolder(store, spec).finished() for spec in good)


def test_the_stage_writes_its_contracts_and_the_same_bytes_twice(root, capsys):
    run_stage({"train.epochs": 2})
    assert "PreAct: 4 runs trained, 0 already in the store, 0 diverged" in capsys.readouterr().out
    first = results()
    names = {path.relative_to("results").as_posix() for path in first}
    weights = {
        f"weights/PreAct/fold{f}-seed{s}-{n}.safetensors" for f in (1, 2) for s in (1, 2) for n in ("last", "best")
    }
    tables = {f"{folder}/PreAct.csv" for folder in ("runs", "history", "predictions", "test")}
    assert names == weights | tables | {"runs/PreAct.json"}
    (root / ".runs").rename(root / "elsewhere")
    run_stage({"train.epochs": 2, "execution.workers": 2})
    assert results() == first, "trained anew, and with other workers"


def test_adding_a_seed_trains_the_new_runs_only_and_removing_it_none(root, capsys):
    for changes, expected in (
        ({"train.seeds": (1,), "train.epochs": 1}, "2 runs trained, 0 already"),
        ({"train.seeds": (1, 2), "train.epochs": 1}, "2 runs trained, 2 already"),
        ({"train.seeds": (2,), "train.epochs": 1}, "0 runs trained, 2 already"),
        ({"train.seeds": (1, 2), "train.epochs": 1, "train.learning_rate": 0.1}, "4 runs trained, 0 already"),
        ({"train.seeds": (1, 2), "train.epochs": 1, "models.PreAct.label": "other"}, "0 runs trained, 4 already"),
        ({"train.seeds": (1, 2), "train.epochs": 2, "train.folds": (2,)}, "2 runs trained, 0 already"),
        ({"train.seeds": (1, 2), "train.epochs": 2, "train.folds": (1, 2)}, "2 runs trained, 2 already"),
        ({"train.seeds": (1, 2), "train.epochs": 1}, "0 runs trained, 4 already"),
    ):
        run_stage(changes)
        assert expected in capsys.readouterr().out


def test_a_diverged_run_is_recorded_and_the_stage_succeeds(root, capsys):
    run_stage({"train.learning_rate": 1e30, "train.epochs": 2})
    assert "4 diverged" in capsys.readouterr().out
    table = Path("results/runs/PreAct.csv").read_text()
    assert table.count("diverged") == 12
    assert ",,,,,diverged" in table
    assert Path("results/predictions/PreAct.csv").read_text().count("\n") == 1
    assert list(Path("results/weights/PreAct").iterdir()) == [], "the folder that DVC expects is there"
    assert json.loads(Path("results/runs/PreAct.json").read_text())["runs"][0]["status"] == "diverged"


def killed_while_training(processes, store):
    """Kill the first worker process that has begun a run."""
    while not (list(store.glob("*/lock")) and processes()):
        time.sleep(0.05)
    processes()[0].kill()


def test_a_run_whose_worker_was_killed_is_taken_up_again(root):
    store = root / "store"
    params = params_with({"train.epochs": 3, "execution.checkpoint_seconds": 0})
    killer = threading.Thread(target=killed_while_training, args=(multiprocessing.active_children, store))
    killer.start()
    assert fill_store(plan_all(params, ["PreAct"]), params, store).trained == 4
    killer.join()
    assert all(RunFolder(store, spec).finished() for spec in plan_all(params, ["PreAct"]))


def test_a_run_that_kills_its_worker_again_and_again_is_given_up_and_the_others_go_on(root, monkeypatch):
    store = root / "store"
    params = params_with({"train.epochs": 1})
    good, bad = plan_all(params, ["PreAct"])[:1], plan_all(params, ["PreActBN-Full"])[0]
    deadly = RunFolder(store, bad)
    deadly.checkpoints.mkdir(parents=True)

    def kill_whoever_locks_it():
        for _ in range(2):
            while not (deadly.folder / "lock").exists() or not multiprocessing.active_children():
                time.sleep(0.05)
            for child in multiprocessing.active_children():
                child.kill()
            (deadly.folder / "lock").unlink()

    killer = threading.Thread(target=kill_whoever_locks_it)
    killer.start()
    with pytest.raises(
        InputError,
        match=r"1 of 2 runs failed(?s:.*)PreActBN-Full fold 1 seed 1: .* died 2 times \(the last time: killed by SIGKILL\)",
    ):
        fill_store([bad, *good], params, store)
    killer.join()
    assert RunFolder(store, good[0]).finished()
    assert "died 2 times" in RunFolder(store, bad).failure(), "shown by `python -m pipeline runs` too"


def test_ctrl_c_ends_training_at_once_and_keeps_the_checkpoints(root):
    write_params({"train.epochs": 100_000, "execution.workers": 2, "execution.checkpoint_seconds": 0})
    with subprocess.Popen(
        [sys.executable, STAGE, "PreAct"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as stage:
        try:
            while not list(Path(".runs").glob("*/checkpoints/epoch*")):
                time.sleep(0.1)
                assert stage.poll() is None
            os.killpg(stage.pid, signal.SIGINT)
            printed = stage.communicate(timeout=60)[1]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(stage.pid, signal.SIGKILL)
    assert stage.returncode == 130
    assert "train@PreAct: interrupted" in printed
    assert "Traceback" not in printed


def test_broken_features_are_explained_by_every_run_that_needs_them(root):
    scp = Path("data/features/spectrogram/savee.scp")
    scp.write_text("\n".join(scp.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match=r"4 of 4 runs failed(?s:.*)savee\.scp has changed since the stage"):
        run_stage({})


def test_a_bug_leaves_its_place_in_the_code_beside_the_run(root):
    store = root / "store"
    # More threads than PyTorch can count.
    params = params_with({"train.epochs": 1, "train.folds": (1,), "train.seeds": (1,), "train.threads": 10**12})
    (bad,) = plan_all(params, ["PreAct"], root)
    with pytest.raises(InputError, match=r"details in .*failure\.txt"):
        fill_store([bad], params, store)
    assert "Traceback" in (RunFolder(store, bad).folder / "failure.txt").read_text()


def test_a_gpu_that_is_not_there_is_refused(root):
    with pytest.raises(InputError, match="execution.device is 'cuda:7', and PyTorch sees"):
        run_stage({"execution.device": "cuda:7"})


def test_a_full_disk_is_named_costs_no_checkpoint_and_the_run_goes_on_when_there_is_space(root, monkeypatch):
    store = root / "store"
    params = params_with({"train.epochs": 3, "execution.checkpoint_seconds": 0})
    spec = plan_all(params, ["PreAct"])[0]
    folder = RunFolder(store, spec)
    saved = RunFolder.save_checkpoint

    def save_until_full(self, state):
        if state.epoch == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        saved(self, state)

    monkeypatch.setattr(RunFolder, "save_checkpoint", save_until_full)
    outcome = Trainer(params, "cpu", store).train(spec)
    assert outcome.failure == (
        f"no space left on the disk of {folder.folder}; free some, the run continues from its last checkpoint"
    )
    assert folder.failure() == outcome.failure
    assert len(list(folder.checkpoints.glob("epoch000001*"))) == 1
    assert folder.lock.owner() is None, "others may take it up"
    monkeypatch.setattr(RunFolder, "save_checkpoint", saved)
    assert Trainer(params, "cpu", store).train(spec).trained
    undisturbed = root / "undisturbed"
    assert Trainer(params, "cpu", undisturbed).train(spec).trained
    # As text: since Python 3.13, rows with NaN are not equal to themselves.
    assert repr(folder.load().history) == repr(RunFolder(undisturbed, spec).load().history)
    assert folder.failure() is None


def test_a_checkpoint_that_cannot_be_written_leaves_nothing_that_looks_like_one(root):
    """The write itself fails, in the middle: no file of the process may grow past a limit."""
    code = """
import resource
import signal
from pathlib import Path
from pipeline.runs.scheduler import plan_all
from pipeline.runs.worker import Trainer
from tests.helpers.experiment import params_with
params = params_with({"train.epochs": 2, "execution.checkpoint_seconds": 0})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))
print(Trainer(params, "cpu", Path("store")).train(plan_all(params, ["PreAct"])[0]).failure)
"""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert "Too large" in done.stdout or "too large" in done.stdout, done.stdout + done.stderr
    params = params_with({"train.epochs": 2})
    spec = plan_all(params, ["PreAct"])[0]
    folder = RunFolder(root / "store", spec)
    assert not list(folder.folder.rglob("epoch*")), "nothing that could be taken for a checkpoint"
    assert Trainer(params, "cpu", root / "store").train(spec).trained


def test_what_a_killed_process_left_half_written_is_deleted_when_the_run_goes_on(root):
    params = params_with({"train.epochs": 1})
    spec = plan_all(params, ["PreAct"])[0]
    folder = RunFolder(root / "store", spec)
    folder.checkpoints.mkdir(parents=True)
    (folder.checkpoints / ".writing.k3j2").write_text("half")
    (folder.folder / ".progress.json.x8f1").write_text("half")
    assert Trainer(params, "cpu", root / "store").train(spec).trained
    assert not list(folder.folder.rglob(".*"))


def test_models_that_differ_in_their_key_alone_are_trained_once(root):
    params = params_with({"train.epochs": 1, "models.Twin": {"label": "Twin", "layout": "PreAct"}})
    specs = [plan_all(params, [model])[0] for model in ("PreAct", "Twin")]
    assert fill_store(specs, params, root / "store").trained == 1


def test_models_that_differ_in_their_epochs_alone_have_results_of_both(root):
    short = {"label": "Short", "layout": "PreAct", "train": {"epochs": 1}}
    params = params_with({"train.epochs": 2, "models.Short": short})
    specs = [plan_all(params, [model])[0] for model in ("PreAct", "Short")]
    assert specs[0].identity == specs[1].identity
    assert fill_store(specs, params, root / "store").trained == 2
    assert [len(RunFolder(root / "store", spec).load().history) for spec in specs] == [2, 1]


def test_a_store_that_cannot_be_read_fails_its_run_and_no_other(root, monkeypatch):
    params = params_with({"train.epochs": 1})
    bad, good = plan_all(params, ["PreAct"])[:2]
    iterdir = Path.iterdir

    def refuse(self):
        if self.parent.name == bad.identity:
            raise PermissionError(errno.EACCES, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    outcome = Trainer(params, "cpu", root / "store").train(bad)
    assert outcome.failure.startswith("the run store cannot be read: ")
    assert outcome.failure.endswith("Permission denied; give yourself permission, and run again")
    assert not lacks(root / "store", good) or fill_store([good], params, root / "store").trained == 1
    assert lacks(root / "store", bad), "left to a worker, which names it"


def test_what_goes_wrong_because_the_run_was_taken_over_is_no_failure(root):
    params = params_with({"train.epochs": 4, "execution.checkpoint_seconds": 0})
    spec = plan_all(params, ["PreAct"])[0]
    folder = RunFolder(root / "store", spec)

    def lose_the_folder(state):
        shutil.rmtree(folder.folder)
        raise OSError(errno.ENOENT, "No such file or directory")

    outcome = Trainer(params, "cpu", root / "store").train(spec, lose_the_folder)
    assert (outcome.held_by, outcome.failure) == ("nobody", None)


def test_a_trainer_whose_run_was_taken_over_writes_nothing_more(root, monkeypatch):
    store = root / "store"
    params = params_with({"train.epochs": 4, "execution.checkpoint_seconds": 0})
    spec = plan_all(params, ["PreAct"])[0]
    folder = RunFolder(store, spec)
    theirs = {"host": "node7/", "pid": 7, "started": 1.0, "mark": "theirs"}

    def lose_it(state):
        if state.epoch == 2:
            folder.lock.path.write_text(json.dumps(theirs))

    outcome = Trainer(params, "cpu", store).train(spec, lose_it)
    assert outcome.held_by == "process 7 on node7"
    assert not folder.finished()
    assert max(int(path.name[5:11]) for path in folder.checkpoints.glob("epoch*")) == 2
    assert json.loads(folder.lock.path.read_text()) == theirs


def test_models_that_read_one_front_end_in_different_forms_are_one_experiment(root):
    attend = {"label": "Attend", "family": "attention", "convolutions": (), "hidden": 4, "mlp": ()}
    changes = {"models.Attend": attend, "train.epochs": 1, "train.folds": (1,), "train.seeds": (1,)}
    for model in ("PreAct", "Attend"):
        run_stage(changes, model)
    details = load_details(Path("results/runs"), ["PreAct", "Attend"])
    assert details[0].data != details[1].data
    check_one_experiment(details, Path("results/runs"))
