"""Files of weights that somebody made to harm: any header ends in one message, before memory is taken."""

import json
import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.features.params import SegmentParams
from pipeline.models.registry import FAMILIES, family
from pipeline.runs.weights import Weights, load_weights, save_weights
from pipeline.training.params import Reading
from tests.helpers.experiment import CLASSES, params_with
from tests.helpers.rows import bank_of, design_of, fitted, voices

SPECTROGRAM = {"kind": "spectrogram", "cmvn": "segment"}
OPTIONS = {"resnext": {"layout": "PreAct"}, "random_forest": {"n_trees": 3, "min_leaf": 1}, "mlp": {"hidden": [3]}}
PARTS = ("classes", "model", "network", "features", "shape", "segment", "frontend", "reading", "epoch")


def weights_of(name):
    """Weights of a family with four classes, as training would save them."""
    kind = family(name)
    if kind.by_epochs:
        params = params_with({"models.X": {"label": "X", "family": name, **OPTIONS.get(name, {})}})
        design, reading = params.design_of("X", Shape(257, frequency_axis=True)), params.reading_of("X")
        tensors, frontend = kind.classifier(design, 0).state_dict(), SPECTROGRAM
    else:
        values, labels, actors = voices(60, 13)
        options = {"standardise": "fold", **OPTIONS.get(name, {"C": 0.1})} | ({"alpha": 0.1} if name == "mlp" else {})
        options = {key: value for key, value in options.items() if key != "C" or name in ("linear_svm", "logistic")}
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
        network, _ = fitted(name, bank_of(values, labels), actors, torch.arange(60).numpy(), **options)
        design, tensors = design_of(name, 13, 4, **options), network.state_dict()
        reading, frontend = Reading("mfcc", 0, 0, 1, "fp32", framewise=False), {"kind": "mfcc", "deltas": 0}
    return Weights(dict(tensors), "identity", 1, design, reading, frontend, CLASSES, SegmentParams(seconds=6.4))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of weights of each family."""
    folder = tmp_path_factory.mktemp("weights")
    for name in FAMILIES:
        save_weights(weights_of(name), folder / name)
    return folder


def forged(saved, name, target, change):
    """A copy of a file whose header and tensors `change` has edited in place."""
    with safe_open(saved / name, framework="pt") as stored:
        header, tensors = stored.metadata(), {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, target, metadata=header)
    return target


def refused(path):
    with pytest.raises(InputError) as caught:
        load_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged: ")
    assert message.isprintable(), "on one line, without control characters"
    message.encode("utf-8")
    assert len(message) < 1500
    return message


def set_in(part, **values):
    return lambda header, tensors: header.update({part: json.dumps(json.loads(header[part]) | values)})


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_of_every_family_come_back(saved, name):
    network = load_weights(saved / name).build()
    for key, tensor in weights_of(name).tensors.items():
        assert torch.equal(network.state_dict()[key], tensor)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_header_of_any_shape_is_explained(saved, tmp_path, name):
    texts = (
        "5",
        "null",
        "[]",
        "{}",
        '"\\ud800"',
        '["\\ud800", "b"]',
        "1e30",
        "[" * 100_000,
        "",
        '"\\u001b[31m"',
        "[5]",
    )
    for part in PARTS:
        for text in texts:
            if (part, text) not in {("network", "{}"), ("epoch", "5")}:
                path = forged(saved, name, tmp_path / "w", lambda header, _, p=part, t=text: header.update({p: t}))
                refused(path)
        refused(forged(saved, name, tmp_path / "w", lambda header, _, p=part: header.pop(p)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_in("network", branches=10**9), "network.branches is 1000000000; expected at most 1000000"),
        (set_in("network", branches=900_000), "more than the 3. tensors of the file"),
        (set_in("network", blocks=[900_000]), "more than the 3. tensors of the file"),
        (set_in("network", widths=[2, 900_000]), "size mismatch"),
        (set_in("network", blocks=[900_000] * 20), "the sum of all whole numbers is above 10000000"),
        (set_in("features", left=15_000), r"it reads frames \(2, 1, 8\); expected \(15000, 1, 8\)"),
        (set_in("shape", dims=1e30), "dims"),
        (set_in("reading", left=None), "left"),
        (set_in("frontend", kind="logmel", bands=10**6), "frontend.bands is 1000000; expected at most 4096"),
    ],
)
def test_sizes_are_compared_before_memory_is_taken(saved, tmp_path, monkeypatch, change, reason):
    monkeypatch.setattr(Weights, "build", lambda self: pytest.fail("built"))
    assert re.search(reason, refused(forged(saved, "resnext", tmp_path / "w", change)))


def test_a_model_frame_is_of_bounded_length(saved, tmp_path):
    def change(header, tensors):
        set_in("features", left=15_000)(header, tensors)
        set_in("reading", left=15_000)(header, tensors)

    assert "a model frame has 15002 frames; expected at most 512" in refused(
        forged(saved, "resnext", tmp_path / "w", change)
    )
    (line,) = params_with({"features.left": 15_000}).mistakes()
    assert line.startswith(
        "features: left + 1 + right gives model frames of 15002 spectrogram frames; expected at most"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda own: own["child"].__setitem__(0, 0) or own["child"].__setitem__((0, 1), 1),
            "a way down might never end",
        ),
        (lambda own: own["child"].fill_(10**6), "a way down might never end"),
        (lambda own: own["root"].fill_(10**6), "a way down might never end"),
        (lambda own: own["feature"].fill_(500), "compare column 501; expected at most 13"),
        (lambda own: own.update(share=own["share"][:, :2].clone()), "trees have tensors of the shapes"),
        (lambda own: own.update(threshold=own["threshold"].int()), "threshold has numbers of the type torch.int32"),
        (lambda own: own.pop("root"), "tensors are missing: root"),
        (lambda own: own.update({"a\x1b": torch.zeros(1)}), r"are not those of the classifier: a\\x1b"),
        (lambda own: own.update({"standardisation.mean": torch.zeros(1, 5).double()}), "expected a row of 13"),
    ],
)
def test_tensors_that_grow_are_compared_with_each_other(saved, tmp_path, change, reason):
    message = refused(forged(saved, "random_forest", tmp_path / "w", lambda _, tensors: change(tensors)))
    assert reason.replace("\\\\", "\\") in message
