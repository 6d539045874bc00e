import json
from contextlib import nullcontext

import pytest

from pipeline.core.errors import InputError
from pipeline.core.tables import write_table
from pipeline.evaluation.loading import check_one_experiment, load_details, load_runs
from pipeline.runs.tables import RUNS, SPLIT_DIGITS
from tests.evaluation.test_comparison import A, runs_of


def test_only_configured_models_are_read_in_their_order(tmp_path):
    for model in ("PreAct", "PreAct-Full", "Removed"):
        write_table(runs_of(model, A), tmp_path / f"{model}.csv", RUNS)
    runs = load_runs(tmp_path, ["PreAct-Full", "PostAct", "PreAct"])
    assert list(runs["model"].unique()) == ["PreAct-Full", "PreAct"]


def test_no_runs_at_all_is_an_empty_table(tmp_path):
    assert list(load_runs(tmp_path / "none", ["PreAct"]).columns) == list(RUNS.columns)


def test_a_file_of_another_model_is_refused(tmp_path):
    write_table(runs_of("PreAct", A), tmp_path / "PreActBN.csv", RUNS)
    with pytest.raises(InputError, match=r"PreActBN.csv: holds the model 'PreAct'; expected 'PreActBN' only"):
        load_runs(tmp_path, ["PreActBN"])


def test_a_run_there_twice_is_refused_with_its_line(tmp_path):
    table = runs_of("PreAct", A[:2])
    table.loc[4, ["fold", "selection"]] = [1, "best"]
    write_table(table, tmp_path / "PreAct.csv", RUNS)
    with pytest.raises(InputError, match=r"line 6: fold 1 seed 1, selection best occurs a second time"):
        load_runs(tmp_path, ["PreAct"])


def test_sidecars(tmp_path):
    run = {"fold": 1, "seed": 2, "identity": "ab", "status": "done", "device": "cpu", "precision": "fp32",
           "versions": {"torch": "2.11.0", "python": "3.11"}, "data": "d1", "source": "s1",
           "family": "resnext", "frontend": "spectrogram"}  # fmt: skip
    (tmp_path / "PreAct.json").write_text(json.dumps({"model": "PreAct", "runs": [run]}), encoding="utf-8")
    (details,) = load_details(tmp_path, ["PreAct", "PostAct"])
    assert (details.model, details.fold, details.device) == ("PreAct", 1, "cpu")
    assert details.versions == (("python", "3.11"), ("torch", "2.11.0"))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"runs": [{"fold": 1}]}', '{"runs": 3}'])
def test_a_broken_sidecar_is_refused(tmp_path, text):
    (tmp_path / "PreAct.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"PreAct.json is not a list of runs .* `dvc repro --force train@PreAct`"):
        load_details(tmp_path, ["PreAct"])


@pytest.mark.parametrize(
    ("other", "what"), [({"data": "d2"}, "data d1.* on d2"), ({"source": "s2"}, "code s1.* on s2")]
)
def test_runs_of_different_data_or_code_are_not_compared(tmp_path, other, what):
    run = {
        "fold": 1,
        "seed": 2,
        "identity": "ab",
        "device": "cpu",
        "precision": "fp32",
        "versions": {},
        "data": "d1",
        "source": "s1",
        "family": "resnext",
        "frontend": "spectrogram",
    }
    for model, changed in (("PreAct", run), ("PreAct-Full", run | other), ("Removed", run | {"data": "d9"})):
        (tmp_path / f"{model}.json").write_text(json.dumps({"model": model, "runs": [changed]}), encoding="utf-8")
    check_one_experiment(load_details(tmp_path, ["PreAct"]), tmp_path)
    with pytest.raises(InputError, match=rf"PreAct fold 1 seed 2 was trained on {what}; .*cannot be compared"):
        check_one_experiment(load_details(tmp_path, ["PreAct", "PreAct-Full"]), tmp_path)


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ({"frontend": "egemaps", "data": f"{'a' * SPLIT_DIGITS}2"}, False),
        ({"frontend": "egemaps", "data": f"{'b' * SPLIT_DIGITS}1"}, True),
        ({"frontend": "spectrogram", "data": f"{'a' * SPLIT_DIGITS}2"}, True),
        ({"reads": "frames", "data": f"{'a' * SPLIT_DIGITS}2"}, False),
        ({"variants": ["fast"], "data": f"{'a' * SPLIT_DIGITS}2"}, False),
        ({"variants": ["fast"], "data": f"{'b' * SPLIT_DIGITS}1"}, True),
        ({"family": "svm", "source": "s2"}, False),
        ({"family": "resnext", "source": "s2"}, True),
    ],
)
def test_features_are_compared_within_a_front_end_and_code_within_a_family(tmp_path, other, refused):
    run = {
        "fold": 1, "seed": 2, "identity": "ab", "device": "cpu", "precision": "fp32", "versions": {},
        "data": f"{'a' * SPLIT_DIGITS}1", "source": "s1", "family": "resnext", "frontend": "spectrogram",
    }  # fmt: skip
    for model, changed in (("PreAct", run), ("Other", run | other)):
        (tmp_path / f"{model}.json").write_text(json.dumps({"model": model, "runs": [changed]}), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be compared") if refused else nullcontext():
        check_one_experiment(load_details(tmp_path, ["PreAct", "Other"]), tmp_path)
