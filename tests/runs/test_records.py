"""Finished runs whose files were damaged, edited or renamed, and runs of before there were digests."""

import hashlib
import json
import os
import shutil

import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.runs.records import records_in, sealed
from pipeline.runs.run import execute
from pipeline.runs.status import run_status
from pipeline.runs.store import RunFolder
from tests.helpers.experiment import params_with, read_experiment, write_experiment
from tests.runs.test_store import spec


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with one run of two epochs."""
    root = tmp_path_factory.mktemp("trained")
    write_experiment(root)
    execute(spec(2), read_experiment(params_with(), root), root / "store", lambda state: None)
    return root / "store"


@pytest.fixture
def store(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "store")


def finished(store):
    return RunFolder(store, spec(2)).folder / "finished"


def edit(store, change, name="000002.json"):
    path = finished(store) / name
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def refused(store, the_spec=None):
    with pytest.raises(InputError, match="delete both to train the run again") as caught:
        RunFolder(store, the_spec or spec(2)).load()
    return str(caught.value)


def test_a_finished_run_is_compared_with_its_digests(store):
    assert RunFolder(store, spec(2)).load().has_digests
    assert run_status(spec(2), store).note == ""


@pytest.mark.parametrize("place", [-1, -4000])
def test_one_flipped_bit_of_the_weights_is_noticed(store, place):
    path = finished(store) / "000002.safetensors"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert "the content of 000002.safetensors does not match its weights_sha256" in refused(store)


def test_an_edited_accuracy_is_noticed_and_another_layout_is_not(store):
    edit(store, lambda record: None)
    assert RunFolder(store, spec(2)).load().status == "done"
    edit(store, lambda record: record["history"][1].update(valid_score=99.0))
    assert "its content does not match its sha256, so it was changed" in refused(store)
    assert run_status(spec(2), store).state == "failed"


def test_a_record_renamed_to_more_epochs_is_not_a_run_of_so_many(store):
    for ending in ("json", "safetensors"):
        (finished(store) / f"000002.{ending}").rename(finished(store) / f"000009.{ending}")
    assert "it has 2 epochs, and its name says 9" in refused(store, spec(9))


def test_a_record_renamed_to_a_diverged_one_is_no_such(store):
    (finished(store) / "000002.json").rename(finished(store) / "000002.diverged.json")
    assert "its status is 'done', and its name says otherwise" in refused(store)


def without_digests(record):
    del record["sha256"], record["weights_sha256"]


def test_a_run_of_before_there_were_digests_stays_valid_and_is_listed_as_such(store):
    edit(store, without_digests)
    run = RunFolder(store, spec(2)).load()
    assert (run.status, len(run.history), run.has_digests) == ("done", 2, False)
    status = run_status(spec(2), store)
    assert (status.state, status.note) == ("done", "without digests, of an earlier version")


def test_also_such_a_run_has_the_epochs_of_its_name(store):
    edit(store, without_digests)
    edit(store, lambda record: record["history"].pop())
    assert "it has 1 epochs, and its name says 2" in refused(store)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.clear(),
        lambda record: record.update(history=5),
        lambda record: record.update(history=[1, 2]),
        lambda record: record.update(snapshot_epochs=["last"]),
        lambda record: record.pop("device"),
    ],
)
def test_a_record_of_any_shape_is_explained(store, change):
    edit(store, without_digests)
    edit(store, change)
    assert refused(store)


@pytest.mark.parametrize("text", ["[]", "null", "5", "[" * 100_000, '{"a": 1', "\udcff"])
def test_a_record_that_is_no_object_is_explained(store, text):
    (finished(store) / "000002.json").write_text(text, "utf-8", "surrogateescape")
    assert refused(store)


def test_a_pipe_in_place_of_a_record_is_not_waited_for(store, tmp_path):

    (finished(store) / "000002.json").unlink()
    os.mkfifo(finished(store) / "000002.json")
    assert "it is not a regular file" in refused(store)


def test_files_that_are_no_records_are_none(store):
    for name in ("x.diverged.json", "notes.json", "000003 (copy).json", ".000002.json.x", "3.json", "000001.txt"):
        (finished(store) / name).write_text("{}")
    assert [record.path.name for record in records_in(finished(store))] == ["000002.json"]
    assert RunFolder(store, spec(2)).load().status == "done"
    assert records_in(store / "nothing") == []


def test_the_digests_are_those_of_the_files(tmp_path):

    path = tmp_path / "weights"
    path.write_bytes(torch.arange(5).numpy().tobytes())
    record = sealed({"b": 1.5, "a": None}, path)
    assert record["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    text = json.dumps({"a": None, "b": 1.5, "weights_sha256": record["weights_sha256"]})
    assert record["sha256"] == hashlib.sha256(text.encode()).hexdigest()
