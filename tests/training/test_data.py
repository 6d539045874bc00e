import json

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, SEGMENTS, read_table, write_table
from pipeline.features.archive import MappedMatrices, read_archive
from pipeline.runs.scheduler import plan_all
from pipeline.training.batches import ResidentBank, StreamedBank
from pipeline.training.data import read_segments, resides
from tests.helpers.experiment import ACTORS, note_inputs, params_with, read_experiment, write_experiment


@pytest.fixture
def root(tmp_path):
    write_experiment(tmp_path)
    return tmp_path


def edit(path, schema, change):
    write_table(change(read_table(path, schema)), path, schema)


def test_the_bank_holds_the_archives_of_the_configured_corpora(root):
    experiment = read_experiment(params_with(), root)
    features = root / "data/features/spectrogram"
    matrices = [matrix for corpus in sorted(ACTORS) for _, matrix in read_archive(features / f"{corpus}.scp", root)]
    assert len(experiment.segments) == len(matrices) == 64
    for position in (0, 17, 63):
        batch = experiment.bank.gather(torch.tensor([position]))
        assert batch.frames.shape[1:] == (1, 4, 257)
        np.testing.assert_array_equal(batch.frames[0, 0, 2], matrices[position][0])
        assert batch.emotions.item() == params_with().classes.index(experiment.segments["emotion"][position])


def test_features_are_mapped_on_a_cpu_and_kept_in_memory_on_request_in_the_same_batches(root):
    resident = read_experiment(params_with({"execution": {"features": "resident"}}), root, processes=9).bank
    assert isinstance(resident, ResidentBank)
    for execution in ({}, {"features": "streamed"}):
        streamed = read_experiment(params_with({"execution": execution}), root).bank
        assert isinstance(streamed, StreamedBank)
        batch, again = resident.gather(torch.tensor([3, 60])), streamed.gather(torch.tensor([3, 60]))
        assert torch.equal(batch.frames, again.frames)


def test_features_are_kept_in_the_memory_of_a_gpu_that_has_room_for_all_processes(root, monkeypatch):
    params = params_with({"execution": {"features": "resident"}})
    experiment = read_experiment(params, root)
    matrices = MappedMatrices([root / f"data/features/spectrogram/{corpus}.scp" for corpus in sorted(ACTORS)], root)
    monkeypatch.setattr("pipeline.training.data.free_memory", lambda device: 3 * experiment.bank.rows.nbytes)

    def kept(device, processes):
        reading = params.reading_of("PreAct")
        return resides(experiment.segments, matrices, reading, experiment.shape, torch.device(device), processes)

    assert kept("cuda", 1)
    assert not kept("cuda", 2)
    assert not kept("cpu", 1)


def test_a_removed_corpus_leaves_no_trace_though_its_files_are_there(root):
    params = params_with({"corpora": {"savee": {"path": "savee"}}})
    with pytest.raises(
        InputError, match=r"inputs\.json is of the corpora emodb, savee; expected those of .* savee; `dvc"
    ):
        read_experiment(params, root)
    note_inputs(root, ["savee"])
    assert set(read_experiment(params, root).segments["corpus"]) == {"savee"}


def test_the_order_of_corpora_in_params_does_not_matter(root):
    turned = params_with({"corpora": {"savee": {"path": "savee"}, "emodb": {"path": "emodb"}}})
    assert read_experiment(turned, root).segments.equals(read_experiment(params_with(), root).segments)


def test_a_split_keeps_actors_apart_and_covers_all(root):
    experiment = read_experiment(params_with(), root)
    parts = experiment.split(1)
    train, valid = parts.train, parts.valid
    assert sorted([*train.tolist(), *valid.tolist()]) == list(range(64))
    assert len(parts.dev) == len(parts.test) == 0
    actors = experiment.segments["actor"]
    assert not set(actors[train.tolist()]) & set(actors[valid.tolist()])
    assert (experiment.segments["fold"][valid.tolist()] == 1).all()


def test_an_actor_without_a_fold_is_refused(root):
    edit(root / "data/folds.csv", FOLDS, lambda table: table[table["actor"] != "JK"])
    with pytest.raises(InputError, match="no fold for actor JK of savee; `dvc repro partition` makes it"):
        read_segments(ACTORS, root)


def test_a_fold_whose_actors_have_no_segments_is_refused(root):
    stranger = {"corpus": "emodb", "actor": "old", "gender": "F", "group": "old", "fold": 3}
    edit(root / "data/folds.csv", FOLDS, lambda table: pd.concat([table, pd.DataFrame([stranger])]))
    with pytest.raises(
        InputError, match=r"data/folds\.csv: fold 3 has only actors without segments .* \(old\); .*`dvc"
    ):
        read_segments(ACTORS, root)


def test_folds_that_were_edited_are_refused_before_any_run(root):
    edit(root / "data/folds.csv", FOLDS, lambda table: table.replace({"actor": {"JK": "KL"}, "fold": {2: 9}}))
    with pytest.raises(InputError, match=r"data/folds\.csv line 9: actor KL of savee is there with fold 9"):
        plan_all(params_with(), ["PreAct"], root)
    with pytest.raises(InputError, match=r"data/folds\.csv line 9: actor KL of savee"):
        read_experiment(params_with(), root)


def test_features_of_other_segments_are_refused(root):
    edit(root / "data/segments/emodb.csv", SEGMENTS, lambda table: table.iloc[1:])
    note_inputs(root)
    with pytest.raises(InputError, match=r"found emodb-spk03-joy0-1 of \d+ frames where .* has emodb-spk03-joy1-1"):
        read_experiment(params_with(), root)


def test_missing_features_are_refused(root):
    scp = root / "data/features/spectrogram/savee.scp"
    scp.write_text("\n".join(scp.read_text().splitlines()[:-1]) + "\n")
    note_inputs(root)
    with pytest.raises(InputError, match="holds no matrix of segment savee-KL-fear1-1"):
        read_experiment(params_with(), root)


def reversed_rows(path):
    """Write the last matrix of an archive upside down, where it lies."""
    key, matrix = list(read_archive(path.with_suffix(".scp"), path.parents[3]))[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: -matrix.nbytes] + matrix[::-1].tobytes())
    assert key


@pytest.mark.parametrize("features", ["auto", "resident"])
@pytest.mark.parametrize(
    "name", ["features/spectrogram/savee.ark", "features/spectrogram/emodb.scp", "segments/emodb.csv"]
)
def test_files_that_changed_after_the_stage_inputs_are_refused(root, name, features):
    path = root / "data" / name
    if path.suffix == ".ark":
        reversed_rows(path)
    else:
        path.write_text(path.read_text().replace("joy", "joY", 1))
    with pytest.raises(
        InputError, match=rf"^data/{name} has changed since the stage `inputs` .* begins with [0-9a-f]{{12}};"
    ):
        read_experiment(params_with({"execution.features": features}), root)


def test_features_of_a_front_end_that_inputs_does_not_know_are_refused(root):
    known = json.loads((root / "data/inputs.json").read_text())
    del known["savee"]["features"]["spectrogram"]
    (root / "data/inputs.json").write_text(json.dumps(known))
    with pytest.raises(
        InputError, match=r"inputs\.json does not describe the features of spectrogram .*`dvc repro inp"
    ):
        read_experiment(params_with(), root)
