"""A store with files and folders that are not its own, and checkpoints that somebody forged."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.commands.runs import _clean
from pipeline.core.errors import InputError
from pipeline.runs.lock import STALE, RunLock
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.runs.run import execute
from pipeline.runs.status import leftovers, run_status
from pipeline.runs.store import RunFolder
from tests.helpers.experiment import params_with, read_experiment, write_experiment
from tests.runs.test_store import Killed, run, spec


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    root = tmp_path_factory.mktemp("experiment")
    write_experiment(root)
    return read_experiment(params_with(), root)


@pytest.fixture(scope="module")
def stopped(experiment, tmp_path_factory):
    """A store with one run of three epochs that was killed after the first."""
    store = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Killed):
        run(experiment, store, spec(3), kill_at=1)
    return store


@pytest.fixture
def store(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "store")


def test_odd_files_break_neither_a_list_nor_a_cleaning_nor_a_run(experiment, store, capsys):
    folder = RunFolder(store, spec(3)).folder
    (folder / "finished").mkdir()
    for name in ("x.diverged.json", "notes.json", "000003 (copy).json"):
        (folder / "finished" / name).write_text("{}")
    (folder / "lock").mkdir()
    (folder / "progress.json").unlink(missing_ok=True)  # of a run that took seconds
    (folder / "progress.json").mkdir()
    (folder / "checkpoints/epochs.safetensors").write_text("mine")
    (folder / "checkpoints/epoch000002-0123456789abcdef.safetensors").mkdir()
    (store / "notes.txt").write_text("mine")
    os.mkfifo(store / "pipe")
    status = run_status(spec(3), store)
    assert (status.state, status.epoch) == ("running", 2), "a folder has no owner; it is too young to be dead"
    assert "is one of params.yaml" not in _cleaned(store, {spec(3).identity + "x"}, capsys)
    assert run(experiment, store, spec(3)) == [2, 3]
    assert "epochs.safetensors is not a checkpoint, set aside as" in capsys.readouterr().err
    assert (folder / "checkpoints/epochs.safetensors.aside").read_text() == "mine"
    assert len(list(folder.glob("lock.*.aside"))) == 1
    assert run_status(spec(3), store).state == "done"


def _cleaned(store, named, capsys, *, yes=False):
    """What a cleaning prints that keeps the named runs."""
    capsys.readouterr()
    _clean([SimpleNamespace(identity=name) for name in named], store, yes=yes)
    return capsys.readouterr().out


def test_cleaning_deletes_what_is_a_run_and_nothing_else(store, tmp_path, capsys):
    mine = store / "my recordings"
    twin = store / "0123456789abcdef0123"
    target = tmp_path / "elsewhere"
    shutil.copytree(store / spec().identity, twin)
    shutil.copytree(store / spec().identity, target)
    mine.mkdir()
    (mine / "a.wav").write_text("mine")
    (store / "fedcba9876543210fedc").mkdir()
    (store / "studies/table1").mkdir(parents=True)
    (store / ("f" * 20)).symlink_to(target)
    # The links within a run are deleted, and what they point to is not.
    (store / spec().identity / "checkpoints/more").symlink_to(target)
    before = sorted(target.rglob("*"))
    printed = _cleaned(store, (), capsys, yes=True)
    assert "deleted 1 run" in printed
    for name, reason in (
        ("my recordings", "its name is not that of a run"),
        ("0123456789abcdef0123", "its name is not the hash of its run.json"),
        ("fedcba9876543210fedc", "it has no run.json"),
        ("f" * 20, "it is a link"),
    ):
        assert f"{store / name}  is no run of this software, kept: {reason}" in printed
    assert sorted(path.name for path in store.iterdir()) == sorted(
        [mine.name, twin.name, "fedcba9876543210fedc", "studies", "f" * 20]
    )
    assert (mine / "a.wav").read_text() == "mine"
    assert sorted(target.rglob("*")) == before, "no lock was left there"


def test_a_cleaning_that_is_killed_leaves_the_description_to_the_last(store, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _cleaned(store, (), capsys, yes=True)
    (half,) = store.iterdir()
    assert half.name.endswith(".dropped")
    assert "deleted 1 run" in _cleaned(store, (), capsys, yes=True)
    assert list(store.iterdir()) == []


def test_a_folder_that_cannot_be_deleted_is_named_and_the_others_go_on(store, capsys, monkeypatch):
    rename = Path.rename

    def refuse(self, target):
        if self.name == spec().identity:
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    (store / "0123456789abcdef0123.1a2b3c4d.dropped").mkdir()
    capsys.readouterr()
    assert _clean([], store, yes=True) == 1
    captured = capsys.readouterr()
    assert "deleted 1 run" in captured.out
    assert "cannot be deleted: Permission denied; give yourself permission" in captured.err


@pytest.mark.parametrize("part", ["checkpoints", "finished"])
def test_folders_that_cannot_be_read_are_an_error_before_training(experiment, store, monkeypatch, capsys, part):
    folder = RunFolder(store, spec(3)).folder / part
    folder.mkdir(exist_ok=True)
    iterdir = Path.iterdir

    def refuse(self):
        if self == folder:
            raise PermissionError(13, "Permission denied", str(self))
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=rf"the run store cannot be read: .*{part}: Permission denied; give yourself"):
        run(experiment, store, spec(3))
    status = run_status(spec(3), store)
    assert (status.state, "cannot be read" in status.note) == ("failed", True)
    assert len(list(leftovers(store, ()))) == 1


def test_a_file_in_place_of_the_checkpoints_is_an_error_before_training(experiment, store):
    folder = RunFolder(store, spec(3)).checkpoints
    shutil.rmtree(folder)
    folder.write_text("")
    with pytest.raises(InputError, match="checkpoints is not a folder; move it away, and run again"):
        run(experiment, store, spec(3))


def forge(store, change):
    """Write the run's checkpoint with another header, or other tensors, under the name that its content asks for."""
    (path,) = RunFolder(store, spec(3)).checkpoints.glob("epoch*")
    with safe_open(path, framework="pt") as stored:
        header = json.loads(stored.metadata()["run"])
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    header = change(header, tensors)
    path.unlink()
    save_file(tensors, path, metadata={"run": header if isinstance(header, str) else json.dumps(header)})
    path.rename(path.with_name(f"epoch000001-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.safetensors"))


FORGED = {
    "a list": lambda header, tensors: [],
    "null": lambda header, tensors: None,
    "a number": lambda header, tensors: 5,
    "deep": lambda header, tensors: "[" * 100_000,
    "no machines": lambda header, tensors: header | {"machines": None},
    "machines": lambda header, tensors: header | {"machines": 5},
    "notes": lambda header, tensors: header | {"notes": [1]},
    "snapshots": lambda header, tensors: header | {"snapshot_epochs": 7},
    "epochs of snapshots": lambda header, tensors: header | {"snapshot_epochs": {"last": "x"}},
    "divergence": lambda header, tensors: header | {"diverged_epoch": "1"},
    "no device": lambda header, tensors: {key: header[key] for key in header if key != "noise_device"},
    "history": lambda header, tensors: tensors.update(history=torch.zeros(2, 9)) or header,
    "epochs": lambda header, tensors: tensors.update(history=torch.full((1, 7), torch.nan)) or header,
    "longer": lambda header, tensors: tensors.update(history=tensors["history"].repeat(4, 1)) or header,
    "generator": lambda header, tensors: tensors.update({"generator/order": torch.zeros(3)}) or header,
    "network": lambda header, tensors: tensors.update({"network/affine.weight": torch.zeros(3)}) or header,
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_checkpoint_is_explained(experiment, store, change):
    forge(store, change)
    with pytest.raises(InputError, match=r"epoch000001-\w+\.safetensors is not a checkpoint of this software") as error:
        execute(spec(3), experiment, store, lambda state: None)
    assert "move it away" in str(error.value)
    assert run_status(spec(3), store).epoch == 1


def test_only_checkpoints_count_as_checkpoints(store):
    folder = RunFolder(store, spec(3)).checkpoints
    for name in ("epoch2.safetensors", "epochs.safetensors", "epoch000004-x.safetensors", "writing", "a.damaged"):
        (folder / name).write_text("")
    assert checkpoint_epochs(folder) == [1]
    assert checkpoint_epochs(folder / "nothing") == []


GARBAGE = ["{", "[]", '{"host": 5, "pid": 1, "started": 1.0, "mark": ""}', "[" * 100_000]
OTHERS = json.dumps({"host": "node7/boot/pid", "pid": 7, "started": 1.0, "mark": "theirs"})


@pytest.mark.parametrize("text", [*GARBAGE, OTHERS])
def test_a_lock_dated_in_the_future_holds_nothing(tmp_path, text):
    path = tmp_path / "run/lock"
    path.parent.mkdir()
    path.write_text(text)
    with RunLock(path).acquire() as other:
        assert other is not None, "it is young"
    os.utime(path, (0, time.time() + STALE - 60))
    with RunLock(path).acquire() as other:
        assert other is not None, "clocks may differ a little"
    os.utime(path, (0, time.time() + 86400 * 365))
    assert RunLock(path).is_dead(RunLock(path).owner())
    with RunLock(path).acquire() as other:
        assert other is None
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_is_no_lock(tmp_path, kind):
    path = tmp_path / "run/lock"
    path.parent.mkdir()
    if kind == "folder":
        (path / "mine").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(path)
        os.utime(path, (0, 0))
    else:
        path.symlink_to("nowhere")
        os.utime(path, (0, 0), follow_symlinks=False)
    with RunLock(path).acquire() as other:
        assert other is None
        with RunLock(path).acquire() as holder:
            assert holder.pid == os.getpid()
    assert [one.name for one in path.parent.iterdir() for one in one.iterdir()] == ["mine"] * (kind == "folder")


def test_a_folder_in_place_of_the_second_lock_is_no_obstacle_for_long(tmp_path):
    path = tmp_path / "run/lock"
    (tmp_path / "run/lock.takeover").mkdir(parents=True)
    path.write_text("{")
    os.utime(path, (0, 0))
    with RunLock(path).acquire() as other:
        assert other is not None
    with RunLock(path).acquire() as other:
        assert other is None


def test_a_name_from_a_lock_is_printable(tmp_path):
    (tmp_path / "lock").write_text(json.dumps(json.loads(OTHERS) | {"host": "a\x1b[31m/b"}))
    assert RunLock(tmp_path / "lock").owner().name == "process 7 on a\\x1b[31m"
