"""One run over several processes gives what one process gives, but for the order of sums."""

import numpy as np
import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.runs.placement import _groups
from pipeline.runs.scheduler import fill_store, plan_all
from pipeline.runs.store import RunFolder
from tests.helpers.experiment import params_with, write_experiment


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("experiment")
    write_experiment(root)
    return root


def trained(root, number, monkeypatch, changes=()):
    monkeypatch.chdir(root)
    # The smaller the network, the less rounding adds up.
    small = {"train.epochs": 2, "network.widths": (2, 2)}
    params = params_with(small | {"execution.devices_per_run": number} | dict(changes))
    spec = plan_all(params, ["PreActBN-Full"])[0]
    store = root / f"store{number}"
    assert fill_store([spec], params, store).trained == 1
    return spec, RunFolder(store, spec).load()


@pytest.mark.parametrize(("number", "level"), [(2, "frame"), (3, "segment")])
def test_processes_that_share_batches_reach_the_network_of_one(root, monkeypatch, number, level):
    shake = {"models.PreActBN-Full.shake": {"bands": 2, "level": level}}
    spec, alone = trained(root, 1, monkeypatch, shake)
    same, shared = trained(root, number, monkeypatch, shake)
    assert spec.identity == same.identity, "how a run is executed is no part of it"
    assert shared.device.startswith(f"{number} x ")
    # Adam makes steps of equal size from gradients that are nothing but rounding (of a bias before a normalisation), so
    # the two drift apart; tests/models/test_collective.py holds a single step to all digits.
    for one, other in zip(alone.history, shared.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)
        assert one.valid_loss == pytest.approx(other.valid_loss, rel=1e-2)
        assert one.train_score == pytest.approx(other.train_score, abs=4)
    last, again = alone.snapshots["last"], shared.snapshots["last"]
    for name, weights in last.weights.items():
        # Two dozen steps of at most 0.01 each.
        assert (again.weights[name].float() - weights.float()).abs().max() < 0.1, name
    np.testing.assert_allclose(again.probabilities, last.probabilities, atol=2e-2)


def test_a_run_continues_over_more_processes_than_it_began_with(root, monkeypatch):
    monkeypatch.chdir(root)
    store = root / "continued"
    for epochs, number in ((1, 1), (3, 2), (4, 1)):
        params = params_with({"train.epochs": epochs, "execution.devices_per_run": number})
        spec = plan_all(params, ["PreAct"])[0]
        assert fill_store([spec], params, store).trained == 1
    run = RunFolder(store, spec).load()
    assert [row.epoch for row in run.history] == [1, 2, 3, 4]
    assert run.device.count(", then ") == 2


def test_a_process_that_cannot_begin_ends_the_run_with_a_message(root, monkeypatch):
    monkeypatch.chdir(root)
    params = params_with({"train.epochs": 2, "execution.devices_per_run": 2})
    spec = plan_all(params, ["PreAct"])[0]
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no-such-interface")
    with pytest.raises(InputError, match="1 of 1 runs failed"):
        fill_store([spec], params, root / "failing")


def test_a_run_wants_no_more_devices_than_there_are():
    devices = [torch.device("cuda", index) for index in range(8)]
    assert _groups(devices, 4) == ["cuda:0", "cuda:4"]
    assert _groups(devices, 3) == ["cuda:0", "cuda:3"]
    with pytest.raises(InputError, match=r"devices_per_run is 2, and there are 1 devices for cuda:0"):
        _groups(devices[:1], 2)
