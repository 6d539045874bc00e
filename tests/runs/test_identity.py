import copy
import json
from dataclasses import astuple
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.models.registry import FAMILIES
from pipeline.runs.identity import RunSpec, data_hash, repeat_rows, science_sources, split_hashes
from pipeline.runs.scheduler import plan
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


@pytest.fixture
def centroid(monkeypatch):
    """A family that is fitted at once to single frames, without the section `network`."""
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    return {"models.Centroid": {"label": "Centroid", "family": "centroid"}}


@pytest.mark.parametrize("changes", [{"network.dropout": 0.9}, {"features.every": 4}, {"train.learning_rate": 0.5}])
def test_what_a_family_does_not_use_is_no_part_of_it(centroid, changes):
    assert identity(centroid | changes, model="Centroid") == identity(centroid, model="Centroid")


@pytest.mark.parametrize("changes", [{"train.threads": 2}, {"classes": ("anger", "joy", "sadness", "fear")}])
def test_what_a_family_uses_is_part_of_it(centroid, changes):
    assert identity(centroid | changes, model="Centroid") != identity(centroid, model="Centroid")


def test_the_key_of_a_front_end_counts_for_nothing_beside_the_content_of_its_features():
    changes = {"models.Other": {"label": "O", "layout": "PreActBN", "shake": {"bands": 1}, "frontend": "other"},
               "frontends": {"other": {"kind": "spectrogram"}}}  # fmt: skip
    assert identity(changes, model="Other") == identity()


def test_fold_seed_and_data_are_part_of_it():
    assert len({identity(), identity(fold=2), identity(seed=1), identity(data="other")}) == 4


def test_a_further_partition_is_another_run_and_leaves_those_of_the_first():
    params = params_with({"partition.repeats": 2})
    first, second = (RunSpec("PreAct", 1, 1, 4, params, "data", repeat) for repeat in (1, 2))
    assert first.identity == RunSpec("PreAct", 1, 1, 4, params_with(), "data").identity
    assert second.identity != first.identity
    assert not {*astuple(first.seeds)} & {*astuple(second.seeds)}
    assert (first.name, second.name) == ("PreAct fold 1 seed 1", "PreAct repeat 2 fold 1 seed 1")
    assert [(spec.repeat, spec.data) for spec in plan(params, "PreAct", ["a", "b"])] == [(1, "a")] * 4 + [(2, "b")] * 4


def test_the_rows_of_a_partition_are_the_file_of_a_single_one():
    single = b"corpus,actor,gender,group,fold\nemodb,01,M,01,1\nemodb,NA,F,NA,2\n"
    several = (
        b"corpus,actor,gender,group,fold,repeat\nemodb,01,M,01,1,1\nemodb,NA,F,NA,2,1\n"
        b"emodb,01,M,01,2,2\nemodb,NA,F,NA,1,2\n"
    )
    assert repeat_rows(single, 1) == single
    assert repeat_rows(several, 1) == single
    assert repeat_rows(several, 2).splitlines()[1] == b"emodb,01,M,01,2"


def test_folds_beside_its_own_leave_a_run_as_it_is(tmp_path):
    """`leave_one_out` adds folds to `data/parts.csv`, and its other folds do not count for a run."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/inputs.json").write_text('{"emodb": {"segments": "s"}}')
    assert split_hashes(tmp_path, 1) == {}
    header = "repeat,fold,utterance,part\n"
    (tmp_path / "data/parts.csv").write_text(header)
    assert split_hashes(tmp_path, 1) == {}

    def runs(rows, folds, data):
        (tmp_path / "data/parts.csv").write_text(header + rows)
        params = params_with({"partition.folds": folds, "train.folds": tuple(range(1, folds + 1))})
        found = plan(params, "PreAct", [data], [split_hashes(tmp_path, 1)])
        return {spec.fold: spec.identity for spec in found if spec.seed == 1}

    two = "1,1,u,train\n1,1,v,valid\n1,2,u,valid\n1,2,v,train\n"
    before = runs(two, 2, "aaaaaaaaaafeatures")
    after = runs(two + "1,3,u,train\n1,3,v,unused\n1,11,u,valid\n2,1,u,valid\n", 3, "bbbbbbbbbbfeatures")
    assert len(set(after.values())) == 3
    assert before.items() <= after.items()
    other = runs(two.replace("1,2,u,valid", "1,2,u,dev"), 2, "aaaaaaaaaafeatures")
    assert (other[1] == before[1], other[2] == before[2]) == (True, False)
    assert runs(two, 2, "aaaaaaaaaaothers")[1] != before[1]


def test_models_that_differ_in_their_key_alone_are_one_run():
    changes = {"models.Twin": {"label": "Twin", "layout": "PreActBN", "shake": {"bands": 1}}}
    assert identity(changes, model="Twin") == identity()


def test_random_streams_depend_on_seed_and_fold_and_not_on_the_model():
    def streams(model, fold, seed):
        return astuple(RunSpec(model, fold, seed, 1, params_with(), "data").seeds)

    assert streams("PreAct", 1, 2) == streams("PreActBN-Full", 1, 2)
    assert len({*streams("PreAct", 1, 2), *streams("PreAct", 2, 1), *streams("PreAct", 1, 1)}) == 9


@pytest.mark.parametrize(
    ("seed", "fold", "expected"),
    [
        (0, 1, (3964924996, 901243215, 3884055042)),
        (1, 1, (1189033389, 1639030180, 3005640382)),
        (2, 3, (2108521801, 782383878, 404222042)),
        (7, 4, (3335713882, 3210196619, 1523371816)),
    ],
)
def test_the_numbers_of_the_streams_stay(seed, fold, expected):
    """SeedSequence([seed, fold, 0 to 2]) of NumPy, one 32-bit word each: results depend on these."""
    assert astuple(RunSpec("PreAct", fold, seed, 1, params_with(), "data").seeds) == expected


@pytest.fixture
def data(tmp_path):
    entry = {"segments": "s", "num_segments": 2, "features": {name: {"ark": name, "scp": name} for name in ("a", "b")}}
    (tmp_path / "inputs.json").write_text(json.dumps({"emodb": entry}))
    (tmp_path / "folds.csv").write_text("fold\n1\n")

    def hashes(change=lambda entry: None, folds="1"):
        changed = copy.deepcopy(entry)
        change(changed)
        (tmp_path / "inputs.json").write_text(json.dumps({"emodb": changed}))
        (tmp_path / "folds.csv").write_text(f"fold\n{folds}\n")
        return [data_hash(tmp_path / "inputs.json", tmp_path / "folds.csv", name) for name in ("a", "b")]

    return hashes


def test_the_data_hash_follows_segments_folds_and_the_features_of_its_front_end(data):
    first, second = data()
    assert first != second
    assert not {first, second} & {*data(folds="2")}
    assert not {first, second} & {*data(lambda entry: entry.update(segments="t"))}
    assert data(lambda entry: entry["features"]["b"].update(ark="c"))[0] == first, (
        "another front end counts for nothing"
    )
    assert data(lambda entry: entry["features"]["b"].update(ark="c"))[1] != second
    assert data(lambda entry: entry["features"].update(c={"ark": "c", "scp": "c"})) == [first, second]


def test_features_of_a_front_end_that_were_not_made_are_explained(data):
    with pytest.raises(
        InputError, match=r"inputs\.json has no features of the front end b \(KeyError: 'b'\); `dvc repro in"
    ):
        data(lambda entry: entry["features"].pop("b"))


OWN = {
    "models.Fast": {"label": "Fast", "layout": "PreAct", "train": {"learning_rate": 0.05}},
    "models.Deep": {"label": "Deep", "layout": "PreAct", "network": {"blocks": (2,)}},
    "models.Wide": {"label": "Wide", "layout": "PreAct", "features": {"left": 3}},
}


def test_models_of_one_file_may_differ_in_rate_depth_and_splicing():
    params = params_with(OWN)
    specs = {key: RunSpec(key, 1, 1, 4, params, "data") for key in ("PreAct", "Fast", "Deep", "Wide")}
    assert {key: spec.train.recipe.learning_rate for key, spec in specs.items()} == {
        "PreAct": 0.01, "Fast": 0.05, "Deep": 0.01, "Wide": 0.01,
    }  # fmt: skip
    depths = {key: len(spec.family.build(spec.design(Shape(257)), 0).stages[0]) for key, spec in specs.items()}
    assert depths == {"PreAct": 1, "Fast": 1, "Deep": 2, "Wide": 1}
    assert {key: spec.design(Shape(257)).features.context for key, spec in specs.items()} == {
        "PreAct": 4, "Fast": 4, "Deep": 4, "Wide": 5,
    }  # fmt: skip
    assert {key for key, spec in specs.items() if spec.reading == specs["PreAct"].reading} == {"PreAct", "Fast", "Deep"}
    assert len({spec.identity for spec in specs.values()}) == 4
    assert len({spec.seeds for spec in specs.values()}) == 1


def test_a_models_own_values_change_its_identity_alone():
    before = {key: identity(OWN, model=key) for key in ("PreAct", "Fast", "Deep", "PreActBN-Full")}
    changed = OWN | {"models.Fast": OWN["models.Fast"] | {"train": {"learning_rate": 0.06}}}
    after = {key: identity(changed, model=key) for key in before}
    assert {key for key in before if before[key] != after[key]} == {"Fast"}
    assert identity({"models.PreActBN-Full.train": {"learning_rate": 0.01}}) == identity(), "the value that all have"
    assert identity({"models.PreActBN-Full.train": {"epochs": 9}}) == identity()


def test_a_models_own_epochs_are_those_of_its_runs():
    params = params_with({"models.PreAct.train": {"epochs": 2}})
    assert {spec.epochs for spec in plan(params, "PreAct", ["data"])} == {2}
    assert {spec.epochs for spec in plan(params, "PreActBN-Full", ["data"])} == {4}


def test_a_family_without_randomness_has_one_run_a_fold(monkeypatch):
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    specs = plan(params_with({"models.C": {"label": "C", "family": "centroid"}}), "C", ["data"])
    assert [(spec.fold, spec.seed) for spec in specs] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [specs.index(next(other for other in specs if other.identity == spec.identity)) for spec in specs] == [
        0,
        0,
        2,
        2,
    ]
    assert specs[0].seeds == specs[1].seeds != specs[2].seeds


def test_a_family_counts_for_its_own_runs_alone(monkeypatch):
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    params = params_with({"models.C": {"label": "C", "family": "centroid"}})
    sources = {key: {*RunSpec(key, 1, 1, 1, params, "data").sources} for key in ("C", "PreAct")}
    assert sources["C"] - sources["PreAct"] == {"tests/helpers/centroid.py"}
    assert "pipeline/models/families/resnext.py" in sources["PreAct"] - sources["C"]


def test_the_code_of_a_run_is_found_by_rule():
    sources = params_spec().sources
    assert {Path(file).parent.as_posix() for file in sources} >= {"pipeline/models", "pipeline/training"}
    assert not any(file.startswith(("pipeline/core", "pipeline/params", "pipeline/reporting")) for file in sources)
    assert {"pipeline/models/families/resnext.py", "pipeline/models/resnext.py", "pipeline/training/loop.py"} <= {
        *sources
    }
    assert "pipeline/training/run.py" in sources, "seeds are derived there"
    # What a front end computes counts by the content of its features, which `data_hash` follows.
    assert not any(file.startswith("pipeline/frontends") for file in sources)


def params_spec():
    params = params_with()
    return RunSpec("PreAct", 1, 1, params.train.epochs, params, "data")


FILES = {
    "pipeline/models/__init__.py": "",
    "pipeline/models/base.py": "LIMIT = 1",
    "pipeline/models/resnext.py": "from pipeline.models.base import LIMIT\nfrom pipeline.core.wording import counted",
    "pipeline/models/registry.py": "FAMILIES = {'resnext': 'pipeline.models.resnext'}",
    "pipeline/core/wording.py": "COUNT = 1",
    "pipeline/training/loop.py": "from pipeline.models.registry import FAMILIES\nRATE = 1",
    "pipeline/frontends/spectrogram.py": "SHIFT = 160",
    "pipeline/frontends/mel.py": "SHIFT = 160",
}
MODULES = ("pipeline.training.loop", "pipeline.models.resnext", "pipeline.frontends.spectrogram")


def tree_hashes(folder, changes=()):
    for name, text in (FILES | dict(changes)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return science_sources(MODULES, folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"pipeline/models/svm.py": "from pipeline.models.base import LIMIT"},
        {
            "pipeline/models/registry.py": "FAMILIES = {'resnext': 'pipeline.models.resnext', 'svm': 'pipeline.models.svm'}"
        },
        {
            "pipeline/training/loop.py": "from pipeline.models.registry import FAMILIES\nRATE = 1  # an epoch\nprint(RATE)"
        },
        {"pipeline/frontends/mel.py": "SHIFT = 80"},
        {"pipeline/core/wording.py": "COUNT = 2"},
    ],
    ids=["family", "registered", "message", "front end", "wording"],
)
def test_what_is_not_of_a_run_changes_no_hash_of_it(tmp_path, changes):
    assert tree_hashes(tmp_path / "before") == tree_hashes(tmp_path / "after", changes)


@pytest.mark.parametrize(
    "file", ["models/base.py", "models/resnext.py", "training/loop.py", "frontends/spectrogram.py"]
)
def test_arithmetic_of_a_run_changes_the_hash_of_its_file(tmp_path, file):
    path = f"pipeline/{file}"
    before = tree_hashes(tmp_path / "before")
    after = tree_hashes(tmp_path / "after", {path: f"{FILES[path]}\nMORE = 2"})
    assert {name for name in before if before[name] != after[name]} == {path}
