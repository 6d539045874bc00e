import pytest

from pipeline.runs.identity import RunSpec, data_hash, source_hash
from tests.helpers.experiment import params_with


def identity(changes=None, model="PreActBN-Full", fold=1, seed=2, data="data"):
    params = params_with(changes)
    return RunSpec(model, fold, seed, params.train.epochs, params, data).identity


@pytest.mark.parametrize(
    "changes",
    [
        {"train.epochs": 9},
        {"train.seeds": (1, 2, 3)},
        {"train.folds": (1,)},
        {"execution.workers": 4},
        {"execution.checkpoint_seconds": 5.0},
        {"report.selection": "crossval"},
        {"models.PreActBN-Full.label": "another label"},
        {"models.PreAct": {"label": "x", "layout": "RPreAct"}},
        {"corpora.emodb.path": "elsewhere"},
    ],
)
def test_what_does_not_change_a_runs_numbers_does_not_change_its_identity(changes):
    assert identity(changes) == identity()


@pytest.mark.parametrize(
    "changes",
    [
        {"train.learning_rate": 0.02},
        {"train.precision": "bf16"},
        {"train.threads": 2},
        {"train.batch_segments": 4},
        {"network.dropout": 0.2},
        {"features.every": 4},
        {"partition.folds": 4},
        {"classes": ("anger", "joy", "sadness", "fear")},
        {"models.PreActBN-Full.gamma0": 0.1},
        {"models.PreActBN-Full.shake": None},
    ],
)
def test_what_changes_a_runs_numbers_changes_its_identity(changes):
    assert identity(changes) != identity()


def test_fold_seed_and_data_are_part_of_it():
    assert len({identity(), identity(fold=2), identity(seed=1), identity(data="other")}) == 4


def test_models_that_differ_in_their_key_alone_are_one_run():
    changes = {"models.Twin": {"label": "Twin", "layout": "PreActBN", "shake": {"bands": 1}}}
    assert identity(changes, model="Twin") == identity()


def test_random_streams_depend_on_seed_and_fold_and_not_on_the_model():
    def streams(model, fold, seed):
        spec = RunSpec(model, fold, seed, 1, params_with(), "data")
        return [spec.stream(purpose) for purpose in ("initialisation", "order", "noise")]

    assert streams("PreAct", 1, 2) == streams("PreActBN-Full", 1, 2)
    assert len({*streams("PreAct", 1, 2), *streams("PreAct", 2, 1), *streams("PreAct", 1, 1)}) == 9


SOURCE = '''
"""A module."""

RATE = 0.5  # per epoch
"""What it means."""


def step(x: float) -> float:
    """Do it."""
    return x * RATE
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# per epoch", "# per pass"), ('"""A module."""', '"""Another."""'), ('    """Do it."""\n', ""),
        ('"""What it means."""', ""), ("x * RATE", "(x\n            * RATE)"),
    ],
)  # fmt: skip
def test_comments_docstrings_and_layout_are_not_arithmetic(old, new):
    assert source_hash({"a.py": SOURCE.replace(old, new)}) == source_hash({"a.py": SOURCE})


@pytest.mark.parametrize(("old", "new"), [("0.5", "0.6"), ("x * RATE", "x + RATE"), ("x * RATE", "RATE * x")])
def test_an_edit_of_the_arithmetic_counts(old, new):
    assert source_hash({"a.py": SOURCE.replace(old, new)}) != source_hash({"a.py": SOURCE})


def test_the_data_hash_follows_inputs_and_folds(tmp_path):
    inputs, folds = tmp_path / "inputs.json", tmp_path / "folds.csv"
    inputs.write_text("{}")
    folds.write_text("fold\n1\n")
    before = data_hash(inputs, folds)
    folds.write_text("fold\n2\n")
    assert data_hash(inputs, folds) != before
