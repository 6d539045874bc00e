"""Options of training among the params: what they contradict, and when a run is a longer one's beginning."""

import pytest

from pipeline.runs import placement
from pipeline.runs.identity import RunSpec
from pipeline.runs.placement import warnings_of
from tests.helpers.experiment import params_with

ATTEND = {"label": "attention", "family": "attention"}


def identity(train=None, model=None):
    params = params_with(
        {"models.attend": ATTEND | (model or {}), **{f"train.{key}": value for key, value in (train or {}).items()}}
    )
    return RunSpec("attend", 1, 1, params.train_of("attend").epochs, params, "data").identity


@pytest.mark.parametrize(
    "train",
    [
        {"optimiser": "adamw"}, {"weight_decay": 0.1}, {"schedule": "cosine"}, {"warm_up": 0.1}, {"clip_norm": 1.0},
        {"loss": "focal"}, {"sampling": "balanced"}, {"augment": {}}, {"augment": {"time_masks": 1}},
    ],
)  # fmt: skip
def test_every_option_of_training_is_part_of_the_identity(train):
    assert identity(train) != identity()
    assert identity(model={"train": train}) == identity(train)


def test_epochs_are_part_of_the_identity_where_the_rate_depends_on_them():
    assert identity({"epochs": 9}) == identity()
    for train in ({"schedule": "one_cycle"}, {"schedule": "cosine"}, {"warm_up": 0.1}):
        assert identity(train | {"epochs": 9}) != identity(train)


@pytest.mark.parametrize(
    ("model", "train", "message"),
    [
        (
            {"train": {"focal_gamma": 1.0}}, {},
            "models.attend.train: focal_gamma is 1, and loss is cross_entropy; expected it with `loss: focal` alone",
        ),
        (
            {"family": "resnext", "layout": "PreAct", "mixup": {"alpha": 0.2}}, {"loss": "focal"},
            "models.attend.mixup: its segments have two classes, and train.loss is focal; expected cross_entropy",
        ),
        (
            {"convolutions": (8,), "frontend": "level"}, {},
            "models.attend.frontend: level gives columns that are not neighbouring frequencies, and the family attention "
            "reads frequencies, along which it convolves; choose another front end or family",
        ),
    ],
)  # fmt: skip
def test_options_without_effect_are_named(model, train, message, monkeypatch):
    if "frontend" in model:
        from pipeline.frontends.spectrogram import Spectrogram

        monkeypatch.setattr(Spectrogram, "frequency_axis", False)
    changes = {
        "frontends": {"level": {"kind": "spectrogram", "cmvn": "utterance"}},
        "models": {"attend": ATTEND | model},
    }
    params = params_with(changes | {f"train.{key}": value for key, value in train.items()})
    assert params.mistakes() == [message]


def test_options_of_training_by_epochs_are_refused_for_a_family_without(monkeypatch):
    from pipeline.models.registry import FAMILIES

    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    entry = {"label": "x", "family": "centroid", "train": {"augment": {}, "epochs": 3, "threads": 2}}
    assert params_with({"models": {"mine": entry}}).mistakes() == [
        f"models.mine.train.{name}: the family centroid is not trained by epochs, so it has no effect; remove it"
        for name in ("augment", "epochs")
    ]


@pytest.mark.parametrize("able", [True, False])
def test_bf16_warns_where_it_is_emulated(monkeypatch, able):
    monkeypatch.setattr(placement, "multiplies_bf16", lambda device: able)
    params = params_with({"models.attend": ATTEND | {"train": {"precision": "bf16"}}})
    found = list(warnings_of(params, ["PreAct", "attend"]))
    assert len(found) == (not able)
    expected = "train.precision is bf16 for attend, and this processor has no bf16 instructions"
    assert all(warning.startswith(expected) for warning in found)
    assert list(warnings_of(params, ["PreAct"])) == []


def test_more_workers_than_cores_are_said(monkeypatch):
    monkeypatch.setattr("pipeline.runs.placement.available_cores", lambda: 2)
    params = params_with({"execution.workers": 9})
    assert list(warnings_of(params, ["PreAct"])) == [
        "execution.workers is 9, and this process may use 2 cores: 2 workers are used"
    ]
    assert list(warnings_of(params_with({"execution.workers": 2}), ["PreAct"])) == []
