from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.runs.identity import RunSpec
from pipeline.runs.weights import Weights, load_weights, save_weights
from tests.helpers.experiment import params_with


@pytest.fixture
def weights():
    params = params_with()
    spec = RunSpec("PreActBN-Full", 1, 1, 7, params, "data")
    design = spec.design(Shape(dims=257))
    frontend = {"kind": "spectrogram", "cmvn": "segment"}
    tensors = spec.family.build(design, 3).state_dict()
    return Weights(tensors, "identity", 7, design, spec.reading, frontend, params.classes, params.segment)


def test_weights_come_back_with_all_that_is_needed_to_use_them(weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(weights, path)
    again = load_weights(path)
    assert (again.identity, again.epoch, again.classes) == ("identity", 7, weights.classes)
    assert (again.design, again.reading, again.frontend) == (weights.design, weights.reading, weights.frontend)
    network = again.build()
    assert not network.training
    assert all(torch.equal(value, weights.tensors[name]) for name, value in network.state_dict().items())


def test_the_same_weights_are_the_same_bytes(weights, tmp_path):
    for name in ("a", "b"):
        save_weights(weights, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_files_are_refused(weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_weights(path)
    path.write_bytes(b"no weights at all")
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_weights(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="has format None, expected 'shaking-emotions-weights-3'"):
        load_weights(path)


def test_weights_that_do_not_fit_their_network_are_refused(weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    del weights.tensors["affine.weight"]
    save_weights(weights, path)
    with pytest.raises(InputError, match="is damaged"):
        load_weights(path)


@pytest.mark.parametrize(
    ("frontend", "reason"),
    [
        ({"kind": "spectrogram", "cmvn": "sentence"}, "'segment' or 'utterance'"),
        ({"kind": "spectrogram", "mels": 40}, "mels"),
        ({"kind": "spectogram"}, "'spectogram' is not a kind of front end"),
    ],
)
def test_weights_whose_front_end_is_not_one_of_this_version_are_refused(weights, tmp_path, frontend, reason):
    path = tmp_path / "weights.safetensors"
    save_weights(replace(weights, frontend=frontend), path)
    with pytest.raises(InputError, match=rf"(?s)weights\.safetensors is damaged: .*{reason}"):
        load_weights(path)
