import pytest
import torch
from safetensors.torch import save_file

from pipeline.core.errors import InputError
from pipeline.models.configured import configured_network
from pipeline.runs.weights import Weights, load_weights, save_weights
from tests.helpers.experiment import params_with


@pytest.fixture
def weights():
    params = params_with()
    model = params.models["PreActBN-Full"]
    tensors = configured_network(params.network, model, params.features, 4, seed=3).state_dict()
    return Weights(
        tensors, "identity", 7, params.network, model, params.classes, params.features, params.segment
    )  # fmt: skip


def test_weights_come_back_with_all_that_is_needed_to_use_them(weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(weights, path)
    again = load_weights(path)
    assert (again.identity, again.epoch, again.classes) == ("identity", 7, weights.classes)
    assert (again.network, again.model, again.features) == (weights.network, weights.model, weights.features)
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
    with pytest.raises(InputError, match="has format None, expected 'shaking-emotions-weights-1'"):
        load_weights(path)


def test_weights_that_do_not_fit_their_network_are_refused(weights, tmp_path):
    path = tmp_path / "weights.safetensors"
    del weights.tensors["affine.weight"]
    save_weights(weights, path)
    with pytest.raises(InputError, match="is damaged"):
        load_weights(path)
