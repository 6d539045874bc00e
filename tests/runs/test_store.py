import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.core.errors import InputError
from pipeline.core.source import source_hash
from pipeline.runs.identity import RunSpec
from pipeline.runs.resuming import checkpoint_epochs
from pipeline.runs.run import execute
from pipeline.runs.store import RunFolder
from tests.helpers.experiment import params_with, read_experiment, write_experiment

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    root = tmp_path_factory.mktemp("experiment")
    write_experiment(root)
    return read_experiment(params_with(), root)


def spec(epochs=4, checkpoint_seconds=0, model="PreActBN-Full", **changes):
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    params = params_with({"train.epochs": epochs, "execution.checkpoint_seconds": checkpoint_seconds, **changes})
    return RunSpec(model, 1, 2, epochs, params, "data")


class Killed(Exception):
    pass


def run(experiment, store, the_spec, kill_at=None):
    """Execute a run and return the epochs it trained; `kill_at` ends it after that epoch as a crash would."""
    epochs = []

    def progress(state):
        epochs.append(state.epoch)
        if state.epoch == kill_at:
            raise Killed

    execute(the_spec, experiment, store, progress)
    return epochs


def outcome(store, the_spec):
    """All that the store says of a finished run, to the last bit."""
    finished = RunFolder(store, the_spec).load()
    arrays = [
        array
        for snapshot in finished.snapshots.values()
        for array in (*snapshot.weights.values(), snapshot.probabilities)
    ]
    return repr(finished.history), [array.numpy().tobytes() for array in arrays]


def test_a_finished_run_is_not_trained_again(experiment, tmp_path):
    assert run(experiment, tmp_path, spec()) == [1, 2, 3, 4]
    assert run(experiment, tmp_path, spec()) == []
    assert RunFolder(tmp_path, spec()).finished()


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4])
def test_a_killed_run_continues_and_ends_with_the_same_bits(experiment, tmp_path, kill_at):
    run(experiment, tmp_path / "whole", spec())
    with pytest.raises(Killed):
        run(experiment, tmp_path / "killed", spec(), kill_at)
    assert run(experiment, tmp_path / "killed", spec()) == list(range(kill_at + 1, 5))
    assert outcome(tmp_path / "killed", spec()) == outcome(tmp_path / "whole", spec())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shake", {"backward": "M4", "level": "segment"}),
        ("shakedrop", {"last_keep": 0.5}),
        ("mixup", {"alpha": 0.4}),
        ("mixup", {"alpha": 0.4, "manifold": True}),
        ("vcl", {"samples": 2}),
    ],
    ids=["M4", "shakedrop", "mixup", "manifold", "vcl"],
)
def test_every_option_of_a_model_changes_it_and_is_continued_with_the_same_bits(experiment, tmp_path, option, value):
    entry = {"label": "Asked", "layout": "PreActBN", option: value}
    asked, plain = (
        spec(2, model="Asked", **{"models__Asked": given})
        for given in (entry, {"label": "Asked", "layout": "PreActBN"})
    )
    for one in (asked, plain):
        run(experiment, tmp_path / "whole", one)
    assert outcome(tmp_path / "whole", asked)[1] != outcome(tmp_path / "whole", plain)[1]
    with pytest.raises(Killed):
        run(experiment, tmp_path / "killed", asked, 1)
    assert run(experiment, tmp_path / "killed", asked) == [2]
    assert outcome(tmp_path / "killed", asked) == outcome(tmp_path / "whole", asked)


def test_more_epochs_continue_and_agree_with_a_run_of_that_length(experiment, tmp_path):
    run(experiment, tmp_path / "extended", spec(epochs=3))
    assert run(experiment, tmp_path / "extended", spec(epochs=7)) == [4, 5, 6, 7]
    run(experiment, tmp_path / "direct", spec(epochs=7))
    assert outcome(tmp_path / "extended", spec(epochs=7)) == outcome(tmp_path / "direct", spec(epochs=7))
    assert run(experiment, tmp_path / "extended", spec(epochs=3)) == [], "the shorter one is still there"


def test_fewer_epochs_train_again_from_what_is_kept_and_say_so(experiment, tmp_path, capsys):
    run(experiment, tmp_path / "long", spec(epochs=7))
    again = run(experiment, tmp_path / "long", spec(epochs=3))
    assert again == [1, 2, 3]
    assert "trained for 7 epochs before, now 3 are requested" in capsys.readouterr().err
    run(experiment, tmp_path / "direct", spec(epochs=3))
    assert outcome(tmp_path / "long", spec(epochs=3)) == outcome(tmp_path / "direct", spec(epochs=3))
    assert run(experiment, tmp_path / "long", spec(epochs=7)) == [], "the longer one is still there"


def test_fewer_epochs_continue_from_a_kept_checkpoint_below_them(experiment, tmp_path):
    run(experiment, tmp_path / "store", spec(epochs=2))
    run(experiment, tmp_path / "store", spec(epochs=7))
    assert run(experiment, tmp_path / "store", spec(epochs=4)) == [3, 4]
    run(experiment, tmp_path / "direct", spec(epochs=4))
    assert outcome(tmp_path / "store", spec(epochs=4)) == outcome(tmp_path / "direct", spec(epochs=4))


def test_a_shorter_run_that_is_killed_keeps_its_own_checkpoints_beside_the_longer_runs(experiment, tmp_path):
    run(experiment, tmp_path / "store", spec(epochs=7))
    with pytest.raises(Killed):
        run(experiment, tmp_path / "store", spec(epochs=5), kill_at=3)
    assert run(experiment, tmp_path / "store", spec(epochs=5)) == [4, 5]
    assert checkpoint_epochs(RunFolder(tmp_path / "store", spec()).checkpoints) == [4, 5, 6, 7]
    run(experiment, tmp_path / "direct", spec(epochs=5))
    assert outcome(tmp_path / "store", spec(epochs=5)) == outcome(tmp_path / "direct", spec(epochs=5))


def test_a_rolling_checkpoint_at_the_epochs_asked_for_is_enough(experiment, tmp_path):
    with pytest.raises(Killed):
        run(experiment, tmp_path / "store", spec(epochs=7), kill_at=4)
    assert run(experiment, tmp_path / "store", spec(epochs=4)) == []
    run(experiment, tmp_path / "direct", spec(epochs=4))
    assert outcome(tmp_path / "store", spec(epochs=4)) == outcome(tmp_path / "direct", spec(epochs=4))


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_used(experiment, tmp_path, capsys):
    with pytest.raises(Killed):
        run(experiment, tmp_path, spec(), kill_at=3)
    folder = RunFolder(tmp_path, spec()).checkpoints
    newest = max(folder.glob("*.safetensors"))
    content = bytearray(newest.read_bytes())
    content[-10] ^= 1
    newest.write_bytes(content)
    assert run(experiment, tmp_path, spec()) == [3, 4]
    assert "is damaged, set aside" in capsys.readouterr().err
    assert newest.with_suffix(".damaged").exists()


def test_a_checkpoint_of_a_later_version_is_refused(experiment, tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr("pipeline.training.checkpoints.FORMAT", 3)
        with pytest.raises(Killed):
            run(experiment, tmp_path, spec(), kill_at=1)
    with pytest.raises(InputError, match="has format 3, this software reads 2"):
        run(experiment, tmp_path, spec())


def test_old_checkpoints_go_and_the_ends_of_finished_runs_stay(experiment, tmp_path):
    run(experiment, tmp_path, spec(epochs=2))
    run(experiment, tmp_path, spec(epochs=7))
    assert checkpoint_epochs(RunFolder(tmp_path, spec()).checkpoints) == [2, 6, 7]


def test_checkpoints_wait_for_their_interval(experiment, tmp_path):
    with pytest.raises(Killed):
        run(experiment, tmp_path, spec(checkpoint_seconds=3600), kill_at=3)
    assert checkpoint_epochs(RunFolder(tmp_path, spec()).checkpoints) == []


def test_a_diverged_run_is_finished_for_any_number_of_epochs_from_there(experiment, tmp_path):
    huge = {"train__learning_rate": 1e30}
    run(experiment, tmp_path, spec(**huge))
    finished = RunFolder(tmp_path, spec(**huge)).load()
    assert finished.status == "diverged"
    assert finished.diverged_epoch in (1, 2)
    assert finished.snapshots == {}
    assert run(experiment, tmp_path, spec(epochs=9, **huge)) == []


def test_a_damaged_result_is_explained(experiment, tmp_path):
    run(experiment, tmp_path, spec(epochs=1))
    record = next(tmp_path.glob("*/finished/*.json"))
    record.write_text(record.read_text()[:40])
    with pytest.raises(InputError, match="is damaged .* delete both to train the run again"):
        RunFolder(tmp_path, spec(epochs=1)).load()


def test_damaged_weights_are_explained(experiment, tmp_path):
    run(experiment, tmp_path, spec(epochs=1))
    weights = next(tmp_path.glob("*/finished/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged .* delete both to train the run again"):
        RunFolder(tmp_path, spec(epochs=1)).load()


def test_a_run_continued_on_another_kind_of_device_says_so(experiment, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("pipeline.runs.run.device_name", lambda device: "a GPU")
        with pytest.raises(Killed):
            run(experiment, tmp_path, spec(), kill_at=2)
    path = max(RunFolder(tmp_path, spec()).checkpoints.glob("*.safetensors"))
    with safe_open(path, framework="pt") as stored:
        header = json.loads(stored.metadata()["run"]) | {"noise_device": "cuda"}
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    path.unlink()
    save_file(tensors, path, metadata={"run": json.dumps(header)})
    path.rename(path.with_name(f"epoch000002-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.safetensors"))
    assert run(experiment, tmp_path, spec()) == [3, 4]
    assert "shaking and dropout were drawn on cuda; on cpu they continue with other draws" in capsys.readouterr().err
    first, then = RunFolder(tmp_path, spec()).load().device.split(", then ")
    assert first.startswith("a GPU, torch ")
    assert "CPU" in then


def test_what_the_identity_was_made_of_is_written_beside_the_run(experiment, tmp_path):
    run(experiment, tmp_path, spec(epochs=1))
    description = json.loads((RunFolder(tmp_path, spec(epochs=1)).folder / "run.json").read_text())
    sources = description.pop("sources")
    assert description == json.loads(json.dumps(spec(epochs=1).description()))
    assert source_hash(sources) == spec().source


def test_the_place_of_the_store_is_a_setting_that_changes_no_run(tmp_path, monkeypatch):
    """So that copies of a project, as `dvc exp run --temp` makes, can share one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    plain, shared = params_with(), params_with({"execution.store": "~/runs"})
    assert plain.execution.store_folder == Path(".runs")
    assert shared.execution.store_folder == tmp_path / "runs"
    ours, theirs = (RunSpec("PreAct", 1, 1, 4, params, "data").identity for params in (plain, shared))
    assert ours == theirs
